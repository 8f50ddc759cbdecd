//! The stale guard on both stores: which changes it counts, and over which transport.

use ablo_server::identity::Identity;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use ablo_wire::CommitReceipt;
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "x":{"type":"string","isOptional":true,"isIndexed":false},
    "y":{"type":"string","isOptional":true,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    workers_that_share_a_participant_do_not_lose_updates
    operations_of_one_commit_do_not_conflict
    a_write_names_the_operations_that_it_follows
    predecessors_of_others_count
    the_creation_of_a_row_makes_no_update_stale
    a_deleted_row_is_not_found_by_a_guarded_write
    a_read_position_beyond_the_head_is_refused_on_every_route
    writes_under_one_claim_do_not_conflict_over_http
    writes_under_the_claim_of_the_row_do_not_conflict_on_a_socket
    a_claim_of_another_connection_with_the_same_key_does_not_count
}

fn update(values: Value, read_at: u64) -> Value {
    json!({ "action": "update", "model": "notes", "id": "n", "data": values, "readAt": read_at })
}

fn with(mut operation: Value, further: &Value) -> Value {
    let members = further.as_object().expect("an object").clone();
    operation.as_object_mut().expect("an operation").extend(members);
    operation
}

/// Commits operations and returns the sync id, or the error code.
async fn commit(world: &World, who: &Identity, operations: &[Value]) -> Result<u64, String> {
    let operations = serde_json::to_string(operations).expect("JSON");
    let receipt = world.commit(who, &operations).await;
    let sync_id = |receipt: CommitReceipt| receipt.last_sync_id.expect("a sync id").0;
    receipt.map(sync_id).map_err(|error| error.into_api_error().code().to_owned())
}

async fn created(world: &World, who: &Identity) -> u64 {
    let create = json!({ "action": "create", "model": "notes", "id": "n", "data": { "x": "0" } });
    commit(world, who, &[create]).await.expect("the row is created")
}

fn stale<T>() -> Result<T, String> {
    Err("stale_context".to_owned())
}

async fn workers_that_share_a_participant_do_not_lose_updates(world: World) {
    let ann = user("ann");
    let base = created(&world, &ann).await;
    // Two workers with one key have read the row at the same sync id.
    commit(&world, &ann, &[update(json!({ "x": "1" }), base)]).await.expect("the first write");
    assert_eq!(commit(&world, &ann, &[update(json!({ "x": "2" }), base)]).await, stale());
    let other = commit(&world, &ann, &[update(json!({ "y": "1" }), base)]).await;
    assert!(other.is_ok(), "another member: {other:?}");
}

async fn operations_of_one_commit_do_not_conflict(world: World) {
    let ann = user("ann");
    let base = created(&world, &ann).await;
    let both = [update(json!({ "x": "1" }), base), update(json!({ "x": "2" }), base)];
    let head = commit(&world, &ann, &both).await.expect("one commit");
    let delete = json!({ "action": "delete", "model": "notes", "id": "n", "readAt": head });
    let both = [update(json!({ "x": "3" }), head), delete];
    commit(&world, &ann, &both).await.expect("a change and a guarded delete");
}

async fn a_write_names_the_operations_that_it_follows(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    let base = created(&world, &ann).await;
    let first = with(update(json!({ "x": "1" }), base), &json!({ "transactionId": "t1" }));
    commit(&world, &ann, &[first]).await.expect("the first write");
    let next = with(update(json!({ "x": "2" }), base), &json!({ "after": ["t1"] }));
    commit(&world, &ann, std::slice::from_ref(&next)).await.expect("made on top of the first");
    // A writes `x`, B writes `y`, A writes `y` on its old base.
    let base = commit(&world, &ann, &[update(json!({ "y": "1" }), 0)]).await.expect("a write");
    let own = with(update(json!({ "x": "3" }), base), &json!({ "transactionId": "t2" }));
    commit(&world, &ann, &[own]).await.expect("A writes `x`");
    let alone = with(update(json!({ "y": "2" }), base), &json!({ "after": ["t2"] }));
    commit(&world, &ann, &[alone]).await.expect("without B");
    let base = commit(&world, &ann, &[update(json!({ "y": "3" }), 0)]).await.expect("a write");
    let own = with(update(json!({ "x": "4" }), base), &json!({ "transactionId": "t3" }));
    commit(&world, &ann, &[own]).await.expect("A writes `x`");
    commit(&world, &bob, &[update(json!({ "y": "4" }), base)]).await.expect("B writes `y`");
    let late = with(update(json!({ "y": "5" }), base), &json!({ "after": ["t3"] }));
    assert_eq!(commit(&world, &ann, &[late]).await, stale());
}

