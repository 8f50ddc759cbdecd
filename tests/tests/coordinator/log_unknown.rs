//! Clients of 0.9 without a position: what they get when they connect, on both stores and with two
//! coordinators.

use ablo_tests::client_0_9::{self, Client};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_fresh_client_gets_a_position_after_its_bootstrap
    two_clients_of_one_token_miss_nothing_over_cuts_and_two_coordinators
    a_client_whose_snapshot_is_not_known_gets_all_rows
    an_agent_that_connects_again_misses_nothing
}

async fn write(world: &World, action: &str, id: &str, text: &str) {
    let data = json!({ "text": text });
    let operations = json!([{ "action": action, "model": "notes", "id": id, "data": data }]);
    world.commit(&user("ann"), &operations.to_string()).await.expect("a write");
}

fn rows(client: &Client<'_>) -> BTreeMap<String, String> {
    client.pool.texts("Note", "text")
}

async fn stored(world: &World) -> BTreeMap<String, String> {
    client_0_9::stored(world, "Note", "text").await
}

/// Waits until the client has acknowledged a sync id.
async fn follow(client: &mut Client<'_>, to: u64) {
    client.until("the last delta", |client| client.pool.position() == to).await;
}

async fn a_fresh_client_gets_a_position_after_its_bootstrap(world: World) {
    for row in 0..3 {
        write(&world, "create", &format!("n{row}"), "a").await;
    }
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut client = Client::sign_in(&server, "user", "ann", json!({})).await;
    client.bootstrap().await;
    let before = rows(&client);
    client.open().await;
    follow(&mut client, 3).await;
    assert_eq!(rows(&client), before, "no row has changed");
}

async fn two_clients_of_one_token_miss_nothing_over_cuts_and_two_coordinators(world: World) {
    for row in 0..5 {
        write(&world, "create", &format!("n{row}"), "a").await;
    }
    let one = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    // Only PostgreSQL is shared by two processes; SQLite restarts.
    let second = world.second_instance();
    let store = second.as_ref().map_or(&world.store, |second| &second.store);
    let other = Coordinator::start(world.schema(), Arc::clone(store)).await;
    let token = one.session("user", "ann", json!({})).await;
    let mut early = Client::with_token(&one, "user", token.clone()).await;
    let mut late = Client::with_token(&other, "user", token).await;
    early.bootstrap().await;
    write(&world, "update", "n0", "b").await;
    write(&world, "create", "n5", "b").await;
    late.bootstrap().await;
    write(&world, "update", "n5", "c").await;
    // Cut before anything arrives, at the other coordinator.
    (early.server, late.server) = (&other, &one);
    early.open().await;
    early.cut();
    late.open().await;
    late.cut();
    late.open().await;
    follow(&mut late, 8).await;
    assert_eq!(rows(&late), stored(&world).await, "the one whose snapshot is newer");
    late.cut();
    write(&world, "update", "n1", "d").await;
    // The other client has acknowledged more than this one has.
    early.open().await;
    follow(&mut early, 9).await;
    assert_eq!(rows(&early), stored(&world).await, "the one whose snapshot is older");
    late.server = &other;
    late.open().await;
    follow(&mut late, 9).await;
    assert_eq!(rows(&late), stored(&world).await);
}

async fn a_client_whose_snapshot_is_not_known_gets_all_rows(world: World) {
    for row in 0..60 {
        write(&world, "create", &format!("n{row}"), "a").await;
    }
    write(&world, "delete", "n7", "").await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut client = Client::sign_in(&server, "user", "ann", json!({})).await;
    // It has some rows, in a state that the coordinator does not know.
    for row in ["n1", "n7"] {
        client.pool.read("Note", &json!({ "id": row, "text": "older" }));
    }
    client.open().await;
    follow(&mut client, 61).await;
    assert_eq!(rows(&client), stored(&world).await);
}

async fn an_agent_that_connects_again_misses_nothing(world: World) {
    write(&world, "create", "n0", "a").await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut client = Client::sign_in(&server, "agent", "robot", json!({})).await;
    client.open().await;
    // It is sent no rows, only what changes.
    client.answered().await;
    client.cut();
    write(&world, "create", "n1", "b").await;
    client.open().await;
    follow(&mut client, 2).await;
    assert_eq!(rows(&client), BTreeMap::from([("n1".to_owned(), "b".to_owned())]));
}
