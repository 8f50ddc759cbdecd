//! A clock that jumps forward: tokens and claims expire, and a row still has at most one holder.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::error::StoreError;
use ablo_server::store::{Connection, Dialect, Notification, Record, Row, Store, Tenant, Work};
use ablo_server::value::Cell;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::broadcast;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    tokens_and_claims_expire_when_the_clock_jumps
}

/// A store whose clock a test can set forward.
struct Jumping {
    store: Arc<dyn Store>,
    ahead: Arc<AtomicI64>,
}

struct JumpingWork {
    work: Box<dyn Work>,
    ahead: Arc<AtomicI64>,
}

struct JumpingConnection<'t> {
    connection: &'t mut dyn Connection,
    ahead: i64,
}

fn shifted(now: Timestamp, seconds: i64) -> Timestamp {
    now + SignedDuration::from_secs(seconds)
}

impl Jumping {
    fn work(&self, work: Box<dyn Work>) -> Box<dyn Work> {
        Box::new(JumpingWork { work, ahead: Arc::clone(&self.ahead) })
    }
}

impl Store for Jumping {
    fn dialect(&self) -> Dialect {
        self.store.dialect()
    }

    fn write(&self, tenant: Tenant, work: Box<dyn Work>) {
        self.store.write(tenant, self.work(work));
    }

    fn read(&self, tenant: Tenant, work: Box<dyn Work>) {
        self.store.read(tenant, self.work(work));
    }

    fn subscribe(&self) -> broadcast::Receiver<Notification> {
        self.store.subscribe()
    }

    fn now(&self) -> Timestamp {
        shifted(self.store.now(), self.ahead.load(Ordering::SeqCst))
    }
}

impl Work for JumpingWork {
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError> {
        let ahead = self.ahead.load(Ordering::SeqCst);
        self.work.run(&mut JumpingConnection { connection, ahead })
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.work.finish(outcome);
    }
}

impl Connection for JumpingConnection<'_> {
    fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    fn now(&self) -> Timestamp {
        shifted(self.connection.now(), self.ahead)
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        self.connection.query(sql, values)
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        self.connection.records(sql, values)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.connection.execute(sql, values)
    }

    fn notify(&mut self, notification: Notification) -> Result<(), StoreError> {
        self.connection.notify(notification)
    }
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
    let ahead = Arc::new(AtomicI64::new(0));
    let store: Arc<dyn Store> =
        Arc::new(Jumping { store: Arc::clone(&world.store), ahead: Arc::clone(&ahead) });
    let server = Coordinator::start(world.schema(), store).await;
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

    ahead.store(3600, Ordering::SeqCst);
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
