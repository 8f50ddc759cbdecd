//! Webhooks: signed deliveries in order, retries, dead letters and the address check.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo::source::Verifier;
use ablo_server::CoordinatorOptions;
use ablo_server::WebhookOptions;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    events_are_delivered_signed_and_in_order
    undelivered_messages_become_dead_letters_and_can_be_redriven
    private_addresses_are_refused
}

/// A schema whose rows can be archived.
const ARCHIVED: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false},
    "archivedAt":{"type":"date","isOptional":true,"isIndexed":false}}}}}"#;

on_both_stores! { super::ARCHIVED;
    archived_and_restored_rows_are_reported_as_such
}

type Deliveries = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver whose response status a test can set.
struct Listener {
    url: String,
    status: Arc<AtomicU16>,
    deliveries: Deliveries,
}

async fn receive(
    State((status, deliveries)): State<(Arc<AtomicU16>, Deliveries)>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    deliveries.lock().expect("the lock is not poisoned").push((headers, body));
    (StatusCode::from_u16(status.load(Ordering::SeqCst)).expect("a valid status"), "said")
}

impl Listener {
    async fn start() -> Self {
        let (status, deliveries) =
            (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("a local address"));
        let app = Router::new()
            .route("/hook", post(receive))
            .with_state((Arc::clone(&status), Arc::clone(&deliveries)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, status, deliveries }
    }

    fn messages(&self) -> Vec<(String, Value)> {
        let deliveries = self.deliveries.lock().expect("the lock is not poisoned");
        let id = |headers: &HeaderMap| headers["webhook-id"].to_str().expect("a string").to_owned();
        deliveries
            .iter()
            .map(|(headers, body)| (id(headers), serde_json::from_slice(body).expect("valid JSON")))
            .collect()
    }

    fn events(&self) -> Vec<Value> {
        self.messages()
            .iter()
            .flat_map(|(_, body)| body["data"].as_array().expect("an array").clone())
            .collect()
    }

    /// Waits until a condition holds.
    async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            if holds(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("{what}: {:?}", self.messages());
    }
}

async fn coordinator(world: &World, schedule: &[u64], private_hosts: bool) -> Coordinator {
    let webhooks = WebhookOptions {
        schedule: schedule.iter().map(|ms| Duration::from_millis(*ms)).collect(),
        poll: Duration::from_millis(20),
        private_hosts,
        ..WebhookOptions::default()
    };
    Coordinator::start_with(
        world.schema(),
        Arc::clone(&world.store),
        CoordinatorOptions { webhooks, ..CoordinatorOptions::default() },
    )
    .await
}

async fn write(coordinator: &Coordinator, method: &str, path: &str, body: Option<Value>) {
    let path = format!("/api/v1/models/notes{path}");
    let (status, answer) = coordinator.ask(&coordinator.key, method, &path, body).await;
    assert!(status < 300, "{status} {answer}");
}

async fn endpoint(coordinator: &Coordinator, body: Value) -> Value {
    let (status, made) =
        coordinator.ask(&coordinator.key, "POST", "/api/v1/webhook_endpoints", Some(body)).await;
    assert_eq!(status, 201, "{made}");
    made
}

async fn shown(coordinator: &Coordinator, id: &str) -> Value {
    coordinator
        .ask(&coordinator.key, "GET", &format!("/api/v1/webhook_endpoints/{id}"), None)
        .await
        .1
}

async fn archived_and_restored_rows_are_reported_as_such(world: World) {
    let coordinator = coordinator(&world, &[0], true).await;
    let all = Listener::start().await;
    endpoint(&coordinator, json!({ "url": all.url })).await;
    write(&coordinator, "POST", "", Some(json!({ "id": "n", "data": { "text": "a" } }))).await;
    for action in ["archive", "unarchive"] {
        let operation = json!({ "action": action, "model": "notes", "id": "n" });
        let body = Some(json!({ "operations": [operation] }));
        let made = coordinator.ask(&coordinator.key, "POST", "/api/v1/commits", body).await;
        assert_eq!(made.0, 200, "{}", made.1);
    }
    all.until("all events", |all| all.events().len() >= 3).await;
    let events = all.events();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str()).collect();
    assert_eq!(types, ["note.created", "note.archived", "note.unarchived"].map(Some));
    assert_eq!(events[2]["data"]["archivedAt"], Value::Null);
}

