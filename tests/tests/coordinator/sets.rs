//! Commits that share a transaction: each has the outcome that it would have alone, and none is
//! affected by another that fails.

use ablo_server::engine::Engine;
use ablo_server::engine::commit::{Submission, commit_all};
use ablo_server::engine::credentials::revoke;
use ablo_server::error::EngineError;
use ablo_server::identity::Identity;
use ablo_server::store::{Dialect, Store, Tx};
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{self, World, code, user};
use ablo_tests::waiting::{begin, commit_together, while_occupied};
use ablo_wire::CommitReceipt;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "accounts":{"typename":"Account","mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":true,"isIndexed":false,"unique":true},
    "note":{"type":"string","isOptional":true,"isIndexed":false},
    "archivedAt":{"type":"date","isOptional":true,"isIndexed":false},
    "balance":{"type":"number","isOptional":false,"isIndexed":false,
      "relative":["increment"]}}}}}"#;

on_both_stores! { super::SCHEMA;
    commits_that_wait_share_a_transaction
    a_commit_that_violates_a_constraint_fails_alone
    a_commit_that_is_refused_fails_alone
    a_revoked_credential_is_refused_alone
    a_client_that_leaves_stops_no_other
    a_large_commit_shares_no_transaction
    changes_by_triggers_are_not_lost
    sets_have_the_outcomes_of_single_commits
    a_commit_reads_in_one_message
}

fn create(id: &str, further: Value) -> Value {
    let mut data = json!({ "balance": 0 });
    let members = further.as_object().expect("an object").clone();
    data.as_object_mut().expect("an object").extend(members);
    json!({ "action": "create", "model": "accounts", "id": id, "data": data })
}

fn increment(id: &str, amount: i64) -> Value {
    let relative = json!({ "balance": { "increment": amount } });
    json!({ "action": "adjust", "model": "accounts", "id": id, "relative": relative })
}

/// Commits everything while the writer is occupied.
async fn together(
    world: &World,
    commits: &[(&Identity, Vec<Value>)],
) -> Vec<Result<CommitReceipt, EngineError>> {
    let planned = commits.iter().enumerate().map(|(at, (who, operations))| {
        ((*who).clone(), world.planned(who, &format!("c{at}"), &json!(operations).to_string()))
    });
    commit_together(&*world.store, &world.engine, planned.collect()).await
}

/// Returns the number of transactions that the log entries after a place come from.
async fn transactions(world: &World, after: u64) -> usize {
    let log = world.log(&user("ann"), after).await.expect("the log");
    log.iter().map(|delta| &*delta.created_at).collect::<BTreeSet<_>>().len()
}

async fn balance(world: &World, id: &str) -> i64 {
    let row = world.retrieve(&user("ann"), "accounts", id).await.expect("a read");
    server::json(&row.expect("a row"))["balance"].as_i64().expect("a number")
}

async fn commits_that_wait_share_a_transaction(world: World) {
    let (ann, bob) = (world.known_user("ann").await, world.known_user("bob").await);
    let ids: Vec<String> = (0..20).map(|at| format!("a{at}")).collect();
    let who = |at: usize| if at.is_multiple_of(2) { &ann } else { &bob };
    let commits: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(at, id)| (who(at), vec![create(id, json!({})), increment(id, 5)]))
        .collect();
    let outcomes = together(&world, &commits).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), 40);
    assert_eq!(transactions(&world, 0).await, 1);
    assert_eq!(balance(&world, "a19").await, 5);
}

async fn a_commit_that_violates_a_constraint_fails_alone(world: World) {
    let ann = world.known_user("ann").await;
    let names: Vec<String> = (0..20).map(|at| format!("n{}", at.min(18))).collect();
    let ids: Vec<String> = (0..20).map(|at| format!("a{at}")).collect();
    let commits: Vec<_> = ids
        .iter()
        .zip(&names)
        .map(|(id, name)| (&ann, vec![create(id, json!({ "name": name }))]))
        .collect();
    let mut outcomes = together(&world, &commits).await;
    assert_eq!(code(outcomes.pop().expect("20 outcomes")), "unique_violation");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), 19);
}

async fn a_commit_that_is_refused_fails_alone(world: World) {
    let ann = world.known_user("ann").await;
    let missing = json!({ "action": "update", "model": "accounts", "id": "missing",
        "data": { "note": "x" } });
    let commits = [
        (&ann, vec![create("a", json!({}))]),
        (&ann, vec![increment("a", 1), missing]),
        (&ann, vec![increment("a", 2)]),
    ];
    let outcomes = together(&world, &commits).await;
    let codes: Vec<String> = outcomes
        .into_iter()
        .map(|outcome| outcome.map_or_else(|error| code::<()>(Err(error)), |_| String::new()))
        .collect();
    assert_eq!(codes, ["", "entity_not_found", ""]);
    assert_eq!(balance(&world, "a").await, 2);
    assert_eq!(transactions(&world, 0).await, 1);
}

