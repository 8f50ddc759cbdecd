//! Housekeeping on both stores, with a clock that the test sets.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::engine::{Engine, sessions};
use ablo_server::housekeeping;
use ablo_server::identity::Identity;
use ablo_server::store::{Store, Tx};
use ablo_server::{CoordinatorOptions, Embedded};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use ablo_wire::{PresenceReport, PresenceStatus};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const DAY: i64 = 24 * 3600;

on_both_stores! { super::SCHEMA;
    old_receipts_are_deleted_in_the_background
    expired_tokens_are_deleted_in_the_background
    operations_are_kept_for_the_retention_of_keys
    a_backlog_is_deleted_in_turns
    ended_claims_and_sessions_are_deleted
    an_embedded_coordinator_keeps_house_until_it_is_dropped
}

async fn count(world: &World, organization: &str, rows: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {rows}");
    let job =
        move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| Ok(tx.connection().query(&sql, &[])?);
    let who = Identity { organization: organization.to_owned(), ..user("ann") };
    let rows = world.read(&who, job).await.expect("the query succeeds");
    rows[0][0].integer().expect("a number")
}

fn observed(world: &World) -> (Arc<Observed>, Arc<dyn Store>) {
    let observed = Observed::new(Arc::clone(&world.store));
    (Arc::clone(&observed), observed)
}

async fn pass(store: &Arc<dyn Store>) -> u64 {
    let keys = CoordinatorOptions::default().retention();
    housekeeping::pass(store, keys).await.expect("a pass")
}

async fn create(server: &Coordinator, id: &str) {
    let body = json!({ "id": id, "idempotencyKey": id, "data": { "text": id } });
    let (status, made) = server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body)).await;
    assert_eq!(status, 201, "{made}");
}

/// Adds receipts of a time long ago.
async fn add_old_receipts(world: &World, organization: &str, number: usize) {
    let owner = organization.to_owned();
    let job = move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| {
        let row =
            |at| format!("('{owner}', 'old-{at}', '', '{{}}', '2020-01-01T00:00:00.000000Z')");
        let rows: Vec<String> = (0..number).map(row).collect();
        let columns = "organization_id, client_tx_id, body_hash, receipt, created_at";
        let insert = format!("INSERT INTO ablo_commits ({columns}) VALUES {}", rows.join(", "));
        Ok(tx.connection().execute(&insert, &[])?)
    };
    let who = Identity { organization: organization.to_owned(), ..user("ann") };
    world.write(&who, job).await.expect("the receipts are added");
}

async fn old_receipts_are_deleted_in_the_background(world: World) {
    let (clock, store) = observed(&world);
    let server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    create(&server, "first").await;
    clock.set_ahead(DAY + 60);
    let _ = clock.take_statements();
    for at in 0..70 {
        create(&server, &format!("later-{at}")).await;
    }
    let deletes: Vec<String> =
        clock.take_statements().into_keys().filter(|sql| sql.starts_with("DELETE")).collect();
    assert_eq!(deletes, Vec::<String>::new(), "a commit deletes nothing");
    assert_eq!(count(&world, "acme", "ablo_receipts").await, 71);
    assert_eq!(pass(&store).await, 1, "the receipt of `first`");
    assert_eq!(count(&world, "acme", "ablo_receipts").await, 70);
    assert_eq!(pass(&store).await, 0);
}

async fn operations_are_kept_for_the_retention_of_keys(mut world: World) {
    let (clock, store) = observed(&world);
    world.store = Arc::clone(&store);
    let _server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    let delete = r#"[{"action":"delete","model":"notes","id":"none","transactionId":"t"}]"#;
    world.commit(&user("ann"), delete).await.expect("nothing to delete");
    clock.set_ahead(89 * DAY);
    assert_eq!(pass(&store).await, 1, "the receipt");
    assert_eq!(count(&world, "acme", "ablo_operations").await, 1);
    clock.set_ahead(91 * DAY);
    assert_eq!(pass(&store).await, 1);
    assert_eq!(count(&world, "acme", "ablo_operations").await, 0);
}