async fn events_are_delivered_signed_and_in_order(world: World) {
    let coordinator = coordinator(&world, &[0, 20, 20, 20], true).await;
    write(&coordinator, "POST", "", Some(json!({ "id": "before", "data": { "text": "old" } })))
        .await;
    let (all, some) = (Listener::start().await, Listener::start().await);
    let made = endpoint(&coordinator, json!({ "url": all.url })).await;
    endpoint(&coordinator, json!({ "url": some.url, "enabledEvents": ["note.deleted"] })).await;
    let secret = made["secret"].as_str().expect("a string").to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    // The first two attempts fail.
    all.status.store(503, Ordering::SeqCst);
    write(
        &coordinator,
        "POST",
        "",
        Some(json!({ "id": "n1", "data": { "text": "a \"quoted\" 雪" } })),
    )
    .await;
    all.until("two attempts", |all| all.messages().len() >= 2).await;
    all.status.store(204, Ordering::SeqCst);
    write(&coordinator, "PATCH", "/n1", Some(json!({ "data": { "text": "b" } }))).await;
    write(&coordinator, "DELETE", "/n1", None).await;
    all.until("the end", |all| all.events().iter().any(|event| event["type"] == "note.deleted"))
        .await;
    some.until("the deletion", |some| !some.events().is_empty()).await;

    // All attempts of a message have the same body.
    let mut by_id = std::collections::BTreeMap::<String, Vec<Value>>::new();
    for (id, body) in all.messages() {
        by_id.entry(id).or_default().push(body);
    }
    assert!(
        by_id.values().all(|bodies| bodies.windows(2).all(|pair| pair[0] == pair[1])),
        "{by_id:?}"
    );
    let mut events = all.events();
    events.dedup_by(|one, other| one["id"] == other["id"]);
    let mut sequence: Vec<(u64, String)> = events
        .iter()
        .map(|event| {
            (
                event["syncId"].as_u64().expect("a sync id"),
                event["type"].as_str().expect("a string").to_owned(),
            )
        })
        .collect();
    sequence.sort();
    let kinds: Vec<&str> = sequence.iter().map(|(_, kind)| kind.as_str()).collect();
    assert_eq!(kinds, ["note.created", "note.updated", "note.deleted"]);
    let created = &events[0];
    assert_eq!((&created["model"], &created["objectId"]), (&json!("Note"), &json!("n1")));
    assert_eq!(
        (&created["data"]["text"], &created["id"]),
        (&json!("a \"quoted\" 雪"), &json!(sequence[0].0.to_string()))
    );
    assert_eq!(events.last().expect("an event")["data"], Value::Null);
    assert_eq!(
        some.events().iter().map(|event| event["type"].clone()).collect::<Vec<_>>(),
        [json!("note.deleted")]
    );

    // Each delivery is signed, and the signature does not fit another body.
    let now =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs();
    let verifier = Verifier::webhooks([secret]).allow_replays(true);
    for (headers, body) in all.deliveries.lock().expect("the lock is not poisoned").iter() {
        let header =
            |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        verifier.verify(header, body, now).expect("a valid signature");
        assert!(verifier.verify(header, b"{}", now).is_err());
    }
    // The endpoint is shown without its secret.
    let shown = shown(&coordinator, made["id"].as_str().expect("the id is a string")).await;
    assert!(
        shown["secret"].is_null() && shown["last4"].as_str().is_some_and(|last| last.len() == 4),
        "{shown}"
    );
    assert!(!shown["lastErrorAt"].is_null() && !shown["lastSuccessAt"].is_null(), "{shown}");
    // Other organisations can neither read nor change it, and session tokens have no access.
    let other = coordinator.app.issue_secret_key("others", "k").await.expect("the key is issued");
    let path =
        format!("/api/v1/webhook_endpoints/{}", made["id"].as_str().expect("the id is a string"));
    assert_eq!(coordinator.ask(&other, "GET", &path, None).await.0, 404);
    assert_eq!(coordinator.ask(&other, "DELETE", &path, None).await.0, 404);
    let session = coordinator.session("user", "u1", json!({})).await;
    assert_eq!(coordinator.ask(&session, "GET", "/api/v1/webhook_endpoints", None).await.0, 403);
}

