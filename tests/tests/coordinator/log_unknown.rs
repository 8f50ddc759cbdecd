//! Clients of 0.9 without a position: what they get when they connect, on both stores and with two
//! coordinators.

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

async fn rows_of(world: &World) -> BTreeMap<String, String> {
    let stored = world.bootstrap(&user("ann")).await.expect("the rows");
    stored["Note"].iter().map(|row| texts(&ablo_tests::server::json(row))).collect()
}

fn texts(row: &Value) -> (String, String) {
    let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    (text("id"), text("text"))
}

/// A client that follows the rules of 0.9: its position is that of the last delta that it has
/// acknowledged, and 0 after a bootstrap.
#[derive(Debug, Default)]
struct Client {
    highest: i64,
    rows: BTreeMap<String, String>,
}

impl Client {
    async fn bootstrap(&mut self, server: &Coordinator, token: &str) {
        let (status, body) = server.ask(token, "GET", "/api/sync/bootstrap", None).await;
        assert_eq!(status, 200);
        let rows = body["models"]["Note"].as_array().expect("rows");
        self.rows = rows.iter().map(texts).collect();
    }

    async fn connect(&self, server: &Coordinator, token: &str) -> Socket {
        let mut socket = server.socket(token, "").await;
        let payload = json!({ "cursor": null, "versions": {}, "lastSyncId": self.highest.max(0),
            "capabilities": ["partialBootstrap", "batchedDeltas"] });
        socket.send("sync_request", payload).await;
        socket
    }

    fn apply(&mut self, delta: &Value) {
        let id = delta["id"].as_i64().expect("a number");
        if id > 0 && id <= self.highest {
            return;
        }
        self.highest = id;
        let (row, text) = (delta["modelId"].as_str().expect("a row").to_owned(), &delta["data"]);
        let text = texts(text).1;
        match (delta["actionType"].as_str(), self.rows.contains_key(&row)) {
            (Some("I"), false) | (Some("U"), true) => drop(self.rows.insert(row, text)),
            (Some("D"), _) => drop(self.rows.remove(&row)),
            _ => {}
        }
    }

    /// Reads frames until the position is this one, and acknowledges them.
    async fn follow(&mut self, socket: &mut Socket, to: i64) {
        let until = Instant::now() + Duration::from_secs(15);
        while self.highest < to {
            let frame = socket.next(until.saturating_duration_since(Instant::now())).await;
            let frame = frame.unwrap_or_else(|| panic!("no delta {to}: {self:?}"));
            if frame["type"] != "delta" {
                continue;
            }
            let deltas = frame["payload"]["deltas"].as_array().expect("deltas");
            deltas.iter().for_each(|delta| self.apply(delta));
            let ack = json!({ "lastSyncId": self.highest.max(0), "versions": {} });
            socket.send("ack", ack).await;
        }
    }
}

async fn a_fresh_client_gets_a_position_after_its_bootstrap(world: World) {
    for row in 0..3 {
        write(&world, "create", &format!("n{row}"), "a").await;
    }
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let token = server.session("user", "ann", json!({})).await;
    let mut client = Client::default();
    client.bootstrap(&server, &token).await;
    let before = client.rows.clone();
    let mut socket = client.connect(&server, &token).await;
    client.follow(&mut socket, 3).await;
    assert_eq!((client.highest, client.rows), (3, before), "no row has changed");
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
    let (mut early, mut late) = (Client::default(), Client::default());
    early.bootstrap(&one, &token).await;
    write(&world, "update", "n0", "b").await;
    write(&world, "create", "n5", "b").await;
    late.bootstrap(&other, &token).await;
    write(&world, "update", "n5", "c").await;
    // Cut before anything arrives, at the other coordinator.
    drop(early.connect(&other, &token).await);
    drop(late.connect(&one, &token).await);
    let mut socket = late.connect(&one, &token).await;
    late.follow(&mut socket, 8).await;
    assert_eq!(late.rows, rows_of(&world).await, "the one whose snapshot is newer");
    drop(socket);
    write(&world, "update", "n1", "d").await;
    // The other client has acknowledged more than this one has.
    let mut socket = early.connect(&other, &token).await;
    early.follow(&mut socket, 9).await;
    assert_eq!(early.rows, rows_of(&world).await, "the one whose snapshot is older");
    let mut socket = late.connect(&other, &token).await;
    late.follow(&mut socket, 9).await;
    assert_eq!(late.rows, rows_of(&world).await);
}

async fn a_client_whose_snapshot_is_not_known_gets_all_rows(world: World) {
    for row in 0..60 {
        write(&world, "create", &format!("n{row}"), "a").await;
    }
    write(&world, "delete", "n7", "").await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let token = server.session("user", "ann", json!({})).await;
    // It has some rows, in a state that the coordinator does not know.
    let mut client = Client::default();
    for row in ["n1", "n7"] {
        client.rows.insert(row.to_owned(), "older".to_owned());
    }
    let mut socket = client.connect(&server, &token).await;
    client.follow(&mut socket, 61).await;
    assert_eq!(client.rows, rows_of(&world).await);
}

async fn an_agent_that_connects_again_misses_nothing(world: World) {
    write(&world, "create", "n0", "a").await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let token = server.session("agent", "robot", json!({})).await;
    let mut client = Client::default();
    let mut socket = client.connect(&server, &token).await;
    socket.receive("sync_response").await;
    // It is sent no rows, only what changes.
    drop(socket);
    write(&world, "create", "n1", "b").await;
    let mut socket = client.connect(&server, &token).await;
    client.follow(&mut socket, 2).await;
    assert_eq!(client.rows, BTreeMap::from([("n1".to_owned(), "b".to_owned())]));
}