async fn a_revoked_credential_is_refused_alone(world: World) {
    let (ann, bob) = (world.known_user("ann").await, world.known_user("bob").await);
    let ended = bob.capability.clone();
    let revoke = move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| Ok(revoke(tx, &ended)?);
    world.write(&user("ann"), revoke).await.expect("the credential is revoked");
    let commits = [
        (&ann, vec![create("a", json!({}))]),
        (&bob, vec![create("b", json!({}))]),
        (&ann, vec![create("c", json!({}))]),
    ];
    let mut outcomes = together(&world, &commits).await;
    assert_eq!(code(outcomes.remove(1)), "apikey_revoked");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(world.log(&ann, 0).await.expect("the log").len(), 2);
}

async fn a_client_that_leaves_stops_no_other(world: World) {
    let ann = world.known_user("ann").await;
    let text = |id: &str| json!([create(id, json!({}))]).to_string();
    let (a, b, c) = (text("a"), text("b"), text("c"));
    let waiting = async {
        let mut first = Box::pin(world.commit_with_others(&ann, &a));
        let mut leaving = Box::pin(world.commit_with_others(&ann, &b));
        let mut last = Box::pin(world.commit_with_others(&ann, &c));
        begin(first.as_mut()).await;
        begin(leaving.as_mut()).await;
        begin(last.as_mut()).await;
        drop(leaving);
        (first.await, last.await)
    };
    let (first, last) = while_occupied(&*world.store, std::pin::pin!(waiting)).await;
    assert!(first.is_ok() && last.is_ok(), "{first:?} {last:?}");
    let log = world.log(&ann, 0).await.expect("the log");
    assert_eq!(log.iter().map(|delta| &*delta.row).collect::<Vec<_>>(), ["a", "c"]);
}

async fn a_large_commit_shares_no_transaction(world: World) {
    let ann = world.known_user("ann").await;
    let text = "x".repeat(70_000);
    let commits = [
        (&ann, vec![create("a", json!({}))]),
        (&ann, vec![create("b", json!({ "note": text }))]),
        (&ann, vec![create("c", json!({}))]),
    ];
    let outcomes = together(&world, &commits).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(transactions(&world, 0).await, 3);
}

async fn changes_by_triggers_are_not_lost(world: World) {
    let ann = world.known_user("ann").await;
    let rows = vec![create("fees", json!({})), create("a", json!({}))];
    world.commit(&ann, &json!(rows).to_string()).await.expect("the rows are created");
    let charge = "UPDATE accounts SET balance = balance + 1 WHERE id = 'fees'";
    match (world.store.dialect(), world.file(), world.database()) {
        (Dialect::Sqlite, Some(file), _) => {
            let file = rusqlite::Connection::open(file).expect("the file");
            let trigger = format!(
                "CREATE TRIGGER fee AFTER UPDATE ON accounts WHEN new.id <> 'fees' BEGIN {charge}; \
                 END"
            );
            file.execute_batch(&trigger).expect("the trigger");
        }
        (_, _, Some(database)) => {
            let database = database.clone();
            let trigger = format!(
                "CREATE FUNCTION charge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {charge}; \
                 RETURN NULL; END $$; CREATE TRIGGER fee AFTER UPDATE ON accounts FOR EACH ROW \
                 WHEN (new.id <> 'fees') EXECUTE FUNCTION charge()"
            );
            let run = move || database.admin().run(&trigger).expect("the trigger");
            tokio::task::spawn_blocking(run).await.expect("the trigger is created");
        }
        _ => panic!("a world has a database"),
    }
    let note = |id: &str, text: &str| {
        let data = json!({ "note": text });
        json!({ "action": "update", "model": "accounts", "id": id, "data": data })
    };
    let commits = [
        (&ann, vec![increment("a", 10)]),
        (&ann, vec![increment("fees", 5)]),
        (&ann, vec![note("a", "x")]),
        (&ann, vec![increment("fees", 5)]),
    ];
    let outcomes = together(&world, &commits).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(balance(&world, "fees").await, 12, "two commits of 5, and a fee for two others");
}

/// A deterministic random number generator.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Returns the operations of a random commit.
fn random(random: &mut Random, head: u64) -> Vec<Value> {
    let many = 1 + random.below(2);
    (0..many)
        .map(|_| {
            let id = format!("a{}", random.below(4));
            let (model, number) = ("accounts", random.below(3));
            let mut operation = match random.below(6) {
                0 => create(&id, json!({ "note": number.to_string() })),
                1 => json!({ "action": "delete", "model": model, "id": id }),
                2 => increment(&id, 1),
                3 => json!({ "action": "archive", "model": model, "id": id }),
                4 => json!({ "action": "update", "model": model, "id": id,
                    "data": { "balance": number } }),
                _ => json!({ "action": "update", "model": model, "id": id,
                    "data": { "note": number.to_string() } }),
            };
            if random.below(2) == 0 {
                operation["readAt"] = random.below(head + 2).into();
            }
            if random.below(3) == 0 {
                operation["transactionId"] = format!("t{}", random.below(40)).into();
            }
            operation
        })
        .collect()
}

