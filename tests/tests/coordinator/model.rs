//! Random histories of people and agents on one or two coordinators, checked against invariants.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"typename":"Desk","scope":"desk","mutable":true,"relations":{},
    "fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "counters":{"typename":"Counter","mutable":true,"fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "count":{"type":"number","isOptional":false,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}}}}"#;

const ROWS: usize = 3;
const PARTICIPANTS: usize = 6;
const TURNS: usize = 8;

/// A deterministic random number generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % bound as u64).expect("a small number")
    }
}

/// The history as the participants observed it.
#[derive(Default)]
struct History {
    /// The holder of each row.
    holders: BTreeMap<usize, String>,
    /// The waiters of each row, in the order in which the coordinator queued them.
    queues: BTreeMap<usize, VecDeque<String>>,
    /// Confirmed increments of each row.
    increments: BTreeMap<usize, u64>,
    /// The confirmed sync ids.
    confirmed: BTreeSet<u64>,
    refused: BTreeMap<String, usize>,
}

type Shared = Arc<Mutex<History>>;

/// Creates the rows, alternately in two desks.
async fn begin(server: &Coordinator) {
    for desk in ["even", "odd"] {
        let body = json!({ "id": desk, "data": { "name": desk } });
        assert_eq!(server.ask(&server.key, "POST", "/v1/models/desks", Some(body)).await.0, 201);
    }
    for row in 0..ROWS {
        let desk = if row % 2 == 0 { "even" } else { "odd" };
        let body = json!({ "id": format!("c{row}"), "data": { "deskId": desk, "count": 0 } });
        assert_eq!(server.ask(&server.key, "POST", "/v1/models/counters", Some(body)).await.0, 201);
    }
}

/// Reads a row, waits and increments it with the `readAt` of the read. Returns whether the write
/// was confirmed.
async fn increment(
    server: &Coordinator,
    token: &str,
    row: usize,
    (pause, claim): (u64, Option<&str>),
    history: &Shared,
) -> bool {
    let (status, read) =
        server.ask(token, "GET", &format!("/v1/models/counters/c{row}"), None).await;
    assert_eq!(status, 200, "{read}");
    tokio::time::sleep(Duration::from_millis(pause)).await;
    let count = read["data"]["count"].as_f64().expect("a number") + 1.0;
    let body = json!({ "data": { "count": count }, "readAt": read["stamp"], "intent": claim });
    let (status, answer) =
        server.ask(token, "PATCH", &format!("/v1/models/counters/c{row}"), Some(body)).await;
    let mut history = history.lock().expect("the lock is not poisoned");
    match status {
        200 => {
            *history.increments.entry(row).or_default() += 1;
            assert!(
                history.confirmed.insert(answer["lastSyncId"].as_u64().expect("a sync id")),
                "a sync id was used twice"
            );
            true
        }
        409 => {
            let code = answer["code"].as_str().expect("the error has a code").to_owned();
            assert!(code == "stale_context" || code == "entity_claimed", "{answer}");
            *history.refused.entry(code).or_default() += 1;
            false
        }
        _ => panic!("{status}: {answer}"),
    }
}

