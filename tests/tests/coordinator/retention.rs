//! Retention on both stores: receipts, tokens, subscriptions and connections.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::CoordinatorOptions;
use ablo_server::engine::{Engine, commit};
use ablo_server::identity::Identity;
use ablo_server::store::Tx;
use ablo_server::value::stored_date;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    old_receipts_are_deleted
    expired_tokens_are_deleted
    subscriptions_expire
    old_connections_are_closed
}

/// Sets a date column to two days ago.
async fn age(world: &World, table: &str, column: &str, rows: &str) {
    let then = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(48);
    let sql = format!("UPDATE {table} SET {column} = '{}' WHERE {rows}", stored_date(then));
    let job =
        move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| Ok(tx.connection().execute(&sql, &[])?);
    assert!(world.write(&user("ann"), job).await.expect("the update succeeds") > 0);
}

async fn count(world: &World, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let job =
        move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| Ok(tx.connection().query(&sql, &[])?);
    let rows = world.read(&user("ann"), job).await.expect("the query succeeds");
    rows[0][0].integer().expect("a number")
}

fn create(id: &str) -> String {
    json!([{ "action": "create", "model": "notes", "id": id, "data": { "text": id } }]).to_string()
}

async fn old_receipts_are_deleted(world: World) {
    let ann = user("ann");
    for at in 0..3 {
        world
            .commit_as(&ann, &format!("old-{at}"), &create(&format!("n{at}")))
            .await
            .expect("the commit succeeds");
    }
    age(&world, "ablo_commits", "created_at", "1 = 1").await;
    world.commit_as(&ann, "new", &create("new")).await.expect("the commit succeeds");
    let delete = |_: &Engine, tx: &mut Tx<'_>, who: &Identity| {
        commit::delete_old_receipts(tx, &who.organization)
    };
    assert_eq!(world.write(&ann, delete).await.expect("the deletion succeeds"), 3);
    assert_eq!(world.write(&ann, delete).await.expect("the deletion succeeds"), 0);
    assert_eq!(count(&world, "ablo_commits").await, 1);
    // Commits delete old receipts too.
    age(&world, "ablo_commits", "created_at", "1 = 1").await;
    for at in 0..70 {
        world
            .commit_as(&ann, &format!("next-{at}"), &create(&format!("next-{at}")))
            .await
            .expect("the commit succeeds");
    }
    assert_eq!(count(&world, "ablo_commits").await, 70);
}

async fn expired_tokens_are_deleted(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let ann = server.session("user", "ann", json!({})).await;
    let body = json!({ "participantKind": "agent", "participantId": "helper" });
    server.ask(&ann, "POST", "/api/auth/capability", Some(body)).await;
    assert_eq!(count(&world, "ablo_capabilities").await, 3);
    assert_eq!(
        count(&world, "ablo_capabilities WHERE last_used_at IS NOT NULL").await,
        2,
        "both were exchanged"
    );
    age(&world, "ablo_capabilities", "expires_at", "expires_at IS NOT NULL").await;
    // The exchanged token is deleted first, then the token that it was exchanged for.
    server.session("user", "bob", json!({})).await;
    assert_eq!(count(&world, "ablo_capabilities").await, 3);
    server.session("user", "cat", json!({})).await;
    assert_eq!(count(&world, "ablo_capabilities").await, 3, "the key, bob's and cat's");
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
        max_connection_age: Duration::from_secs(1),
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
