//! The engine on both stores, without HTTP: commits, reads, stale writes and claims.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::engine::Engine;
use ablo_server::engine::claims::ClaimOutcome;
use ablo_server::engine::commit::{Submission, commit_all};
use ablo_server::engine::read::ListQuery;
use ablo_server::identity::Identity;
use ablo_server::store::Tx;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, ask, code, user};
use std::collections::BTreeSet;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "decks":{"typename":"Deck","scope":"deck","mutable":true,"relations":{},
    "fields":{"title":{"type":"string","isOptional":false,"isIndexed":false}}},
  "slides":{"typename":"Slide","mutable":true,"fields":{
    "deckId":{"type":"string","isOptional":false,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "rank":{"type":"number","isOptional":true,"isIndexed":false},
    "done":{"type":"boolean","isOptional":true,"isIndexed":false},
    "notes":{"type":"json","isOptional":true,"isIndexed":false}},
   "relations":{"deck":{"type":"belongsTo","target":"decks","foreignKey":"deckId",
     "foreignKeyColumn":"deck_id","options":{"parent":true}}}}}}"#;

on_both_stores! { super::SCHEMA;
    rows_are_written_read_and_logged
    a_commit_is_applied_once_and_as_a_whole
    a_stale_write_is_refused
    a_claim_blocks_other_writers_and_queues_waiters
    a_refused_commit_does_not_affect_the_others_of_its_set
    a_set_is_decided_like_its_commits_one_by_one
    deltas_without_an_actor_are_readable
}

const UNIQUE: &str = r#"{"v":3,"identityRoles":[],"models":{
  "people":{"typename":"Person","mutable":true,"relations":{},"fields":{
    "fullName":{"type":"string","isOptional":true,"isIndexed":false},
    "emailAddress":{"type":"string","isOptional":false,"isIndexed":false,"unique":true}}}}}"#;

on_both_stores! { super::UNIQUE;
    a_unique_violation_names_the_field
}

const OWNED: &str = r#"{"v":3,"identityRoles":[],"models":{
  "users":{"typename":"User","scope":"user","mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "notes":{"typename":"Note","mutable":true,"autoFill":[{"field":"ownerId","from":"userId"}],
   "fields":{"ownerId":{"type":"string","isOptional":true,"isIndexed":false}},
   "relations":{"owner":{"type":"belongsTo","target":"users","foreignKey":"ownerId",
     "foreignKeyColumn":"owner_id","options":{"parent":true}}}}}}"#;

on_both_stores! { super::OWNED;
    a_parent_that_the_coordinator_fills_gives_its_groups
}

async fn a_parent_that_the_coordinator_fills_gives_its_groups(world: World) {
    let create = r#"[{"action":"create","model":"users","id":"u1","data":{"name":"Uma"}}]"#;
    world.commit(&user("ann"), create).await.expect("the commit succeeds");
    let mut uma = user("u1");
    uma.groups = BTreeSet::from(["user:u1".to_owned()]);
    let note = r#"[{"action":"create","model":"notes","id":"n1","data":{}}]"#;
    world.commit(&uma, note).await.expect("the note is visible to its owner");
    let log = world.log(&uma, 1).await.expect("the log");
    assert!(log[0].groups.contains("user:u1"), "{:?}", log[0].groups);
}

const DECK: &str = r#"[{"action":"create","model":"decks","id":"d1","data":{"title":"Plan"}}]"#;
const SLIDE: &str = r#"[{"action":"create","model":"slide","id":"s1","data":{"deckId":"d1",
    "title":"One","rank":1.5,"done":false,"notes":{"a":[1]}}}]"#;

async fn rows_are_written_read_and_logged(world: World) {
    let ann = user("ann");
    assert_eq!(
        world.commit(&ann, DECK).await.expect("the commit succeeds").last_sync_id.map(|at| at.0),
        Some(1)
    );
    world.commit(&ann, SLIDE).await.expect("the commit succeeds");
    world
        .commit(
            &ann,
            r#"[{"type":"UPDATE","model":"slide","id":"s1","input":{"title":"Two","rank":null}}]"#,
        )
        .await
        .expect("the commit succeeds");
    let page = world.list(&ann, "Slide", ListQuery::default()).await.expect("the list succeeds");
    assert_eq!(page.sync_id, 3);
    let row: serde_json::Value = serde_json::from_str(&page.rows[0]).expect("valid JSON");
    assert_eq!(row["title"], "Two");
    assert_eq!(
        (&row["rank"], &row["done"], &row["notes"]),
        (&serde_json::Value::Null, &false.into(), &serde_json::json!({"a": [1]}))
    );
    let deltas = world.log(&ann, 0).await.expect("the log is readable");
    assert_eq!(deltas.iter().map(|delta| &*delta.action).collect::<Vec<_>>(), ["I", "I", "U"]);
    assert_eq!(deltas[2].groups, BTreeSet::from(["deck:d1".to_owned(), "org:acme".to_owned()]));
}