/// Claims a row, waits in its queue if necessary, increments it and releases it.
async fn claimed(
    server: &Coordinator,
    socket: &mut Socket,
    who: &Participant,
    turn: usize,
    row: usize,
    gate: &tokio::sync::Mutex<()>,
) {
    let id = format!("{}-{turn}", who.name);
    let entered = gate.lock().await;
    let payload = json!({
        "intentId": id, "entityType": "counters", "entityId": format!("c{row}"),
        "action": "counting", "queue": true,
    });
    socket.send("intent_begin", payload).await;
    let waits = loop {
        let frame = socket.next(Duration::from_secs(20)).await.expect("the request succeeds");
        match frame["type"].as_str() {
            Some("intent_acquired") if frame["payload"]["intentId"] == id => break false,
            Some("intent_queued") if frame["payload"]["intentId"] == id => break true,
            _ => {}
        }
    };
    if waits {
        who.history
            .lock()
            .expect("the lock is not poisoned")
            .queues
            .entry(row)
            .or_default()
            .push_back(id.clone());
    } else {
        hold(&who.history, row, &id, false);
    }
    drop(entered);
    if waits {
        loop {
            let frame = socket.next(Duration::from_secs(20)).await.expect("the waiter is promoted");
            assert_ne!(frame["type"], "intent_lost", "{frame}");
            if frame["type"] == "intent_granted" && frame["payload"]["intentId"] == id {
                break;
            }
        }
        hold(&who.history, row, &id, true);
    }
    // Only the holder can write, so its read cannot be stale.
    let written = increment(server, &who.token, row, (3, Some(&id)), &who.history).await;
    assert!(written, "the holder was refused");
    who.history.lock().expect("the lock is not poisoned").holders.remove(&row);
    socket.send("intent_abandon", json!({ "intentId": id })).await;
}

fn hold(history: &Shared, row: usize, id: &str, waited: bool) {
    let mut history = history.lock().expect("the lock is not poisoned");
    let before = history.holders.insert(row, id.to_owned());
    assert_eq!(before, None, "c{row} has two holders, one is {id}");
    if waited {
        let next = history.queues.get_mut(&row).and_then(VecDeque::pop_front);
        assert_eq!(next.as_deref(), Some(id), "the claim queue of c{row} was not served in order");
    }
}

/// A participant.
struct Participant {
    name: String,
    token: String,
    history: Shared,
}

async fn participant(
    server: Arc<Coordinator>,
    who: Participant,
    mut random: Random,
    gates: Arc<Vec<tokio::sync::Mutex<()>>>,
) {
    let mut socket = server.socket(&who.token, "&kind=agent").await;
    for turn in 0..TURNS {
        let row = random.below(ROWS);
        match random.below(3) {
            0 => {
                let pause = random.below(12) as u64;
                increment(&server, &who.token, row, (pause, None), &who.history).await;
            }
            _ => claimed(&server, &mut socket, &who, turn, row, &gates[row]).await,
        }
    }
}

/// A received delta: its sync id, the id of its row, and the data of the row.
type Received = (u64, String, Value);

/// Receives deltas until the sync id that `last` is set to at the end.
async fn observe(
    mut socket: Socket,
    last: tokio::sync::watch::Receiver<Option<u64>>,
) -> Vec<Received> {
    let mut received: Vec<Received> = Vec::new();
    loop {
        let end = *last.borrow();
        let at = received.last().map_or(0, |(id, ..)| *id);
        if end.is_some_and(|end| at >= end) {
            return received;
        }
        let Some(frame) = socket.next(Duration::from_millis(200)).await else { continue };
        for delta in frame["payload"]["deltas"].as_array().into_iter().flatten() {
            let id = delta["id"].as_u64().expect("a sync id");
            received.push((
                id,
                delta["modelId"].as_str().expect("the id is a string").to_owned(),
                delta["data"].clone(),
            ));
        }
    }
}

/// Starts an observer. The sender sets the sync id at which it ends.
fn observer(
    socket: Socket,
) -> (tokio::sync::watch::Sender<Option<u64>>, tokio::task::JoinHandle<Vec<Received>>) {
    let (sender, last) = tokio::sync::watch::channel(None);
    (sender, tokio::spawn(observe(socket, last)))
}

/// Returns the deltas that an observer receives up to a sync id.
async fn received_until(
    (sender, observer): (
        tokio::sync::watch::Sender<Option<u64>>,
        tokio::task::JoinHandle<Vec<Received>>,
    ),
    last: u64,
) -> Vec<Received> {
    sender.send_replace(Some(last));
    tokio::time::timeout(Duration::from_secs(20), observer)
        .await
        .expect("every delta arrives")
        .expect("the observer does not panic")
}