async fn expired_tokens_are_deleted_in_the_background(world: World) {
    let (clock, store) = observed(&world);
    let server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    let ann = server.session("user", "ann", json!({})).await;
    let body = json!({ "participantKind": "agent", "participantId": "helper" });
    server.ask(&ann, "POST", "/api/auth/capability", Some(body)).await;
    clock.set_ahead(3 * DAY);
    server.session("user", "bob", json!({})).await;
    assert_eq!(count(&world, "acme", "ablo_capabilities").await, 4, "a request deletes nothing");
    // The exchanged token is deleted first, then the token that it was exchanged for.
    assert_eq!(pass(&store).await, 1);
    assert_eq!(pass(&store).await, 1);
    assert_eq!(pass(&store).await, 0);
    assert_eq!(count(&world, "acme", "ablo_capabilities").await, 2, "the key and bob's");
}

async fn a_backlog_is_deleted_in_turns(world: World) {
    let (statements, store) = observed(&world);
    let server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    server.app.issue_secret_key("zulu", "test").await.expect("a key of another organisation");
    add_old_receipts(&world, "acme", 2500).await;
    add_old_receipts(&world, "zulu", 1).await;
    statements.take_log();
    // Two processes may run at the same time.
    let (one, two) = tokio::join!(pass(&store), pass(&store));
    assert_eq!(one + two, 2501);
    assert_eq!(count(&world, "acme", "ablo_commits").await, 0);
    add_old_receipts(&world, "acme", 2500).await;
    statements.take_log();
    pass(&store).await;
    let turns: Vec<String> = statements
        .take_log()
        .into_iter()
        .filter(|(sql, _)| sql.starts_with("DELETE FROM ablo_commits"))
        .filter_map(|(_, values)| Some(values.first()?.text()?.to_owned()))
        .collect();
    assert_eq!(turns, ["acme", "zulu", "acme", "acme"], "no organisation waits for a backlog");
}

async fn ended_claims_and_sessions_are_deleted(world: World) {
    let (clock, store) = observed(&world);
    let server = Coordinator::start(world.schema(), Arc::clone(&store)).await;
    create(&server, "n").await;
    let claim = Some(json!({ "action": "editing" }));
    let path = "/api/v1/models/notes/n/claim";
    assert_eq!(server.ask(&server.key, "POST", path, claim).await.0, 201);
    assert_eq!(server.ask(&server.key, "DELETE", path, None).await.0, 200);
    let insert = |_: &Engine, tx: &mut Tx<'_>, who: &Identity| {
        Ok(sessions::upsert(tx, who, "s", &PresenceReport::new(PresenceStatus::Online))?)
    };
    world.write(&user("ann"), insert).await.expect("a session of a process that crashed");
    clock.set_ahead(3600);
    // No connection is open, so only housekeeping removes them.
    pass(&store).await;
    assert_eq!(count(&world, "acme", "ablo_claims").await, 0);
    assert_eq!(count(&world, "acme", "ablo_sessions").await, 0);
}

async fn an_embedded_coordinator_keeps_house_until_it_is_dropped(world: World) {
    let (statements, store) = observed(&world);
    let embedded = Embedded::with_store(world.schema(), store).await.expect("a coordinator");
    add_old_receipts(&world, "embedded", 3).await;
    let left = async || count(&world, "embedded", "ablo_commits").await;
    tokio::time::pause();
    // The minutes are virtual; the database takes real time.
    let began = Instant::now();
    while left().await > 0 {
        assert!(began.elapsed() < Duration::from_secs(60), "the task runs by itself");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    drop(embedded);
    while Arc::strong_count(&statements) > 1 {
        assert!(began.elapsed() < Duration::from_secs(60), "the task lets go of the store");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    while !statements.is_idle() {
        assert!(began.elapsed() < Duration::from_secs(60), "work under way ends");
        left().await;
    }
    let _ = statements.take_log();
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_secs(600)).await;
        left().await;
    }
    assert_eq!(statements.take_log(), [], "the task has ended");
}
