//! Memberships on both stores: grants and revocations take effect immediately.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[{"kind":"user","source":{"field":"userId",
    "multi":false}}],"models":{
  "users":{"typename":"User","mutable":true,"relations":{},"fields":{"name":{"type":"string",
    "isOptional":false,"isIndexed":false}}},
  "desks":{"typename":"Desk","scope":"desk","mutable":true,"relations":{},
    "fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"typename":"Report","mutable":true,"fields":{
    "deskId":{"type":"string","isOptional":true,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}},
  "members":{"typename":"Member","mutable":true,"grants":{"subject":"user","scope":"desk"},
    "fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "userId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{
    "desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId","foreignKeyColumn":"desk_id"},
    "user":{"type":"belongsTo","target":"users","foreignKey":"userId",
      "foreignKeyColumn":"user_id"}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_membership_grants_and_revokes_immediately
    moving_a_membership_revokes_and_grants
    granting_many_rows_sends_only_the_group_change
    a_grant_extends_the_groups_of_the_address
}

async fn newsroom(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), std::sync::Arc::clone(&world.store)).await;
    for (model, id, data) in [
        ("users", "ann", json!({ "name": "Ann" })),
        ("desks", "d1", json!({ "name": "Weather" })),
        ("desks", "d2", json!({ "name": "Sports" })),
        ("reports", "r1", json!({ "title": "Rain", "deskId": "d1" })),
        ("reports", "r2", json!({ "title": "Goal", "deskId": "d2" })),
    ] {
        write(&server, "POST", &format!("/{model}"), json!({ "id": id, "data": data })).await;
    }
    server
}

async fn write(server: &Coordinator, method: &str, path: &str, body: Value) {
    let (status, answer) =
        server.ask(&server.key, method, &format!("/api/v1/models{path}"), Some(body)).await;
    assert!(status < 300, "{method} {path}: {status} {answer}");
}

async fn member(server: &Coordinator, id: &str, desk: &str) {
    write(
        server,
        "POST",
        "/members",
        json!({ "id": id, "data": { "deskId": desk, "userId": "ann" } }),
    )
    .await;
}

/// Returns the ids of the reports that a token can read.
async fn reports(server: &Coordinator, token: &str) -> Vec<String> {
    let (_, listed) = server.ask(token, "GET", "/api/v1/models/reports", None).await;
    let rows = listed["data"].as_array().expect("an array");
    rows.iter().map(|row| row["id"].as_str().expect("the id is a string").to_owned()).collect()
}

