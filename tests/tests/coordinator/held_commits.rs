//! Commits of 0.9 clients, which send a plain update again without end while its refusal is
//! retryable.

use ablo_tests::client_0_9;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    an_update_of_a_held_row_is_applied_when_the_claim_ends
    an_update_is_refused_for_good_after_12_seconds
    re_sent_commits_are_handled_twice_per_second
}

async fn start(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let body = json!({ "id": "n", "data": { "text": "one" } });
    let created = server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body)).await;
    assert_eq!(created.0, 201, "{created:?}");
    server
}

/// Claims the row over HTTP.
async fn claim(server: &Coordinator) -> String {
    let token = server.session("user", "holder", json!({ "wideScope": true })).await;
    let body = json!({ "action": "editing" });
    let claimed = server.ask(&token, "POST", "/api/v1/models/notes/n/claim", Some(body)).await;
    assert!(claimed.0 < 300, "{claimed:?}");
    token
}

/// Opens a socket without the capabilities of newer clients.
async fn older_client(server: &Coordinator) -> Socket {
    let token = server.session("user", "older", json!({ "wideScope": true })).await;
    let mut socket = server.socket(&token, "").await;
    socket.send("sync_request", client_0_9::sync_request(1)).await;
    socket.receive("sync_response").await;
    socket
}

fn update(id: &str, text: &str) -> Value {
    let input = json!({ "text": text });
    let operation = json!({ "type": "UPDATE", "model": "note", "id": "n", "input": input });
    json!({ "clientTxId": id, "operations": [operation] })
}

async fn result(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.next(Duration::from_secs(20)).await.expect("an answer");
        if frame["type"] == "mutation_result" {
            return frame["payload"].clone();
        }
    }
}

async fn an_update_of_a_held_row_is_applied_when_the_claim_ends(world: World) {
    let server = start(&world).await;
    let (holder, mut older) = (claim(&server).await, older_client(&server).await);
    older.send("commit", update("first", "two")).await;
    older.send("commit", update("second", "three")).await;
    // Sent again while it is held: one answer.
    older.send("commit", update("first", "two")).await;
    older.send("ping", json!(null)).await;
    older.receive("pong").await;
    let released = server.ask(&holder, "DELETE", "/api/v1/models/notes/n/claim", None).await;
    assert!(released.0 < 300, "{released:?}");
    for id in ["first", "second"] {
        let receipt = result(&mut older).await;
        assert_eq!((&receipt["clientTxId"], &receipt["success"]), (&json!(id), &json!(true)));
    }
    let (_, row) = server.ask(&server.key, "GET", "/api/v1/models/notes/n", None).await;
    assert_eq!(row["data"]["text"], "three", "the order of the client");
}

async fn an_update_is_refused_for_good_after_12_seconds(world: World) {
    let server = start(&world).await;
    let (_, mut older) = (claim(&server).await, older_client(&server).await);
    let began = Instant::now();
    older.send("commit", update("first", "two")).await;
    let refused = result(&mut older).await;
    let error = &refused["error"];
    assert_eq!(error["code"], "retries_exhausted", "{refused}");
    assert_eq!(error["cause"], "entity_claimed", "{refused}");
    assert!(!ablo_wire::ErrorCode::from("retries_exhausted").retryable());
    let took = began.elapsed();
    assert!(took > Duration::from_secs(11) && took < Duration::from_secs(15), "{took:?}");
    // A newer client is answered at once.
    let mut newer = server.socket(&server.key, "").await;
    newer.sync(0).await;
    newer.send("commit", update("newer", "two")).await;
    assert_eq!(newer.receive("mutation_result").await["error"]["code"], "entity_claimed");
}

async fn re_sent_commits_are_handled_twice_per_second(world: World) {
    let server = start(&world).await;
    let mut older = older_client(&server).await;
    let guarded = || {
        let mut commit = update("stale", "two");
        commit["operations"][0]["readAt"] = json!(1000);
        commit
    };
    let began = Instant::now();
    for _ in 0..5 {
        older.send("commit", guarded()).await;
        assert_eq!(result(&mut older).await["success"], false);
    }
    // The first, two at once, then two per second.
    assert!(began.elapsed() >= Duration::from_millis(950), "{:?}", began.elapsed());
}
