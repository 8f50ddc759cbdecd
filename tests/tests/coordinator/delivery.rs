//! Deltas on both stores while connections are cut and others write: none is missed, and their ids
//! never go back on a connection.

use ablo_tests::client_0_9::{self, Pool};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
/// How long a connection lasts.
const CUT: Duration = Duration::from_millis(100);
const WRITING: Duration = Duration::from_secs(3);
const ROWS: usize = 20;

on_both_stores! { super::SCHEMA;
    nothing_is_sent_before_the_first_sync_request
    a_grant_follows_the_acknowledgement_of_the_row
    a_client_that_is_cut_while_others_write_misses_no_delta
    a_client_that_follows_the_rules_of_0_9_ends_with_the_rows_of_the_server
}

fn write(row: usize, text: usize, action: &str) -> String {
    let data = json!({ "text": text.to_string() });
    json!([{ "action": action, "model": "notes", "id": format!("n{row}"), "data": data }])
        .to_string()
}

async fn nothing_is_sent_before_the_first_sync_request(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let agent = server.session("agent", "robot", json!({})).await;
    let mut socket = server.socket(&agent, "").await;
    for row in 0..3 {
        world.commit(&user("ann"), &write(row, 0, "create")).await.expect("a row");
    }
    // The answer to a ping shows that the deltas would have arrived before it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    socket.send("ping", Value::Null).await;
    loop {
        let frame = socket.next(Duration::from_secs(10)).await.expect("a frame");
        assert_ne!(frame["type"], "delta", "sent before the position of the client is known");
        if frame["type"] == "pong" {
            break;
        }
    }
    socket.sync(1).await;
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let deltas = socket.deltas().await;
        seen.extend(deltas.iter().filter_map(|delta| delta["id"].as_u64()));
    }
    assert_eq!(seen, [2, 3]);
}

async fn a_grant_follows_the_acknowledgement_of_the_row(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    world.commit(&user("ann"), &write(0, 0, "create")).await.expect("a row");
    let agent = server.session("agent", "robot", json!({})).await;
    let mut socket = server.socket(&agent, "").await;
    socket.send("sync_request", client_0_9::sync_request(1)).await;
    socket.receive("sync_response").await;
    for (round, acknowledges) in [true, false].into_iter().enumerate() {
        let update = write(0, round + 1, "update");
        world.commit(&user("ann"), &update).await.expect("an update");
        let delta = socket.deltas().await.remove(0);
        let id = format!("c{round}");
        let begin = json!({
            "intentId": id,
            "entityType": "notes",
            "entityId": "n0",
            "action": "editing",
        });
        socket.send("intent_begin", begin).await;
        if acknowledges {
            socket.send("ping", Value::Null).await;
            loop {
                let frame = socket.next(Duration::from_secs(10)).await.expect("a frame");
                assert_ne!(frame["type"], "intent_acquired", "the row is not acknowledged");
                if frame["type"] == "pong" {
                    break;
                }
            }
            socket.send("ack", json!({ "lastSyncId": delta["id"] })).await;
        }
        // Without an acknowledgement, the grant follows after 250 ms.
        let acquired = socket.receive("intent_acquired").await;
        assert_eq!(acquired["intentId"], id);
        socket.send("intent_abandon", json!({ "intentId": id })).await;
        // Frames are handled in order.
        socket.send("ping", Value::Null).await;
        socket.receive("pong").await;
    }
}

/// Writes until the time has passed, and returns the number of updates.
async fn write_steadily(world: Arc<World>, done: Arc<AtomicBool>) -> usize {
    for row in 0..ROWS {
        world.commit(&user("ann"), &write(row, 0, "create")).await.expect("a row");
    }
    let began = Instant::now();
    let mut updates = 0;
    while began.elapsed() < WRITING {
        updates += 1;
        let update = write(updates % ROWS, updates, "update");
        world.commit(&user("ann"), &update).await.expect("an update");
    }
    done.store(true, Ordering::SeqCst);
    updates
}

/// Connects again and again, for `CUT` each, until everything has arrived. `apply` is called with
/// the deltas of each frame and returns the position for the next connection.
async fn reconnect(
    server: &Coordinator,
    (mut position, request): (u64, impl Fn(u64) -> Value),
    done: &AtomicBool,
    mut apply: impl FnMut(&[Value]) -> u64,
    head: impl AsyncFn() -> u64,
) {
    let token = server.session("agent", "reader", json!({})).await;
    let mut connections: u64 = 0;
    loop {
        let finished = done.load(Ordering::SeqCst);
        connections += 1;
        let mut socket = server.socket(&token, "").await;
        let opened = Instant::now();
        // Clients take some time until they ask.
        tokio::time::sleep(Duration::from_millis(connections * 7 % 30)).await;
        socket.send("sync_request", request(position)).await;
        let mut last_of_connection = 0;
        while let Some(left) = CUT.checked_sub(opened.elapsed()) {
            let Some(frame) = socket.next(left).await else { break };
            if frame["type"] != "delta" {
                continue;
            }
            let deltas = frame["payload"]["deltas"].as_array().expect("deltas").clone();
            for delta in &deltas {
                let id = delta["id"].as_u64().expect("an id");
                assert!(id > last_of_connection, "{id} after {last_of_connection}");
                last_of_connection = id;
            }
            position = apply(&deltas);
            socket.send("ack", json!({ "lastSyncId": position })).await;
        }
        if finished && position >= head().await {
            println!("{connections} connections");
            return;
        }
        assert!(connections < 2000, "the reader never arrives at the head");
    }
}

async fn a_client_that_is_cut_while_others_write_misses_no_delta(world: World) {
    let (world, done) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let writer = tokio::spawn(write_steadily(Arc::clone(&world), Arc::clone(&done)));
    let (mut position, mut received) = (0, Vec::new());
    let apply = |deltas: &[Value]| {
        for delta in deltas {
            let id = delta["id"].as_u64().expect("an id");
            // As clients do, everything up to the position is dropped.
            if id > position {
                position = id;
                received.push(id);
            }
        }
        position
    };
    let head = async || world.log(&user("ann"), 0).await.expect("the log").len() as u64;
    let request = |position| {
        let mut request = client_0_9::sync_request(position);
        request["capabilities"] = json!(["completeDeltas", "resume"]);
        request
    };
    reconnect(&server, (0, request), &done, apply, head).await;
    let updates = writer.await.expect("the writer");
    let all: Vec<u64> = (1..=(ROWS + updates) as u64).collect();
    let missing = all.iter().filter(|id| !received.contains(id)).count();
    assert_eq!(missing, 0, "of {}", all.len());
    assert_eq!(received, all);
}

async fn a_client_that_follows_the_rules_of_0_9_ends_with_the_rows_of_the_server(world: World) {
    let (world, done) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    world.commit(&user("ann"), &write(ROWS, 0, "create")).await.expect("a row");
    let writer = tokio::spawn(write_steadily(Arc::clone(&world), Arc::clone(&done)));
    let mut pool = Pool::at(1);
    pool.read("Note", &json!({ "id": format!("n{ROWS}"), "text": "0" }));
    let apply = |deltas: &[Value]| pool.receive(deltas);
    let head = async || world.log(&user("ann"), 0).await.expect("the log").len() as u64;
    reconnect(&server, (1, client_0_9::sync_request), &done, apply, head).await;
    writer.await.expect("the writer");
    assert_eq!(pool.texts("Note", "text"), client_0_9::stored(&world, "Note", "text").await);
}