async fn a_refused_commit_does_not_affect_the_others_of_its_set(world: World) {
    let create = |id: &str, title: &str| {
        format!(
            r#"[{{"action":"create","model":"decks","id":"{id}","data":{{"title":"{title}"}}}},
                {{"action":"create","model":"slide","data":{{"deckId":"{id}","title":"1"}}}}]"#
        )
    };
    let ann = user("ann");
    let commits = [
        world.planned(&ann, "first", &create("d1", "Plan")),
        world.planned(&ann, "other", &create("d1", "Another")),
        // The deck `d2` is created before the commit is refused.
        world.planned(
            &ann,
            "broken",
            r#"[{"action":"create","model":"decks","id":"d2","data":{"title":"x"}},
                {"action":"update","model":"decks","id":"missing","data":{"title":"x"}}]"#,
        ),
        world.planned(
            &ann,
            "update",
            r#"[{"action":"update","model":"decks","id":"d1","data":{"title":"Agenda"}}]"#,
        ),
        world.planned(&ann, "again", &create("d2", "Second")),
    ];
    let outcomes = world
        .write(&ann, move |engine, tx, who| {
            let set: Vec<Submission<'_>> =
                commits.iter().map(|commit| Submission { who, commit }).collect();
            commit_all(engine, tx, &who.organization, &set)
        })
        .await
        .expect("the set is written");
    let shown: Vec<&str> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map_or("", |refusal| refusal.code()))
        .collect();
    assert_eq!(shown, ["", "unique_violation", "entity_not_found", "", ""]);
    let rows = world.bootstrap(&ann).await.expect("the rows");
    let titles: Vec<String> =
        rows["Deck"].iter().map(|row| ablo_tests::server::json(row)["title"].to_string()).collect();
    assert_eq!(titles, ["\"Agenda\"", "\"Second\""]);
    let log = world.log(&ann, 0).await.expect("the log");
    assert_eq!(
        log.iter().map(|delta| &*delta.action).collect::<Vec<_>>(),
        ["I", "I", "U", "I", "I"]
    );
}

async fn a_set_is_decided_like_its_commits_one_by_one(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    world.commit(&ann, DECK).await.expect("the commit succeeds");
    let update = |title: &str, read_at: u64| {
        format!(
            r#"[{{"action":"update","model":"decks","id":"d1","readAt":{read_at},
                "data":{{"title":"{title}"}}}}]"#
        )
    };
    let commits = [
        (ann.clone(), world.planned(&ann, "ann", &update("Ann", 1))),
        (bob.clone(), world.planned(&bob, "bob", &update("Bob", 1))),
        (ann.clone(), world.planned(&ann, "ann", &update("Ann", 1))),
        (ann.clone(), world.planned(&ann, "more", DECK)),
    ];
    let outcomes = world
        .write(&ann, move |engine, tx, who| {
            let set: Vec<Submission<'_>> =
                commits.iter().map(|(who, commit)| Submission { who, commit }).collect();
            commit_all(engine, tx, &who.organization, &set)
        })
        .await
        .expect("the set is written");
    let codes: Vec<&str> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map_or("", |refusal| refusal.code()))
        .collect();
    assert_eq!(codes, ["", "stale_context", "", "unique_violation"]);
    assert_eq!(outcomes[0], outcomes[2], "a repeated key returns the receipt");
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), 2);
}

async fn deltas_without_an_actor_are_readable(world: World) {
    let ann = user("ann");
    world.commit(&ann, DECK).await.expect("the commit succeeds");
    let strip = |_: &Engine, tx: &mut Tx<'_>, _: &Identity| {
        let sql = "UPDATE sync_deltas SET actor_id = NULL, actor_kind = NULL";
        Ok(tx.connection().execute(sql, &[])?)
    };
    world.write(&ann, strip).await.expect("the update succeeds");
    assert_eq!(world.log(&ann, 0).await.expect("the log is readable").len(), 1);
    let stale = r#"[{"action":"update","model":"decks","id":"d1","readAt":1,
        "data":{"title":"Next"}}]"#;
    world.commit(&ann, stale).await.expect("nothing has changed since");
}

async fn a_unique_violation_names_the_field(world: World) {
    let ann = user("ann");
    for (id, email) in [("p1", "one@example.com"), ("p2", "two@example.com")] {
        let create = format!(
            r#"[{{"action":"create","model":"people","id":"{id}",
                "data":{{"emailAddress":"{email}"}}}}]"#
        );
        world.commit(&ann, &create).await.expect("the row is created");
    }
    let create = r#"[{"action":"create","model":"people","id":"p3",
        "data":{"emailAddress":"one@example.com"}}]"#;
    let update = r#"[{"action":"update","model":"people","id":"p2",
        "data":{"emailAddress":"one@example.com"}}]"#;
    for operations in [create, update] {
        let error = world.commit(&ann, operations).await.expect_err("the value is taken");
        let error = error.into_api_error();
        assert_eq!(error.code(), "unique_violation");
        assert_eq!(error.envelope().param.as_deref(), Some("people.emailAddress"));
        assert_eq!(error.envelope().message, "another row of people has the same `emailAddress`");
    }
    // An id of another organisation is free.
    let mut stranger = user("eve");
    stranger.organization = "other".to_owned();
    stranger.groups = BTreeSet::from(["org:other".to_owned()]);
    let create = r#"[{"action":"create","model":"people","id":"p1",
        "data":{"emailAddress":"x@example.com"}}]"#;
    world.commit(&stranger, create).await.expect("the id is free");
    let error = world.commit(&ann, create).await.expect_err("the id is taken");
    let error = error.into_api_error();
    assert_eq!(error.code(), "unique_violation");
    assert_eq!(error.envelope().param.as_deref(), Some("people.id"));
    assert_eq!(error.envelope().message, "another row of people has the same `id`");
}