async fn run(seed: u64, servers: Vec<Arc<Coordinator>>) {
    let first = &servers[0];
    begin(first).await;
    let history = Shared::default();
    let gates: Arc<Vec<_>> = Arc::new((0..ROWS).map(|_| tokio::sync::Mutex::new(())).collect());
    let start = (2 + ROWS) as u64;
    let last_server = servers.last().expect("at least one");
    let mut everything = last_server.socket(&last_server.key, "&kind=agent").await;
    everything.sync(start).await;
    let everything = observer(everything);
    let limited = first.session("agent", "limited", json!({ "syncGroups": ["desk:odd"] })).await;
    let mut some = last_server.socket(&limited, "").await;
    some.sync(start).await;
    let some = observer(some);
    let stranger =
        first.app.issue_secret_key("umbrella", "other").await.expect("the key is issued");
    let mut nothing = last_server.socket(&stranger, "").await;
    nothing.sync(0).await;
    let nothing = observer(nothing);
    let mut tasks = Vec::new();
    for at in 0..PARTICIPANTS {
        let server = Arc::clone(&servers[at % servers.len()]);
        let kind = if at % 2 == 0 { "user" } else { "agent" };
        let name = format!("p{at}");
        let token = server.session(kind, &name, json!({})).await;
        let who = Participant { name, token, history: Arc::clone(&history) };
        let random = Random(seed.wrapping_mul(31).wrapping_add(at as u64 * 7919 + 1));
        tasks.push(tokio::spawn(participant(server, who, random, Arc::clone(&gates))));
    }
    for task in tasks {
        task.await.expect("the participant does not panic");
    }
    let (increments, confirmed) = {
        let history = history.lock().expect("the lock is not poisoned");
        assert!(history.holders.is_empty() && history.queues.values().all(VecDeque::is_empty));
        (history.increments.clone(), history.confirmed.clone())
    };
    // No update was lost.
    for row in 0..ROWS {
        let (_, read) =
            first.ask(&first.key, "GET", &format!("/v1/models/counters/c{row}"), None).await;
        let expected = increments.get(&row).copied().unwrap_or_default();
        assert_eq!(read["data"]["count"].as_f64(), Some(expected as f64), "seed {seed}, c{row}");
    }
    let last = *confirmed.last().expect("something was written");
    // Every confirmed commit is received once and in order, with the row as of that commit.
    let received = received_until(everything, last).await;
    assert_eq!(
        received.iter().map(|(id, ..)| *id).collect::<Vec<_>>(),
        confirmed.iter().copied().collect::<Vec<_>>()
    );
    let mut counts: BTreeMap<&str, f64> = BTreeMap::new();
    for (id, row, data) in &received {
        let count = counts.entry(row).or_default();
        *count += 1.0;
        assert_eq!(data["count"].as_f64(), Some(*count), "seed {seed}, change {id} of {row}");
    }
    // A session with fewer groups receives only its rows; another organisation receives nothing.
    let odd: Vec<u64> =
        received.iter().filter(|(_, row, _)| row == "c1").map(|(id, ..)| *id).collect();
    let seen = received_until(some, odd.last().copied().unwrap_or_default()).await;
    assert_eq!(seen.iter().map(|(id, ..)| *id).collect::<Vec<_>>(), odd);
    let foreign = received_until(nothing, 0).await;
    assert!(foreign.is_empty(), "another organisation received {foreign:?}");
}

fn seeds() -> std::ops::Range<u64> {
    if std::env::var_os("ABLO_LONG").is_some() { 0..60 } else { 0..3 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_on_one_sqlite_coordinator() {
    for seed in seeds() {
        let world = World::sqlite(SCHEMA);
        let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
        run(seed, vec![Arc::new(server)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_histories_on_two_postgres_coordinators() {
    for seed in seeds() {
        let world = World::postgres(SCHEMA);
        let other = world.another_store();
        let servers = [
            Coordinator::start(world.schema(), Arc::clone(&world.store)).await,
            Coordinator::start(world.schema(), other).await,
        ];
        run(seed, servers.into_iter().map(Arc::new).collect()).await;
    }
}
