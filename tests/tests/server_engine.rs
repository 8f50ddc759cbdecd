//! What requests do, as transactions on a store, without a socket.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_schema::Schema;
use ablo_server::engine::claims::{self, Answer, Ask, Place};
use ablo_server::engine::commit::{Commit, commit};
use ablo_server::engine::plan::plan;
use ablo_server::engine::read::{self, ListQuery};
use ablo_server::engine::{Engine, log};
use ablo_server::error::Failure;
use ablo_server::identity::{Identity, Operations, organization_group};
use ablo_server::store::{Place as Where, Sqlite, Store, Tenant};
use ablo_wire::{CommitReceipt, Operation, ParticipantKind, RawRow};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","scope":"deck","mutable":true,"relations":{},"fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}}},
  "slides":{"typename":"Slide","mutable":true,"fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "rank":{"type":"number","isOptional":true,"isIndexed":false},
    "done":{"type":"boolean","isOptional":true,"isIndexed":false},
    "notes":{"type":"json","isOptional":true,"isIndexed":false}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId","foreignKeyColumn":"deck_id","options":{"parent":true}}}}}}"#;

struct World {
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    commits: u32,
}

impl World {
    fn new() -> Self {
        let schema: Schema = ablo_schema::front::json::read(SCHEMA).schema.expect("a schema");
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(&Where::Memory, &schema).expect("a store"));
        Self { engine: Arc::new(Engine::new(&schema, store.dialect())), store, commits: 0 }
    }

    async fn run<T: Send + 'static>(
        &self,
        who: &Identity,
        mut job: impl FnMut(&Engine, &mut dyn ablo_server::store::Tx) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let engine = Arc::clone(&self.engine);
        self.store.writing(Tenant::Of(who.organization.clone()), move |tx| job(&engine, tx)).await
    }

    async fn commit(&mut self, who: &Identity, operations: &str) -> Result<CommitReceipt, Failure> {
        self.commits += 1;
        let id = format!("tx-{}", self.commits);
        self.commit_as(who, &id, operations).await
    }

    async fn commit_as(&self, who: &Identity, id: &str, operations: &str) -> Result<CommitReceipt, Failure> {
        let operations: Vec<Operation<RawRow>> = serde_json::from_str(operations).expect("operations");
        let changes = plan(&self.engine.models, who, &operations)?;
        let body_hash = blake3::hash(serde_json::to_string(&operations).expect("JSON").as_bytes()).to_hex().to_string();
        let made = Commit { client_tx_id: id.to_owned(), changes, body_hash, caused_by: None, claim: None };
        let who = who.clone();
        self.run(&who.clone(), move |engine, tx| commit(engine, tx, &who, &made)).await
    }
}

