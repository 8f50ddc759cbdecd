//! Rows that are imported without an entry of the log each: every watcher loads them, guards still
//! hold, and an import can be repeated.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::{Bulk, ImportReport};
use ablo_tests::client_0_9::Client;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"mutable":true,"identityRoles":[
   {"kind":"user","source":{"field":"userId","multi":false}}],"models":{
  "users":{"typename":"User","relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "desks":{"typename":"Desk","scope":"desk","relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false,"unique":true}}},
  "reports":{"typename":"Report","fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "edits":{"type":"number","isOptional":true,"isIndexed":false,"default":1},
    "body":{"type":"json","isOptional":true,"isIndexed":false},
    "done":{"type":"boolean","isOptional":true,"isIndexed":false},
    "at":{"type":"date","isOptional":true,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true,"fk":true}}}},
  "members":{"typename":"Member","grants":{"subject":"user","scope":"desk"},"fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "userId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{
    "desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId","foreignKeyColumn":"desk_id"},
    "user":{"type":"belongsTo","target":"users","foreignKey":"userId",
      "foreignKeyColumn":"user_id"}}}}}"#;

on_both_stores! { crate::bulk::SCHEMA;
    watchers_load_imported_rows
    a_client_of_0_9_loads_imported_rows
    an_import_can_be_repeated
    faulty_rows_are_refused_alone
    imported_memberships_grant_their_groups
    every_value_is_exported_and_imported
}

async fn start(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    create(&server, "users", "ann", json!({ "name": "Ann" })).await;
    create(&server, "desks", "d1", json!({ "name": "Weather" })).await;
    create(&server, "reports", "r1", json!({ "deskId": "d1", "title": "Rain" })).await;
    server
}

/// Creates a row as the application does. Returns the sync id.
async fn create(server: &Coordinator, model: &str, id: &str, data: Value) -> u64 {
    let body = Some(json!({ "id": id, "data": data }));
    let made = server.ask(&server.key, "POST", &format!("/api/v1/models/{model}"), body).await;
    assert_eq!(made.0, 201, "{}", made.1);
    made.1["lastSyncId"].as_u64().expect("a sync id")
}

fn bulk(world: &World, model: &str) -> Bulk {
    Bulk::new(world.schema(), Arc::clone(&world.store), "acme", model).expect("a model")
}

async fn import(world: &World, model: &str, rows: &[Value]) -> ImportReport {
    let bulk = bulk(world, model);
    let rows = rows.iter().map(|row| bulk.parse(&row.to_string()).expect("a row")).collect();
    bulk.import(rows).await.expect("the store answers")
}

fn reports(range: std::ops::Range<u32>) -> Vec<Value> {
    range.map(|n| json!({ "id": format!("i{n}"), "deskId": "d1", "title": "Imported" })).collect()
}

/// Follows the log from a position. Returns the answer.
async fn follow(socket: &mut Socket, last: u64) -> Value {
    let payload = json!({ "cursor": null, "versions": {}, "lastSyncId": last,
        "capabilities": ["completeDeltas", "resume"] });
    socket.send("sync_request", payload).await;
    socket.receive("sync_response").await
}

async fn watchers_load_imported_rows(world: World) {
    let server = start(&world).await;
    let before = create(&server, "reports", "r2", json!({ "deskId": "d1", "title": "Sun" })).await;
    let mut socket = server.socket(&server.key, "").await;
    follow(&mut socket, before).await;
    assert_eq!(import(&world, "reports", &reports(0..1500)).await.inserted, 1500);
    let after = create(&server, "reports", "r3", json!({ "deskId": "d1", "title": "Fog" })).await;
    let began = Instant::now();
    let closed = loop {
        match socket.next_or_close().await {
            Ok(frame) => assert_ne!(frame["type"], "delta", "it would hide the rows: {frame}"),
            Err(code) => break code,
        }
    };
    assert_eq!(closed, Some(1012));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // One that was away is asked to load the rows, one that has loaded them is not.
    let mut socket = server.socket(&server.key, "").await;
    assert_eq!(follow(&mut socket, before).await["requiresBootstrap"], true);
    let mut socket = server.socket(&server.key, "").await;
    assert_ne!(follow(&mut socket, after).await["requiresBootstrap"], true);
    create(&server, "reports", "r4", json!({ "deskId": "d1", "title": "Hail" })).await;
    assert_eq!(socket.deltas().await[0]["modelId"], "r4");
    // The rows that existed did not change: a guard from before the import holds.
    let body = Some(json!({ "data": { "title": "Sleet" }, "readAt": before, "onStale": "reject" }));
    let patched = server.ask(&server.key, "PATCH", "/api/v1/models/reports/r1", body).await;
    assert_eq!(patched.0, 200, "{}", patched.1);
}

async fn a_client_of_0_9_loads_imported_rows(world: World) {
    let server = start(&world).await;
    create(&server, "members", "m1", json!({ "deskId": "d1", "userId": "ann" })).await;
    let mut ann = Client::sign_in(&server, "user", "ann", json!({})).await;
    ann.connect().await;
    create(&server, "reports", "r2", json!({ "deskId": "d1", "title": "Sun" })).await;
    ann.until("a change", |ann| has(ann, "r2")).await;
    import(&world, "reports", &reports(0..3)).await;
    ann.until("the end of the connection", |ann| ann.closed == Some(1012)).await;
    ann.reconnect().await;
    ann.until("the imported rows", |ann| (0..3).all(|n| has(ann, &format!("i{n}")))).await;
}