async fn predecessors_of_others_count(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    let base = created(&world, &ann).await;
    let own = with(update(json!({ "x": "1" }), base), &json!({ "transactionId": "t1" }));
    commit(&world, &bob, &[own]).await.expect("B writes");
    let named = with(update(json!({ "x": "2" }), base), &json!({ "after": ["t1"] }));
    assert_eq!(commit(&world, &ann, &[named]).await, stale());
    let many: Vec<String> = (0..101).map(|at| at.to_string()).collect();
    let too_many = serde_json::to_string(&[with(
        update(json!({ "x": "2" }), base),
        &json!({ "after": many }),
    )]);
    let refused = world.commit(&ann, &too_many.expect("JSON")).await;
    assert_eq!(ablo_tests::server::code(refused), "invalid_request");
}

async fn the_creation_of_a_row_makes_no_update_stale(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    let before = commit(
        &world,
        &bob,
        &[json!({ "action": "create", "model": "notes", "id": "other", "data": {} })],
    )
    .await
    .expect("an earlier row");
    created(&world, &ann).await;
    commit(&world, &bob, &[update(json!({ "x": "1" }), before)]).await.expect("only created");
    assert_eq!(commit(&world, &ann, &[update(json!({ "x": "2" }), before)]).await, stale());
    let delete = json!({ "action": "delete", "model": "notes", "id": "n", "readAt": before });
    assert_eq!(commit(&world, &bob, &[delete]).await, stale(), "a delete counts every change");
}

async fn a_deleted_row_is_not_found_by_a_guarded_write(world: World) {
    let (ann, bob) = (user("ann"), user("bob"));
    let base = created(&world, &ann).await;
    let delete = json!({ "action": "delete", "model": "notes", "id": "n" });
    commit(&world, &bob, &[delete]).await.expect("B deletes the row");
    let guarded = json!({ "action": "delete", "model": "notes", "id": "n", "readAt": base });
    assert!(commit(&world, &ann, &[guarded]).await.is_ok(), "nothing is left to delete");
    let late = commit(&world, &ann, &[update(json!({ "x": "1" }), base)]).await;
    assert_eq!(late, Err("entity_not_found".to_owned()));
}

async fn a_read_position_beyond_the_head_is_refused_on_every_route(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let path = "/api/v1/models/notes";
    let create = json!({ "id": "n", "data": { "x": "0" } });
    assert_eq!(server.ask(&server.key, "POST", path, Some(create)).await.0, 201);
    let beyond = 1_000_000;
    let guarded = json!({ "data": { "x": "1" }, "readAt": beyond });
    let requests = [
        ("PATCH", format!("{path}/n"), guarded.clone()),
        ("POST", path.to_owned(), with(guarded, &json!({ "id": "m" }))),
        ("DELETE", format!("{path}/n"), json!({ "readAt": beyond })),
        (
            "POST",
            "/api/v1/commits".to_owned(),
            json!({ "operations": [update(json!({ "x": "1" }), beyond)] }),
        ),
    ];
    for (method, path, body) in requests {
        let (status, answer) = server.ask(&server.key, method, &path, Some(body)).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some("invalid_request")), "{answer}");
    }
    let mut socket = server.socket(&server.key, "").await;
    let answer = send(&mut socket, &json!([update(json!({ "x": "1" }), beyond)])).await;
    assert_eq!(answer["error"]["code"], "invalid_request", "{answer}");
}

