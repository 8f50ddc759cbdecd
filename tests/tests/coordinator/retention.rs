//! Lifetimes on both stores: subscriptions and connections.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::{CoordinatorOptions, Limits};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    subscriptions_expire
    old_connections_are_closed
}

async fn subscriptions_expire(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut socket = server.socket(&server.key, "").await;
    socket
        .send("claim", json!({ "claimId": "c1", "syncGroups": ["desk:d1"], "ttlSeconds": 1 }))
        .await;
    let ack = socket.receive("claim_ack").await;
    assert_eq!((&ack["success"], &ack["ttlSeconds"]), (&json!(true), &json!(1)));
    socket.send("claim", json!({ "claimId": "c2", "syncGroups": ["desk:d1"] })).await;
    assert_eq!(socket.receive("claim_ack").await["ttlSeconds"], 3600);
    assert_eq!(socket.receive("claim_expired").await["claimId"], "c1");
}

async fn old_connections_are_closed(world: World) {
    let options = CoordinatorOptions {
        limits: Limits { socket_age: Duration::from_secs(1), ..Limits::default() },
        ..CoordinatorOptions::default()
    };
    let server = Coordinator::start_with(world.schema(), Arc::clone(&world.store), options).await;
    let mut socket = server.socket(&server.key, "").await;
    socket.send("ping", json!(null)).await;
    socket.receive("pong").await;
    let began = Instant::now();
    assert_eq!(
        socket.close_code().await,
        Some(1012),
        "1012 does not end the session: clients reconnect"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
}