async fn undelivered_messages_become_dead_letters_and_can_be_redriven(world: World) {
    let coordinator = coordinator(&world, &[0, 10, 10], true).await;
    let listener = Listener::start().await;
    let made = endpoint(&coordinator, json!({ "url": listener.url })).await;
    let id = made["id"].as_str().expect("the id is a string").to_owned();
    listener.status.store(500, Ordering::SeqCst);
    write(&coordinator, "POST", "", Some(json!({ "id": "n1", "data": { "text": "a" } }))).await;
    listener.until("three attempts", |listener| listener.messages().len() == 3).await;
    for _ in 0..400 {
        if shown(&coordinator, &id).await["status"] == "disabled" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let state = shown(&coordinator, &id).await;
    assert_eq!(
        (&state["status"], &state["lastError"]),
        (&json!("disabled"), &json!("status 500: said"))
    );
    // A disabled endpoint receives nothing. Later events wait for it.
    write(&coordinator, "POST", "", Some(json!({ "id": "n2", "data": { "text": "b" } }))).await;
    let other = Listener::start().await;
    endpoint(&coordinator, json!({ "url": other.url })).await;
    write(&coordinator, "POST", "", Some(json!({ "id": "n3", "data": { "text": "c" } }))).await;
    other.until("an enabled endpoint", |other| !other.messages().is_empty()).await;
    assert_eq!(listener.messages().len(), 3);
    let path = format!("/api/v1/webhook_endpoints/{id}");
    let (_, dead_letters) =
        coordinator.ask(&coordinator.key, "GET", &format!("{path}/dead_letters"), None).await;
    assert_eq!(dead_letters["data"].as_array().map(Vec::len), Some(1), "{dead_letters}");
    assert_eq!(dead_letters["data"][0]["data"][0]["objectId"], "n1");
    // A re-enabled endpoint continues after the dead letter, which is sent by `redrive`.
    listener.status.store(200, Ordering::SeqCst);
    let enabled = coordinator
        .ask(&coordinator.key, "PATCH", &path, Some(json!({ "status": "enabled" })))
        .await;
    assert_eq!((enabled.0, &enabled.1["status"]), (200, &json!("enabled")));
    listener
        .until("the waiting events", |listener| {
            listener.events().iter().any(|event| event["objectId"] == "n3")
        })
        .await;
    let redriven = coordinator
        .ask(&coordinator.key, "POST", &format!("{path}/redrive"), Some(json!({})))
        .await;
    assert_eq!(redriven, (200, json!({ "redriven": 1 })));
    listener.until("the dead letter", |listener| listener.messages().len() == 5).await;
    let messages = listener.messages();
    assert_eq!(messages[4], messages[0], "the same message with the same id");
    for _ in 0..400 {
        let (_, dead_letters) =
            coordinator.ask(&coordinator.key, "GET", &format!("{path}/dead_letters"), None).await;
        if dead_letters["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the dead letter was not removed");
}

async fn private_addresses_are_refused(world: World) {
    let coordinator = coordinator(&world, &[0], false).await;
    for url in [
        "http://127.0.0.1:9/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "ftp://a/",
        "x",
    ] {
        let body = Some(json!({ "url": url }));
        let (status, answer) =
            coordinator.ask(&coordinator.key, "POST", "/api/v1/webhook_endpoints", body).await;
        assert_eq!((status, &answer["param"]), (400, &json!("url")), "{url}: {answer}");
    }
    // Names are checked when they are resolved.
    let made = endpoint(&coordinator, json!({ "url": "https://localhost:9/" })).await;
    write(&coordinator, "POST", "", Some(json!({ "id": "n1", "data": { "text": "a" } }))).await;
    for _ in 0..400 {
        let state = shown(&coordinator, made["id"].as_str().expect("the id is a string")).await;
        if let Some(error) = state["lastError"].as_str() {
            assert!(!error.contains("refused"), "the endpoint was called: {error}");
            assert_eq!(state["status"], "disabled");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("no attempt was made");
}