fn has(client: &Client<'_>, id: &str) -> bool {
    client.pool.row("Report", id).is_some()
}

async fn an_import_can_be_repeated(world: World) {
    let server = start(&world).await;
    let first = import(&world, "reports", &reports(0..10)).await;
    assert_eq!((first.inserted, first.present, first.refused.len()), (10, 0, 0));
    let again = import(&world, "reports", &reports(5..12)).await;
    assert_eq!((again.inserted, again.present, again.refused.len()), (2, 5, 0));
    // A row that was changed since is left as it is.
    let body = Some(json!({ "data": { "title": "Edited" } }));
    server.ask(&server.key, "PATCH", "/api/v1/models/reports/i7", body).await;
    let third = import(&world, "reports", &reports(6..9)).await;
    assert_eq!((third.inserted, third.present), (0, 2));
    let (at, refusal) = &third.refused[0];
    assert_eq!((*at, refusal.code()), (1, "unique_violation"));
    let shown = server.ask(&server.key, "GET", "/api/v1/models/reports/i7", None).await;
    assert_eq!(shown.1["data"]["title"], "Edited", "{}", shown.1);
    assert_eq!(shown.1["data"]["edits"], 1, "a default: {}", shown.1);
}

async fn faulty_rows_are_refused_alone(world: World) {
    let server = start(&world).await;
    let rows = [
        json!({ "id": "d2", "name": "Sports" }),
        // The name is unique.
        json!({ "id": "d3", "name": "Weather" }),
        json!({ "id": "d4", "name": "Art" }),
    ];
    let report = import(&world, "desks", &rows).await;
    assert_eq!((report.inserted, report.refused.len()), (2, 1));
    assert_eq!((report.refused[0].0, report.refused[0].1.code()), (1, "unique_violation"));
    let report =
        import(&world, "reports", &[json!({ "id": "x", "deskId": "none", "title": "" })]).await;
    assert_eq!(report.refused[0].1.code(), "foreign_key_violation");
    drop(server);
    let desks = bulk(&world, "desks");
    for (row, code, named) in [
        (r#"{"id":"d5","nmae":"x"}"#, "invalid_request", "`nmae`"),
        (r#"{"id":"d5","name":null}"#, "not_null_violation", "desks.name"),
        (r#"{"id":"d5","name":5}"#, "check_violation", "desks.name"),
        (r#"{"name":"x"}"#, "model_identifier_missing", "`id`"),
        (r#"{"id":"d5","name":"x","organizationId":"other"}"#, "organization_mismatch", "desks"),
        ("[]", "invalid_json", "JSON object"),
    ] {
        let refusal = desks.parse(row).expect_err(row);
        assert_eq!(refusal.code(), code, "{row}");
        assert!(refusal.envelope().message.contains(named), "{}", refusal.envelope().message);
    }
    // What is required and has no default is known when the row is built.
    let report = desks.import(vec![desks.parse(r#"{"id":"d5"}"#).expect("a row")]).await;
    let report = report.expect("the store answers");
    assert_eq!(report.refused[0].1.code(), "model_required_field_missing");
    assert!(Bulk::new(world.schema(), Arc::clone(&world.store), "acme", "desk5").is_err());
}

async fn imported_memberships_grant_their_groups(world: World) {
    let server = start(&world).await;
    let mut ann = Client::sign_in(&server, "user", "ann", json!({})).await;
    ann.connect().await;
    assert!(!has(&ann, "r1"));
    import(&world, "members", &[json!({ "id": "m1", "deskId": "d1", "userId": "ann" })]).await;
    // Memberships have entries, which are sent as those of every other write.
    ann.until("the row of the desk", |ann| has(ann, "r1")).await;
    assert_eq!(ann.closed, None);
}

async fn every_value_is_exported_and_imported(world: World) {
    let server = start(&world).await;
    let body = json!({ "text": "a \"b\" \u{1F600}\n", "list": [1, 2.5, null] });
    let data = json!({ "deskId": "d1", "title": "", "edits": 1e-7, "body": body, "done": true,
        "at": "2026-01-02T03:04:05.678Z" });
    create(&server, "reports", "r2", data).await;
    let here = bulk(&world, "reports");
    let (first, cursor) = here.page(None, 1).await.expect("a page");
    let (second, end) = here.page(cursor, 10).await.expect("a page");
    assert_eq!((first.len(), second.len(), end), (1, 1, None));
    // The rows of one organisation are not those of another one.
    let there = Bulk::new(world.schema(), Arc::clone(&world.store), "acme", "reports");
    let there = there.expect("a model");
    let rows: Vec<_> =
        first.iter().chain(&second).map(|row| there.parse(row).expect("a row")).collect();
    assert_eq!(there.import(rows.clone()).await.expect("an answer").present, 2);
    for id in ["r1", "r2"] {
        let path = format!("/api/v1/models/reports/{id}");
        assert_eq!(server.ask(&server.key, "DELETE", &path, None).await.0, 200);
    }
    assert_eq!(there.import(rows).await.expect("an answer").inserted, 2);
    assert_eq!(here.page(None, 10).await.expect("a page").0, [first, second].concat());
}