/// Returns the actions and row ids of the next deltas, unordered.
async fn next_deltas(socket: &mut Socket, count: usize) -> BTreeSet<(String, String)> {
    let mut deltas = Vec::new();
    while deltas.len() < count {
        deltas.extend(socket.deltas().await);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    deltas.iter().map(|delta| (text(&delta["actionType"]), text(&delta["modelId"]))).collect()
}

fn set(changes: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    changes.iter().map(|(action, row)| ((*action).to_owned(), (*row).to_owned())).collect()
}

async fn a_membership_grants_and_revokes_immediately(world: World) {
    let server = newsroom(&world).await;
    let ann = server.session("user", "ann", json!({})).await;
    let part = server.session("user", "ann", json!({ "syncGroups": ["user:ann"] })).await;
    let exchange = json!({ "participantKind": "agent", "participantId": "helper" });
    let (_, helper) = server.ask(&ann, "POST", "/api/auth/capability", Some(exchange)).await;
    let helper = helper["token"].as_str().expect("the response has a token").to_owned();
    let mut sockets = [server.socket(&ann, "").await, server.socket(&helper, "").await];
    let mut narrow = server.socket(&part, "").await;
    for socket in sockets.iter_mut().chain([&mut narrow]) {
        socket.sync(0).await;
    }
    assert_eq!(reports(&server, &ann).await, [""; 0]);
    member(&server, "m1", "d1").await;
    for socket in &mut sockets {
        assert_eq!(next_deltas(socket, 3).await, set(&[("G", "m1"), ("C", "d1"), ("C", "r1")]));
    }
    assert_eq!(next_deltas(&mut narrow, 1).await, set(&[("G", "m1")]));
    assert_eq!(
        (reports(&server, &ann).await, reports(&server, &helper).await),
        (vec!["r1".to_owned()], vec!["r1".to_owned()])
    );
    assert_eq!(reports(&server, &part).await, [""; 0], "this session is limited to user:ann");
    write(&server, "PATCH", "/reports/r1", json!({ "data": { "title": "Snow" } })).await;
    for socket in &mut sockets {
        assert_eq!(next_deltas(socket, 1).await, set(&[("U", "r1")]));
    }
    // A group that two rows grant is revoked with the second of them.
    member(&server, "m2", "d1").await;
    write(&server, "DELETE", "/members/m1", json!({})).await;
    assert_eq!(reports(&server, &ann).await, ["r1"]);
    write(&server, "DELETE", "/members/m2", json!({})).await;
    assert_eq!((reports(&server, &ann).await, reports(&server, &helper).await), (vec![], vec![]));
    for socket in &mut sockets {
        assert_eq!(next_deltas(socket, 3).await, set(&[("S", "m2"), ("D", "d1"), ("D", "r1")]));
    }
    write(&server, "PATCH", "/reports/r1", json!({ "data": { "title": "Hail" } })).await;
    for socket in sockets.iter_mut().chain([&mut narrow]) {
        let rest = socket.next(Duration::from_millis(300)).await;
        assert!(
            rest.is_none_or(|frame| frame["type"] != "delta"
                || frame["payload"]["deltas"][0]["actionType"] == "S")
        );
    }
    let patch = json!({ "data": { "title": "Mine" } });
    let (status, refused) =
        server.ask(&ann, "PATCH", "/api/v1/models/reports/r1", Some(patch)).await;
    assert_eq!((status, &refused["code"]), (404, &json!("entity_not_found")), "{refused}");
}

async fn a_grant_extends_the_groups_of_the_address(world: World) {
    let server = newsroom(&world).await;
    member(&server, "m1", "d1").await;
    let ann = server.session("user", "ann", json!({})).await;
    // The 0.9 client names the groups that it knew when it signed in.
    let mut named = server.socket(&ann, "&syncGroups=user:ann&syncGroups=desk:d1").await;
    let mut part = server.socket(&ann, "&syncGroups=user:ann").await;
    for socket in [&mut named, &mut part] {
        socket.sync(0).await;
    }
    member(&server, "m2", "d2").await;
    for socket in [&mut named, &mut part] {
        assert_eq!(next_deltas(socket, 3).await, set(&[("G", "m2"), ("C", "d2"), ("C", "r2")]));
    }
    write(&server, "PATCH", "/reports/r1", json!({ "data": { "title": "Snow" } })).await;
    write(&server, "PATCH", "/reports/r2", json!({ "data": { "title": "Draw" } })).await;
    assert_eq!(next_deltas(&mut named, 2).await, set(&[("U", "r1"), ("U", "r2")]));
    assert_eq!(next_deltas(&mut part, 1).await, set(&[("U", "r2")]), "not asked for desk:d1");
}

async fn moving_a_membership_revokes_and_grants(world: World) {
    let server = newsroom(&world).await;
    member(&server, "m1", "d1").await;
    let ann = server.session("user", "ann", json!({})).await;
    let mut socket = server.socket(&ann, "").await;
    socket.sync(server_head(&server).await).await;
    write(&server, "PATCH", "/members/m1", json!({ "data": { "deskId": "d2" } })).await;
    let moved =
        set(&[("S", "m1"), ("D", "d1"), ("D", "r1"), ("G", "m1"), ("C", "d2"), ("C", "r2")]);
    assert_eq!(next_deltas(&mut socket, 6).await, moved);
    assert_eq!(reports(&server, &ann).await, ["r2"]);
    // Deltas caused by memberships do not make a write stale.
    let stale = json!({ "data": { "title": "Draw" }, "readAt": 7, "onStale": "reject" });
    write(&server, "PATCH", "/reports/r2", stale).await;
}

async fn server_head(server: &Coordinator) -> u64 {
    let (_, listed) = server.ask(&server.key, "GET", "/api/v1/models/desks", None).await;
    listed["stamp"].as_u64().expect("a stamp")
}

async fn granting_many_rows_sends_only_the_group_change(world: World) {
    let server = newsroom(&world).await;
    for part in 0..5 {
        let create = |at: usize| {
            let id = format!("x{part}-{at}");
            let data = json!({ "title": "X", "deskId": "d1" });
            json!({ "action": "create", "model": "reports", "id": id, "data": data })
        };
        let operations: Vec<Value> = (0..250).map(create).collect();
        world
            .commit(&user("ann"), &Value::from(operations).to_string())
            .await
            .expect("the commit succeeds");
    }
    let ann = server.session("user", "ann", json!({})).await;
    let mut socket = server.socket(&ann, "").await;
    socket.sync(server_head(&server).await).await;
    member(&server, "m1", "d1").await;
    let mut deltas = Vec::new();
    while deltas.len() < 2 {
        deltas.extend(socket.deltas().await);
    }
    assert_eq!(deltas[0]["data"], json!({ "group": "desk:d1", "userId": "ann" }));
    assert_eq!(
        (&deltas[1]["actionType"], &deltas[1]["data"]["addedGroups"]),
        (&json!("G"), &json!(["desk:d1"]))
    );
    assert_eq!(reports(&server, &ann).await.len(), 20, "one page");
}
