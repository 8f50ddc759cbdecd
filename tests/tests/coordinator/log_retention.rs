//! The retention of the sync log on both stores: what is older than it is deleted, and a position
//! before the log begins never means that nothing has changed.

use ablo_server::engine::Engine;
use ablo_server::housekeeping;
use ablo_server::identity::Identity;
use ablo_server::store::{Store, Tx};
use ablo_server::{CoordinatorOptions, Retention};
use ablo_tests::client_0_9::{self, Client, Pool};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, code, user};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false},
    "n":{"type":"number","isOptional":true,"isIndexed":false},
    "blob":{"type":"json","isOptional":true,"isIndexed":false}}}}}"#;
const DAY: i64 = 24 * 3600;

on_both_stores! { super::SCHEMA;
    the_log_is_shortened_and_keeps_its_head
    a_guard_from_before_the_log_is_stale
    a_client_from_before_the_log_reads_all_rows_again
    a_client_of_0_9_from_before_the_log_ends_with_the_rows_of_the_server
    webhooks_hold_the_log_back_for_a_while_and_then_fail_with_a_code
    keys_are_kept_at_least_as_long_as_the_log
    an_update_of_one_number_does_not_store_a_large_value_again
}

/// Lets a test set the clock.
fn observed(world: &mut World) -> Arc<Observed> {
    let clock = Observed::new(Arc::clone(&world.store));
    world.store = clock.clone();
    clock
}

async fn write(world: &World, action: &str, id: &str, data: Value) -> u64 {
    let operations = json!([{ "action": action, "model": "notes", "id": id, "data": data }]);
    let receipt = world.commit(&user("ann"), &operations.to_string()).await.expect("a write");
    receipt.last_sync_id.expect("a sync id").0
}

async fn pass(store: &Arc<dyn Store>) -> u64 {
    let retention = CoordinatorOptions::default().retention();
    housekeeping::pass(store, retention).await.expect("a pass")
}

async fn number(world: &World, sql: &str) -> i64 {
    let sql = sql.to_owned();
    let job =
        move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| Ok(tx.connection().query(&sql, &[])?);
    let rows = world.read(&user("ann"), job).await.expect("the query succeeds");
    rows[0][0].integer().unwrap_or_default()
}

/// Writes ten rows, deletes one of them, writes one row a month later, and shortens the log.
async fn shortened(world: &mut World) -> Arc<Observed> {
    let clock = observed(world);
    // Housekeeping knows the organisations of credentials.
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    drop(server);
    for row in 0..10 {
        write(world, "create", &format!("n{row}"), json!({ "text": "old" })).await;
    }
    write(world, "delete", "n9", Value::Null).await;
    write(world, "update", "n0", json!({ "text": "new" })).await;
    clock.set_ahead(31 * DAY);
    write(world, "update", "n1", json!({ "text": "newest" })).await;
    pass(&world.store).await;
    clock
}

async fn the_log_is_shortened_and_keeps_its_head(mut world: World) {
    let clock = shortened(&mut world).await;
    let left = world.log(&user("ann"), 0).await.expect("the log");
    let left: Vec<(u64, &str)> =
        left.iter().map(|delta| (delta.id, delta.action.as_str())).collect();
    assert_eq!(left, [(11, "D"), (13, "U")], "the head, and what is left of a deleted row");
    clock.set_ahead(200 * DAY);
    pass(&world.store).await;
    let left = world.log(&user("ann"), 0).await.expect("the log");
    assert_eq!(left.iter().map(|delta| delta.id).collect::<Vec<_>>(), [13], "the head stays");
    assert_eq!(write(&world, "update", "n1", json!({ "text": "a" })).await, 14);
}

async fn a_guard_from_before_the_log_is_stale(mut world: World) {
    let _clock = shortened(&mut world).await;
    let guarded = |read_at: u64| {
        json!([{ "action": "update", "model": "notes", "id": "n5", "data": { "text": "b" },
            "readAt": read_at, "onStale": "reject" }])
        .to_string()
    };
    let refused = world.commit(&user("bob"), &guarded(5)).await.expect_err("a refusal");
    let refusal = serde_json::to_value(refused.into_api_error().envelope()).expect("JSON");
    assert_eq!(refusal["code"], "stale_context");
    let conflict = &refusal["conflicts"][0];
    assert_eq!((&conflict["data"]["text"], &conflict["id"]), (&json!("old"), &json!("n5")));
    assert_eq!(conflict["conflictingFields"], json!([]), "all fields may have changed");
    world.commit(&user("bob"), &guarded(13)).await.expect("a position in the log");
    let refused = world.commit(&user("bob"), &guarded(13)).await;
    assert_eq!(code(refused.map(|_| ())), "stale_context", "changed by himself, without a claim");
}

async fn a_client_from_before_the_log_reads_all_rows_again(mut world: World) {
    let _clock = shortened(&mut world).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (position, is_informed) in [(0, true), (5, true), (12, true), (13, false)] {
        let mut socket = server.socket(&server.key, "").await;
        let payload = json!({ "cursor": null, "versions": {}, "lastSyncId": position,
            "capabilities": ["completeDeltas", "resume"] });
        socket.send("sync_request", payload).await;
        let answer = socket.receive("sync_response").await;
        assert_eq!(answer["requiresBootstrap"] == json!(true), is_informed, "at {position}");
        if is_informed {
            assert_eq!(answer["bootstrapHint"]["reason"], "too_far_behind");
        }
        assert_eq!(answer["currentSyncId"], 13);
    }
}

