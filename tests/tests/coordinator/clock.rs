//! A clock that jumps forward: tokens and claims expire, and a row still has at most one holder.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::store::Store;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    tokens_and_claims_expire_when_the_clock_jumps
}

/// Requests a claim over a socket.
async fn begin(socket: &mut Socket, intent: &str) {
    let begin = json!({
        "intentId": intent, "entityType": "notes", "entityId": "n", "action": "editing",
        "queue": true,
    });
    socket.send("intent_begin", begin).await;
}

async fn write(server: &Coordinator, key: &str, claim: Option<&str>, text: &str) -> (u16, Value) {
    let body = json!({ "idempotencyKey": text, "intent": claim, "data": { "text": text } });
    server.ask(key, "PATCH", "/api/v1/models/notes/n", Some(body)).await
}

async fn tokens_and_claims_expire_when_the_clock_jumps(world: World) {
    let clock = Observed::new(Arc::clone(&world.store));
    let server = Coordinator::start(world.schema(), Arc::clone(&clock) as Arc<dyn Store>).await;
    let created = json!({ "id": "n", "data": { "text": "first" } });
    assert_eq!(server.ask(&server.key, "POST", "/api/v1/models/notes", Some(created)).await.0, 201);
    let tokens = [
        server.session("agent", "one", json!({ "ttlSeconds": 86_000 })).await,
        server.session("agent", "two", json!({ "ttlSeconds": 86_000 })).await,
    ];
    let short = server.session("agent", "three", json!({ "ttlSeconds": 900 })).await;
    let mut sockets = [server.socket(&tokens[0], "").await, server.socket(&tokens[1], "").await];
    begin(&mut sockets[0], "int_one").await;
    sockets[0].receive("intent_acquired").await;
    begin(&mut sockets[1], "int_two").await;
    sockets[1].receive("intent_queued").await;

    clock.set_ahead(3600);
    // The token with a TTL of 15 minutes has expired. The key still creates new ones.
    let (status, body) = server.ask(&short, "GET", "/api/v1/models/notes/n", None).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("apikey_expired")), "{body}");
    let renewed = server.session("agent", "three", json!({})).await;
    assert_eq!(server.ask(&renewed, "GET", "/api/v1/models/notes/n", None).await.0, 200);

    // At most one of the two can write at any time.
    let mut writers = Vec::new();
    for round in 0..20 {
        let mut wrote = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let claim = ["int_one", "int_two"][at];
            let (status, body) = write(&server, token, Some(claim), &format!("{at}-{round}")).await;
            match status {
                200 => wrote.push(at),
                _ => assert_eq!(status, 409, "{body}"),
            }
        }
        assert!(wrote.len() <= 1, "both participants wrote in round {round}");
        writers.extend(wrote);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(writers.is_sorted(), "the claim passes to the waiter and not back: {writers:?}");
    // The waiter is notified of what happened to its claim, and gets the row in the end.
    sockets[0].send("intent_abandon", json!({ "intentId": "int_one" })).await;
    let mut claim = "int_two";
    loop {
        let frame = sockets[1].next(Duration::from_secs(15)).await.expect("the waiter is notified");
        match frame["type"].as_str() {
            Some("intent_granted" | "intent_acquired") => break,
            Some("intent_lost") => {
                claim = "int_again";
                begin(&mut sockets[1], claim).await;
            }
            _ => {}
        }
    }
    assert_eq!(write(&server, &tokens[1], Some(claim), "served").await.0, 200);

    // The log stays ordered, and a repeated idempotency key is still recognised.
    let log = world.log(&ablo_tests::server::user("ann"), 0).await.expect("the log is readable");
    assert!(
        log.windows(2)
            .all(|pair| pair[0].id < pair[1].id && pair[0].created_at <= pair[1].created_at)
    );
    let before = log.len();
    assert_eq!(write(&server, &tokens[1], Some(claim), "served").await.0, 200);
    let after =
        world.log(&ablo_tests::server::user("ann"), 0).await.expect("the log is readable").len();
    assert_eq!(after, before, "a replay within a day writes nothing");
}