/// Returns what a log says, without times.
async fn said(world: &World) -> Vec<(u64, String, String, Option<Value>)> {
    let log = world.log(&user("ann"), 0).await.expect("the log");
    let data = |text: &str| {
        let mut row = server::json(text);
        for time in ["createdAt", "updatedAt", "archivedAt"] {
            row.as_object_mut().expect("a row").remove(time);
        }
        row
    };
    log.into_iter()
        .map(|delta| (delta.id, delta.action, delta.row, delta.data.as_deref().map(data)))
        .collect()
}

async fn sets_have_the_outcomes_of_single_commits(world: World) {
    let alone = match world.store.dialect() {
        Dialect::Sqlite => World::sqlite(SCHEMA),
        Dialect::Postgres => World::postgres(SCHEMA),
    };
    let (mut numbers, mut head) = (Random(7), 0);
    let participants = [user("ann"), user("bob")];
    for set in 0..40 {
        let mut commits: Vec<(&Identity, String, String)> = Vec::new();
        for at in 0..8 {
            let again = numbers.below(6) == 0;
            if let Some(last) = commits.last().filter(|_| again) {
                commits.push(last.clone());
                continue;
            }
            let who = &participants[numbers.below(2) as usize];
            // Some keys are used for other commits.
            let key = format!("k{}", set * 8 + at - numbers.below(at.min(3) + 1));
            commits.push((who, key, json!(random(&mut numbers, head)).to_string()));
        }
        let mut single = Vec::new();
        for (who, key, operations) in &commits {
            single.push(
                alone
                    .commit_as(who, key, operations)
                    .await
                    .map_err(|error| error.into_api_error().code().to_owned()),
            );
        }
        let planned: Vec<_> = commits
            .iter()
            .map(|(who, key, operations)| ((*who).clone(), world.planned(who, key, operations)))
            .collect();
        let shared = world
            .write(&user("ann"), move |engine, tx, who| {
                let set: Vec<Submission<'_>> =
                    planned.iter().map(|(who, commit)| Submission { who, commit }).collect();
                commit_all(engine, tx, &who.organization, &set)
            })
            .await
            .expect("the set is written");
        for ((single, shared), commit) in single.into_iter().zip(shared).zip(&commits) {
            let shared = shared.map_err(|refusal| refusal.code().to_owned());
            let shown = |receipt: CommitReceipt| (receipt.last_sync_id, receipt.ops);
            assert_eq!(single.map(shown), shared.map(shown), "{commit:?}");
        }
        let log = said(&world).await;
        assert_eq!(log, said(&alone).await, "set {set}");
        head = log.last().map_or(0, |(id, ..)| *id);
    }
    assert!(head > 60, "only {head} changes were made");
}

/// On PostgreSQL, where each message takes a round trip: everything that a commit reads before it
/// writes is in one message.
async fn a_commit_reads_in_one_message(mut world: World) {
    let observed = Observed::new(Arc::clone(&world.store));
    world.store = Arc::clone(&observed) as Arc<dyn Store>;
    let ann = world.known_user("ann").await;
    world.commit_with_others(&ann, &json!([create("a", json!({}))]).to_string()).await.expect("a");
    let since = world.log(&ann, 0).await.expect("the log")[0].id;
    let update = |id: &str, transaction: &str| {
        json!({ "action": "update", "model": "accounts", "id": id, "transactionId": transaction,
            "data": { "note": transaction }, "readAt": since, "onStale": "reject" })
    };
    for operations in [
        vec![create("b", json!({}))],
        vec![update("a", "t1")],
        vec![update("b", "t2"), create("c", json!({}))],
        vec![increment("a", 1)],
    ] {
        drop((observed.take_log(), observed.take_messages()));
        let operations = json!(operations).to_string();
        world.commit_with_others(&ann, &operations).await.expect("a receipt");
        let (log, messages) = (observed.take_log(), observed.take_messages());
        if world.store.dialect() == Dialect::Sqlite {
            assert!(messages.is_empty());
            continue;
        }
        let [message] = messages.as_slice() else { panic!("{} messages", messages.len()) };
        let asked: Vec<_> = log.iter().take_while(|(sql, _)| sql.starts_with("SELECT ")).collect();
        assert!(asked.len() > 3, "{operations}: {asked:?}");
        for (sql, values) in asked {
            let is_known = message.iter().any(|read| read.sql == *sql && read.values == *values);
            assert!(is_known, "{operations}: {sql}");
        }
    }
}