/// Commits operations on a socket and returns the receipt.
async fn send(socket: &mut Socket, operations: &Value) -> Value {
    let id = uuid::Uuid::new_v4().to_string();
    socket.send("commit", json!({ "clientTxId": id, "operations": operations })).await;
    let receipt = socket.receive("mutation_result").await;
    assert_eq!(receipt["clientTxId"], id);
    receipt
}

async fn writes_under_one_claim_do_not_conflict_over_http(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let key = server.key.as_str();
    let path = "/api/v1/models/notes";
    let (_, made) =
        server.ask(key, "POST", path, Some(json!({ "id": "n", "data": { "x": "0" } }))).await;
    let base = made["lastSyncId"].as_u64().expect("a sync id");
    let claim = async || {
        let body = json!({ "action": "editing", "intentId": "c" });
        let (status, claim) = server.ask(key, "POST", &format!("{path}/n/claim"), Some(body)).await;
        assert_eq!(status, 201, "{claim}");
    };
    let write = async |value: &str, intent: Option<&str>| {
        let mut body = json!({ "data": { "x": value }, "readAt": base });
        if let Some(intent) = intent {
            body = with(body, &json!({ "intent": intent }));
        }
        server.ask(key, "PATCH", &format!("{path}/n"), Some(body)).await.0
    };
    claim().await;
    assert_eq!([write("1", Some("c")).await, write("2", Some("c")).await], [200, 200]);
    assert_eq!(write("3", None).await, 409, "a write that names no claim");
    let released = server.ask(key, "DELETE", &format!("{path}/n/claim"), None).await;
    assert_eq!(released.0, 200, "{}", released.1);
    // The same id names another claim, which was granted after the writes.
    claim().await;
    assert_eq!(write("4", Some("c")).await, 409, "written under the earlier claim");
}

async fn writes_under_the_claim_of_the_row_do_not_conflict_on_a_socket(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let base = created(&world, &user("ann")).await;
    let token = server.session("user", "bob", json!({})).await;
    let mut socket = server.socket(&token, "").await;
    let begin = json!({
        "intentId": "c",
        "entityType": "notes",
        "entityId": "n",
        "action": "editing",
    });
    let write = |value: &str| json!([update(json!({ "x": value }), base)]);
    let unclaimed = send(&mut socket, &write("1")).await;
    assert_eq!(unclaimed["success"], true, "{unclaimed}");
    let again = send(&mut socket, &write("2")).await;
    assert_eq!(again["error"]["code"], "stale_context", "no claim is held: {again}");
    socket.send("intent_begin", begin).await;
    socket.receive("intent_acquired").await;
    let before_grant = send(&mut socket, &write("3")).await;
    assert_eq!(before_grant["error"]["code"], "stale_context", "{before_grant}");
    let stamp = unclaimed["lastSyncId"].as_u64().expect("a sync id");
    for value in ["4", "5"] {
        let written = send(&mut socket, &json!([update(json!({ "x": value }), stamp)])).await;
        assert_eq!(written["success"], true, "{written}");
    }
}

async fn a_claim_of_another_connection_with_the_same_key_does_not_count(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let base = created(&world, &user("ann")).await;
    let token = server.session("user", "bob", json!({})).await;
    let mut holder = server.socket(&token, "").await;
    let mut other = server.socket(&token, "").await;
    let begin = json!({
        "intentId": "c",
        "entityType": "notes",
        "entityId": "n",
        "action": "editing",
    });
    holder.send("intent_begin", begin).await;
    holder.receive("intent_acquired").await;
    let write = |value: &str| json!([update(json!({ "x": value }), base)]);
    let held = send(&mut holder, &write("1")).await;
    assert_eq!(held["success"], true, "{held}");
    let refused = send(&mut other, &write("2")).await;
    assert_eq!(refused["error"]["code"], "entity_claimed", "{refused}");
    let again = send(&mut holder, &write("3")).await;
    assert_eq!(again["success"], true, "{again}");
    holder.send("intent_abandon", json!({ "intentId": "c" })).await;
    holder.send("ping", Value::Null).await;
    holder.receive("pong").await;
    let refused = send(&mut other, &write("4")).await;
    assert_eq!(refused["error"]["code"], "stale_context", "{refused}");
}