async fn a_commit_is_applied_once_and_as_a_whole(world: World) {
    let ann = user("ann");
    let first = world.commit_as(&ann, "once", DECK).await.expect("the commit succeeds");
    assert_eq!(world.commit_as(&ann, "once", DECK).await.expect("the same receipt"), first);
    assert_eq!(code(world.commit_as(&ann, "once", SLIDE).await), "idempotency_conflict");
    let half = r#"[{"action":"update","model":"decks","id":"d1","data":{"title":"Half"}},
        {"action":"update","model":"decks","id":"none","data":{}}]"#;
    assert_eq!(code(world.commit(&ann, half).await), "entity_not_found");
    let deltas = world.log(&ann, 0).await.expect("the log is readable");
    assert_eq!(deltas.len(), 1, "the refused commit is rolled back as a whole");
}

async fn a_stale_write_is_refused(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    world.commit(&ann, DECK).await.expect("the commit succeeds");
    world.commit(&ann, SLIDE).await.expect("the commit succeeds");
    world
        .commit(
            &bob,
            r#"[{"action":"update","model":"slides","id":"s1","data":{"title":"Bob's"}}]"#,
        )
        .await
        .expect("the commit succeeds");
    let stale = |field: &str| {
        format!(
            r#"[{{"action":"update","model":"slides","id":"s1","data":{{{field}}},"readAt":2}}]"#
        )
    };
    let refusal = world
        .commit(&ann, &stale(r#""title":"Ann's""#))
        .await
        .expect_err("the commit is refused")
        .into_api_error();
    assert_eq!(refusal.code(), "stale_context");
    let body = serde_json::to_value(refusal.envelope()).expect("valid JSON");
    assert_eq!(body["conflicts"][0]["conflictingFields"], serde_json::json!(["title"]));
    assert_eq!(body["conflicts"][0]["data"]["title"], "Bob's");
    world.commit(&ann, &stale(r#""rank":7"#)).await.expect("another field does not conflict");
    // Bob's change may be that of another worker with his key.
    let own = world.commit(&bob, &stale(r#""title":"Mine""#)).await;
    assert_eq!(code(own), "stale_context");
}

async fn a_claim_blocks_other_writers_and_queues_waiters(world: World) {
    let (ann, bob, eve) = (user("ann"), user("bob"), user("eve"));
    world.commit(&ann, DECK).await.expect("the commit succeeds");
    assert!(matches!(
        world.claim(&ann, "decks", ask("a", "d1", true)).await.expect("the request succeeds"),
        ClaimOutcome::Held(_)
    ));
    assert!(matches!(
        world.claim(&bob, "decks", ask("b", "d1", true)).await.expect("the request succeeds"),
        ClaimOutcome::Queued(_, 0)
    ));
    assert!(matches!(
        world.claim(&eve, "decks", ask("e", "d1", true)).await.expect("the request succeeds"),
        ClaimOutcome::Queued(_, 1)
    ));
    assert!(matches!(
        world.claim(&eve, "decks", ask("f", "d1", false)).await.expect("the request succeeds"),
        ClaimOutcome::Refused(_)
    ));
    assert!(
        matches!(
            world.claim(&bob, "decks", ask("b", "d1", true)).await.expect("the request succeeds"),
            ClaimOutcome::Queued(_, 0)
        ),
        "a repeated request keeps its position"
    );
    let write = r#"[{"action":"update","model":"decks","id":"d1","data":{"title":"Mine"}}]"#;
    assert_eq!(code(world.commit_as(&bob, "bob-1", write).await), "entity_claimed");
    world.commit_as(&ann, "ann-1", write).await.expect("the holder writes");
    assert!(world.abandon(&ann, "a").await.expect("the request succeeds"));
    let queue = world.claim_queue(&ann, "decks", "d1").await.expect("the claim queue is readable");
    assert_eq!(queue.holder.map(|claim| claim.id), Some("b".to_owned()));
    assert_eq!(queue.waiters.iter().map(|claim| &*claim.id).collect::<Vec<_>>(), ["e"]);
    assert_eq!(queue.ended.iter().map(|claim| &*claim.status).collect::<Vec<_>>(), ["committed"]);
    world.commit_as(&bob, "bob-2", write).await.expect("bob holds it now");
}
