//! Increments of one hot row from 50 connections: each counts exactly once and none is refused,
//! also if each is sent twice.

use ablo_server::identity::{Identity, organization_group};
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{self, World, user};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "pages":{"typename":"Page","mutable":true,"relations":{},"fields":{
    "views":{"type":"number","isOptional":false,"isIndexed":false,"relative":["increment"]}}},
  "totals":{"typename":"Total","mutable":true,"relations":{},"tenancy":{"kind":"none"},"fields":{
    "views":{"type":"number","isOptional":false,"isIndexed":false,"relative":["increment"]}}}}}"#;
const CONNECTIONS: usize = 50;
const INCREMENTS: usize = 4;

on_both_stores! { super::SCHEMA;
    organisations_increment_a_shared_row
}

fn increment(model: &str, key: &str) -> Value {
    json!({
        "clientTxId": key,
        "operations": [{
            "action": "adjust",
            "model": model,
            "id": "p",
            "relative": { "views": { "increment": 1 } },
            "transactionId": format!("{key}:0"),
        }],
    })
}

async fn seed(world: &World, model: &str) {
    let row = json!([{ "action": "create", "model": model, "id": "p", "data": { "views": 0 } }]);
    world.commit(&user("bank"), &row.to_string()).await.expect("created");
}

async fn views(world: &World, model: &str) -> Value {
    let row = world.retrieve(&user("bank"), model, "p").await.expect("a read");
    server::json(&row.expect("a row"))["views"].clone()
}

/// Sends a commit and returns its receipt or the refusal.
async fn send(
    server: &Coordinator,
    token: &str,
    socket: Option<&mut Socket>,
    body: &Value,
) -> Value {
    let Some(socket) = socket else {
        return server.ask(token, "POST", "/api/v1/commits", Some(body.clone())).await.1;
    };
    socket.send("commit", body.clone()).await;
    loop {
        let receipt = socket.receive("mutation_result").await;
        if receipt["clientTxId"] == body["clientTxId"] {
            return receipt;
        }
    }
}

async fn run(make: fn(&str) -> World, one_key: bool, sockets: bool) {
    let world = make(SCHEMA);
    seed(&world, "pages").await;
    let server = Arc::new(Coordinator::start(world.schema(), Arc::clone(&world.store)).await);
    let mut tasks = Vec::new();
    for at in 0..CONNECTIONS {
        let server = Arc::clone(&server);
        tasks.push(tokio::spawn(async move {
            let token = match one_key {
                true => server.key.clone(),
                false => server.session("agent", &format!("w{at}"), json!({})).await,
            };
            let mut socket = match sockets {
                true => Some(server.socket(&token, "").await),
                false => None,
            };
            for number in 0..INCREMENTS {
                let body = increment("pages", &format!("w{at}-{number}"));
                let first = send(&server, &token, socket.as_mut(), &body).await;
                assert_eq!(first["success"], true, "{first}");
                let again = send(&server, &token, socket.as_mut(), &body).await;
                assert_eq!(again, first, "a replay has the receipt of the first");
            }
        }));
    }
    for task in tasks {
        task.await.expect("a connection");
    }
    let sum = CONNECTIONS * INCREMENTS;
    assert_eq!(views(&world, "pages").await, sum);
    let entries = world.log(&user("bank"), 0).await.expect("the log").len();
    assert_eq!(entries, sum + 1, "one entry for each increment");
}

async fn all(make: fn(&str) -> World) {
    for one_key in [true, false] {
        for sockets in [true, false] {
            run(make, one_key, sockets).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_increment_of_a_hot_row_counts_once_on_sqlite() {
    all(World::sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_increment_of_a_hot_row_counts_once_on_postgres() {
    all(World::postgres).await;
}

/// Organisations do not wait for each other, but a row that they share is theirs one at a time.
async fn organisations_increment_a_shared_row(world: World) {
    let world = Arc::new(world);
    seed(&world, "totals").await;
    let mut tasks = Vec::new();
    for organization in ["acme", "globex", "initech", "umbrella"] {
        let world = Arc::clone(&world);
        let groups = BTreeSet::from([organization_group(organization)]);
        let who = Identity { organization: organization.to_owned(), groups, ..user(organization) };
        tasks.push(tokio::spawn(async move {
            for number in 0..50 {
                let key = format!("{organization}-{number}");
                let operations = increment("totals", &key)["operations"].to_string();
                world.commit_as(&who, &key, &operations).await.expect("counted");
            }
        }));
    }
    for task in tasks {
        task.await.expect("an organisation");
    }
    assert_eq!(views(&world, "totals").await, 200);
}
