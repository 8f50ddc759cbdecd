//! Plans of prepared statements: one that was made for a small table is not kept while it grows.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::Coordinator;
use ablo_tests::server::World;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
/// The entries of the log of other writers.
const ENTRIES: u64 = 200_000;
/// More than the time after which plans are made again.
const DEADLINE: Duration = Duration::from_secs(60);

/// The tests' server never analyses a table, as a server that is busy with others.
#[tokio::test(flavor = "multi_thread")]
async fn commits_are_as_fast_on_a_log_that_has_grown() {
    let world = World::postgres(SCHEMA);
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let body = Some(json!({ "id": "n", "data": { "text": "" } }));
    server.ask(&server.key, "POST", "/api/v1/models/notes", body).await;
    // The server plans a statement for any values when it has run several times.
    patch(&server, 20).await;
    let small = patch(&server, 20).await;
    let database = world.database().expect("PostgreSQL").clone();
    let add = format!(
        "INSERT INTO sync_deltas (action_type, model_name, model_id, data, sync_groups, \
         organization_id, created_at) SELECT action_type, model_name, 'x' || n, data, sync_groups, \
         organization_id, now() FROM generate_series(1, {ENTRIES}) n, (SELECT * FROM sync_deltas \
         LIMIT 1) AS one"
    );
    let fill = move || database.admin().run(&add).expect("entries");
    tokio::task::spawn_blocking(fill).await.expect("the program ends");
    let (began, mut found) = (Instant::now(), Vec::new());
    loop {
        found.push(patch(&server, 20).await);
        if found.last().is_some_and(|large| *large <= small * 3) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{small:?} became {found:?}");
    }
}

/// Updates the row so many times, each guarded by the last. Returns the median time.
async fn patch(server: &Coordinator, times: usize) -> Duration {
    let path = "/api/v1/models/notes/n";
    let (_, mut last) = server.ask(&server.key, "GET", path, None).await;
    let mut taken = Vec::new();
    for n in 0..times {
        let data = json!({ "text": format!("{n}") });
        let (position, began) = (&last["lastSyncId"], Instant::now());
        let body = Some(json!({ "data": data, "readAt": position, "onStale": "reject" }));
        let (status, receipt) = server.ask(&server.key, "PATCH", path, body).await;
        taken.push(began.elapsed());
        assert_eq!(status, 200, "{receipt}");
        last = receipt;
    }
    taken.sort();
    taken[times / 2]
}