async fn a_client_of_0_9_from_before_the_log_ends_with_the_rows_of_the_server(mut world: World) {
    let _clock = shortened(&mut world).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut robot = Client::sign_in(&server, "agent", "robot", json!({})).await;
    // It has seen the rows 0 to 9 with their first texts, except row 3, which it lacks.
    robot.pool = Pool::at(10);
    for row in (0..10).filter(|row| *row != 3) {
        robot.pool.read("Note", &json!({ "id": format!("n{row}"), "text": "old" }));
    }
    robot.open().await;
    robot.until("the head", |robot| robot.pool.position() == 13).await;
    let stored = async || client_0_9::stored(&world, "Note", "text").await;
    assert_eq!(robot.pool.texts("Note", "text"), stored().await);
    assert_eq!(write(&world, "update", "n3", json!({ "text": "later" })).await, 14);
    robot.until("the last change", |robot| robot.pool.position() == 14).await;
    assert_eq!(robot.pool.texts("Note", "text"), stored().await);
}

async fn webhooks_hold_the_log_back_for_a_while_and_then_fail_with_a_code(mut world: World) {
    let clock = observed(&mut world);
    let options = CoordinatorOptions::default();
    let server = Coordinator::start_with(world.schema(), Arc::clone(&world.store), options).await;
    write(&world, "create", "n0", json!({ "text": "a" })).await;
    let body = json!({ "url": "https://example.com/hook" });
    let (status, made) =
        server.ask(&server.key, "POST", "/api/v1/webhook_endpoints", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let held = write(&world, "update", "n0", json!({ "text": "b" })).await;
    clock.set_ahead(31 * DAY);
    write(&world, "update", "n0", json!({ "text": "c" })).await;
    pass(&world.store).await;
    assert_eq!(number(&world, "SELECT min(id) FROM sync_deltas").await, held as i64);
    // The deliveries of this test fail; their schedule is not what is tested.
    clock.set_ahead(61 * DAY);
    write(&world, "update", "n0", json!({ "text": "d" })).await;
    pass(&world.store).await;
    assert!(number(&world, "SELECT min(id) FROM sync_deltas").await > held as i64);
    for _ in 0..500 {
        let (_, all) = server.ask(&server.key, "GET", "/api/v1/webhook_endpoints", None).await;
        let shown = &all["data"][0];
        if shown["status"] == "disabled" {
            let error = shown["lastError"].as_str().expect("an error");
            assert!(error.starts_with("log_position_expired"), "{error}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the endpoint is not disabled");
}

async fn keys_are_kept_at_least_as_long_as_the_log(_: World) {
    let (short, long) = (Duration::from_secs(60), Duration::from_secs(3600));
    let options = CoordinatorOptions {
        key_retention: short,
        log_retention: long,
        ..CoordinatorOptions::default()
    };
    assert_eq!(options.retention(), Retention { keys: long, log: long });
}

async fn an_update_of_one_number_does_not_store_a_large_value_again(mut world: World) {
    let clock = observed(&mut world);
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let blob = json!({ "v": "x".repeat(50_000) });
    write(&world, "create", "n0", json!({ "text": "a", "blob": blob })).await;
    for n in 0..50 {
        write(&world, "update", "n0", json!({ "n": n })).await;
    }
    let stored = "SELECT coalesce(sum(length(CAST(data AS text))), 0) FROM sync_deltas";
    assert!(number(&world, stored).await < 75_000, "the row is stored once");
    assert_eq!(number(&world, "SELECT count(*) FROM ablo_log_values").await, 1);
    // Every delta has the whole row as it was then.
    let log = world.log(&user("ann"), 0).await.expect("the log");
    assert_eq!(log.len(), 51);
    for (at, delta) in log.iter().enumerate().skip(1) {
        let row = ablo_tests::server::json(delta.data.as_deref().expect("a row"));
        assert_eq!((&row["n"], &row["blob"]), (&json!(at - 1), &blob), "delta {at}");
    }
    let mut socket = server.socket(&server.key, "").await;
    let payload = json!({ "cursor": null, "versions": {}, "lastSyncId": 1,
        "capabilities": ["completeDeltas", "resume"] });
    socket.send("sync_request", payload).await;
    assert_eq!(socket.deltas().await[0]["data"]["blob"], blob);
    // A change of the value itself is in its entry, and the old value goes with the old entries.
    write(&world, "update", "n0", json!({ "blob": { "v": "y".repeat(50_000) } })).await;
    write(&world, "update", "n0", json!({ "n": 99 })).await;
    assert_eq!(number(&world, "SELECT count(*) FROM ablo_log_values").await, 2);
    clock.set_ahead(31 * DAY);
    write(&world, "update", "n0", json!({ "n": 100 })).await;
    pass(&world.store).await;
    assert_eq!(number(&world, "SELECT count(*) FROM ablo_log_values").await, 1);
    let log = world.log(&user("ann"), 53).await.expect("the log");
    let row = ablo_tests::server::json(log[0].data.as_deref().expect("a row"));
    assert_eq!((&row["n"], &row["blob"]["v"]), (&json!(100), &json!("y".repeat(50_000))));
}