fn user(name: &str) -> Identity {
    Identity {
        organization: "acme".to_owned(),
        participant: name.to_owned(),
        kind: ParticipantKind::User,
        on_behalf_of: None,
        capability: "cap".to_owned(),
        operations: Operations::All,
        groups: BTreeSet::from([organization_group("acme")]),
        user_meta: "{}".to_owned(),
        expires_at: None,
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> String {
    result.expect_err("a refusal").into_refusal().code().to_owned()
}

const DECK: &str = r#"[{"action":"create","model":"decks","id":"d1","data":{"title":"Plan"}}]"#;
const SLIDE: &str = r#"[{"action":"create","model":"slide","id":"s1","data":{"deckId":"d1","title":"One","rank":1.5,"done":false,"notes":{"a":[1]}}}]"#;

#[tokio::test]
async fn rows_are_written_read_and_logged() {
    let mut world = World::new();
    let ann = user("ann");
    assert_eq!(world.commit(&ann, DECK).await.expect("a receipt").last_sync_id.map(|at| at.0), Some(1));
    world.commit(&ann, SLIDE).await.expect("a receipt");
    world
        .commit(&ann, r#"[{"type":"UPDATE","model":"slide","id":"s1","input":{"title":"Two","rank":null}}]"#)
        .await
        .expect("a receipt");
    let who = ann.clone();
    let page = world
        .run(&ann, move |engine, tx| {
            read::list(engine, tx, &who, engine.models.find("Slide").expect("a model"), &ListQuery::default())
        })
        .await
        .expect("a page");
    assert_eq!(page.stamp, 3);
    let row: serde_json::Value = serde_json::from_str(&page.rows[0]).expect("JSON");
    assert_eq!(row["title"], "Two");
    assert_eq!(
        (&row["rank"], &row["done"], &row["notes"]),
        (&serde_json::Value::Null, &false.into(), &serde_json::json!({"a": [1]}))
    );
    let deltas = world.run(&ann, |_, tx| Ok(log::since(tx, "acme", 0, 10)?)).await.expect("deltas");
    assert_eq!(deltas.iter().map(|delta| &*delta.action).collect::<Vec<_>>(), ["I", "I", "U"]);
    assert_eq!(deltas[2].groups, BTreeSet::from(["deck:d1".to_owned(), "org:acme".to_owned()]));
}

#[tokio::test]
async fn a_commit_is_applied_once_and_whole() {
    let mut world = World::new();
    let ann = user("ann");
    let first = world.commit_as(&ann, "once", DECK).await.expect("a receipt");
    assert_eq!(world.commit_as(&ann, "once", DECK).await.expect("the same receipt"), first);
    assert_eq!(code(world.commit_as(&ann, "once", SLIDE).await), "idempotency_conflict");
    let half = r#"[{"action":"update","model":"decks","id":"d1","data":{"title":"Half"}},{"action":"update","model":"decks","id":"none","data":{}}]"#;
    assert_eq!(code(world.commit(&ann, half).await), "entity_not_found");
    let deltas = world.run(&ann, |_, tx| Ok(log::since(tx, "acme", 0, 10)?)).await.expect("deltas");
    assert_eq!(deltas.len(), 1, "the first operation of a refused commit left nothing");
}

#[tokio::test]
async fn what_is_based_on_an_old_read_is_refused() {
    let mut world = World::new();
    let (ann, bob) = (user("ann"), user("bob"));
    world.commit(&ann, DECK).await.expect("a receipt");
    world.commit(&ann, SLIDE).await.expect("a receipt");
    world
        .commit(&bob, r#"[{"action":"update","model":"slides","id":"s1","data":{"title":"Bob's"}}]"#)
        .await
        .expect("a receipt");
    let stale =
        |field: &str| format!(r#"[{{"action":"update","model":"slides","id":"s1","data":{{{field}}},"readAt":2}}]"#);
    let refusal = world.commit(&ann, &stale(r#""title":"Ann's""#)).await.expect_err("a refusal").into_refusal();
    assert_eq!(refusal.code(), "stale_context");
    let body = serde_json::to_value(refusal.envelope()).expect("JSON");
    assert_eq!(body["conflicts"][0]["conflictingFields"], serde_json::json!(["title"]));
    assert_eq!(body["conflicts"][0]["data"]["title"], "Bob's");
    world.commit(&ann, &stale(r#""rank":7"#)).await.expect("another field does not conflict");
    world.commit(&bob, &stale(r#""title":"Mine""#)).await.expect("one's own change does not conflict");
}

#[tokio::test]
async fn a_claim_keeps_others_out_and_a_line_behind_it() {
    let mut world = World::new();
    let (ann, bob, eve) = (user("ann"), user("bob"), user("eve"));
    world.commit(&ann, DECK).await.expect("a receipt");
    let ask = |id: &str, queue: bool| Ask {
        id: id.to_owned(),
        row: "d1".to_owned(),
        action: "editing".to_owned(),
        description: None,
        place: Place::default(),
        ttl: 60_000,
        queue,
    };
    let begin = |who: &Identity, ask: Ask| {
        let (who, world) = (who.clone(), &world);
        let own = who.clone();
        async move {
            world
                .run(&own, move |engine, tx| {
                    Ok(claims::begin(tx, &who, engine.models.find("decks").expect("a model"), &ask)?)
                })
                .await
        }
    };
    assert!(matches!(begin(&ann, ask("a", true)).await.expect("an answer"), Answer::Held(_)));
    assert!(matches!(begin(&bob, ask("b", true)).await.expect("an answer"), Answer::Queued(_, 0)));
    assert!(matches!(begin(&eve, ask("e", true)).await.expect("an answer"), Answer::Queued(_, 1)));
    assert!(matches!(begin(&eve, ask("f", false)).await.expect("an answer"), Answer::Refused(_)));
    assert!(matches!(begin(&bob, ask("b", true)).await.expect("an answer"), Answer::Queued(_, 0)), "asked twice");
    let write = r#"[{"action":"update","model":"decks","id":"d1","data":{"title":"Mine"}}]"#;
    assert_eq!(code(world.commit_as(&bob, "bob-1", write).await), "entity_claimed");
    world.commit_as(&ann, "ann-1", write).await.expect("the holder writes");
    let who = ann.clone();
    assert!(
        world
            .run(&ann, move |engine, tx| Ok(claims::abandon(tx, &who, &engine.models, "a")?))
            .await
            .expect("an answer")
    );
    let line = world.run(&ann, |_, tx| Ok(claims::line(tx, "acme", "decks", "d1")?)).await.expect("a line");
    assert_eq!(line.holder.map(|claim| claim.id), Some("b".to_owned()));
    assert_eq!(line.queue.iter().map(|claim| &*claim.id).collect::<Vec<_>>(), ["e"]);
    assert_eq!(line.ended.iter().map(|claim| &*claim.status).collect::<Vec<_>>(), ["committed"]);
    world.commit_as(&bob, "bob-2", write).await.expect("now it is bob's");
}
