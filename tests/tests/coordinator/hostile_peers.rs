//! Peers that are slow, silent, too many or too large: each limit has its own answer.

use ablo_server::{CoordinatorOptions, Limits};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    rows_have_a_maximum_size
    patterns_have_a_maximum_size
    claims_are_limited
}

const SOON: Duration = Duration::from_millis(300);
const LATE: Duration = Duration::from_secs(10);
const NOTES: &str = "/api/v1/models/notes";

async fn start(world: &World, limits: Limits) -> Coordinator {
    let options = CoordinatorOptions { limits, ..CoordinatorOptions::default() };
    Coordinator::start_with(world.schema(), Arc::clone(&world.store), options).await
}

/// Starts a coordinator on SQLite.
async fn with(limits: Limits) -> (World, Coordinator) {
    let world = World::sqlite(SCHEMA);
    let server = start(&world, limits).await;
    (world, server)
}

/// Sends bytes and returns everything that the server sends until it closes the connection.
async fn raw(server: &Coordinator, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    let read = timeout(LATE, stream.read_to_end(&mut answer)).await.expect("a closed connection");
    // A reset is an end, too.
    let _ = read;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns how often a limit was reached.
async fn reached(server: &Coordinator, limit: &str) -> u64 {
    let response = server.ask_raw(&server.key, "GET", "/api/metrics", None).await;
    let text = response.text().await.expect("a text");
    let line = format!("ablo_limits_reached_total{{limit=\"{limit}\"}} ");
    text.lines().find_map(|text| text.strip_prefix(&line)?.parse().ok()).unwrap_or(0)
}

async fn create(server: &Coordinator, id: &str, bytes: usize) -> (u16, Value) {
    let body = json!({ "id": id, "data": { "text": "x".repeat(bytes) } });
    server.ask(&server.key, "POST", NOTES, Some(body)).await
}

#[tokio::test]
async fn silent_connections_and_slow_headers_are_closed() {
    let (_world, server) = with(Limits { header_time: SOON, ..Limits::default() }).await;
    for sent in ["", "GET /api/health HTTP/1.1\r\nHost: x\r\n", "GET /api/sync/ws HTTP/1.1\r\nUpg"]
    {
        raw(&server, sent.as_bytes()).await;
    }
    let kept = "GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n";
    assert!(raw(&server, kept.as_bytes()).await.starts_with("HTTP/1.1 200"), "then it is closed");
}

#[tokio::test]
async fn large_and_many_headers_are_refused() {
    let (_world, server) = with(Limits::default()).await;
    let large = format!("X-A: {}\r\n", "a".repeat(1_000_000));
    let many: String = (0..5000).map(|at| format!("X-{at}: a\r\n")).collect();
    for headers in [large, many] {
        let request = format!("GET /api/health HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let answer = raw(&server, request.as_bytes()).await;
        // The reset of the connection can be faster than the answer.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_eq!(server.ask(&server.key, "GET", "/api/health", None).await.0, 200);
}

#[tokio::test]
async fn slow_bodies_are_refused() {
    let (_world, server) = with(Limits { body_time: SOON, ..Limits::default() }).await;
    let head = format!(
        "POST {NOTES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: \
         100\r\nConnection: close\r\n\r\n{{\"id\"",
        server.key
    );
    let answer = raw(&server, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"invalid_body\""), "{answer}");
}

#[tokio::test]
async fn unfinished_bodies_have_a_maximum_size_together() {
    let (_world, server) = with(Limits { unfinished_bytes: 1000, ..Limits::default() }).await;
    let mut slow = TcpStream::connect(server.address).await.expect("a connection");
    let head = format!(
        "POST {NOTES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: \
         900\r\n\r\n{}",
        server.key,
        " ".repeat(899)
    );
    slow.write_all(head.as_bytes()).await.expect("sent");
    loop {
        let (status, answer) = create(&server, "n", 200).await;
        if status != 201 {
            assert_eq!((status, &answer["limit"]), (503, &json!("unfinished_bytes")), "{answer}");
            break;
        }
        let (status, _) = server.ask(&server.key, "DELETE", &format!("{NOTES}/n"), None).await;
        assert_eq!(status, 200, "the slow request has not arrived yet");
    }
    drop(slow);
    while create(&server, "later", 200).await.0 != 201 {}
}

#[tokio::test]
async fn connections_have_a_maximum_number() {
    let (_world, server) = with(Limits { connections: 2, ..Limits::default() }).await;
    let first = TcpStream::connect(server.address).await.expect("a connection");
    let second = TcpStream::connect(server.address).await.expect("a connection");
    let answer = loop {
        // The first two may not have been accepted yet.
        let answer = raw(&server, b"").await;
        if !answer.is_empty() {
            break answer;
        }
    };
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("instance_at_capacity"));
    drop((first, second));
    assert!(timeout(LATE, reached(&server, "connections")).await.expect("a free slot") > 0);
}

#[tokio::test]
async fn sockets_of_a_participant_have_a_maximum_number() {
    let (_world, server) = with(Limits { participant_sockets: 3, ..Limits::default() }).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(server.socket(&server.key, "").await);
    }
    let path = "/api/sync/ws";
    let request = |key: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: \
             websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \
             dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer {key}\r\n\r\n"
        )
    };
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(request(&server.key).as_bytes()).await.expect("sent");
    let mut answer = vec![0; 2000];
    let read = stream.read(&mut answer).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("connection_limit_exceeded"), "{answer}");
    assert!(answer.contains("participant_sockets"), "{answer}");
    let other = server.session("user", "other", json!({ "wideScope": true })).await;
    drop(server.socket(&other, "").await);
    open.pop().expect("a socket").send_close(1000).await;
    loop {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(request(&server.key).as_bytes()).await.expect("sent");
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.expect("an answer");
        match &start {
            b"HTTP/1.1 101" => break,
            _ => assert_eq!(&start, b"HTTP/1.1 429"),
        }
    }
}

#[tokio::test]
async fn presence_has_a_maximum_size() {
    let (_world, server) = with(Limits::default()).await;
    let huge = json!({ "status": "online", "activity": {
        "action": "editing", "entityType": "notes", "entityId": "x".repeat(10_000) } });
    let mut body = huge.clone();
    body["userId"] = json!("ann");
    body["organizationId"] = json!("acme");
    let ann = server.session("user", "ann", json!({ "wideScope": true })).await;
    let (status, answer) = server.ask(&ann, "POST", "/api/presence", Some(body)).await;
    assert_eq!((status, &answer["code"]), (400, &json!("limit_exceeded")), "{answer}");
    assert_eq!((&answer["limit"], &answer["maximum"]), (&json!("presence_bytes"), &json!(4096)));
    let mut socket = server.socket(&ann, "").await;
    socket.sync(0).await;
    socket.send("presence_update", huge).await;
    socket.send("ping", json!(null)).await;
    socket.receive("pong").await;
    let (_, roster) = server.ask(&server.key, "GET", "/api/presence", None).await;
    assert!(roster.to_string().len() < 4096, "the report was dropped");
    assert_eq!(reached(&server, "presence_bytes").await, 2);
}

#[tokio::test]
async fn reports_of_presence_are_limited() {
    let (_world, server) = with(Limits { participant_reports: 2, ..Limits::default() }).await;
    let ann = server.session("user", "ann", json!({ "wideScope": true })).await;
    let report = async |holder: &str| {
        let body = json!({ "userId": "ann", "organizationId": "acme", "status": "online" });
        server.ask_as((&ann, holder), "POST", "/api/presence", Some(body)).await
    };
    for holder in ["one", "two", "one"] {
        assert_eq!(report(holder).await.0, 200);
    }
    let (status, answer) = report("three").await;
    assert_eq!((status, &answer["code"]), (400, &json!("limit_exceeded")), "{answer}");
    assert_eq!(reached(&server, "participant_reports").await, 1);
}

#[tokio::test]
async fn frames_are_slowed_down_and_relays_dropped() {
    let limits = Limits { frames_per_second: 20, relays_per_second: 2, ..Limits::default() };
    let (_world, server) = with(limits).await;
    let ann = server.session("user", "ann", json!({ "wideScope": true })).await;
    let mut sender = server.socket(&ann, "").await;
    let mut receiver = server.socket(&server.key, "").await;
    sender.sync(0).await;
    receiver.sync(0).await;
    for at in 0..10 {
        sender.send("x_cursor", json!({ "at": at })).await;
    }
    sender.send("ping", json!(null)).await;
    sender.receive("pong").await;
    let dropped = reached(&server, "relays_per_second").await;
    assert!((6..=8).contains(&dropped), "{dropped} of 10 were dropped");
    let began = std::time::Instant::now();
    for _ in 0..30 {
        sender.send("ping", json!(null)).await;
    }
    for _ in 0..30 {
        sender.receive("pong").await;
    }
    assert!(began.elapsed() > Duration::from_millis(900), "{:?}", began.elapsed());
    assert!(reached(&server, "frames_per_second").await > 0);
}

#[tokio::test]
async fn tokens_have_a_maximum_rate() {
    let (_world, server) = with(Limits { tokens_per_minute: 3, ..Limits::default() }).await;
    for _ in 0..3 {
        server.session("user", "ann", json!({})).await;
    }
    let body = json!({ "participantKind": "user", "participantId": "ann" });
    let refused = server.ask(&server.key, "POST", "/api/auth/capability", Some(body)).await;
    assert_eq!((refused.0, &refused.1["code"]), (429, &json!("quota_exceeded")));
    assert_eq!(refused.1["limit"], "tokens_per_minute");
}

#[tokio::test]
async fn errors_before_routing_have_the_same_envelope() {
    let (_world, server) = with(Limits { body_bytes: 10_000, ..Limits::default() }).await;
    let (status, answer) = create(&server, "n", 20_000).await;
    assert_eq!((status, &answer["code"]), (413, &json!("invalid_body")), "{answer}");
    assert_eq!(answer["limit"], "body_bytes");
    for (method, path, expected) in [
        ("GET", "/nowhere", 404),
        ("PUT", "/api/v1/commits", 405),
        ("GET", "/api/v1/models/notes/%ff", 400),
        ("GET", "/api/sync/ws", 400),
        ("POST", "/api/sync/ws", 405),
    ] {
        let response = server.ask_raw(&server.key, method, path, None).await;
        let status = response.status().as_u16();
        let kind = response.headers().get("content-type").expect("a type").clone();
        let id = response.headers().get("x-request-id").expect("an id").clone();
        let body: Value = response.json().await.expect("JSON");
        assert_eq!((status, kind.as_bytes()), (expected, b"application/json".as_slice()), "{path}");
        assert_eq!(body["request_id"], id.to_str().expect("text"), "{path}: {body}");
        for member in ["type", "code", "message"] {
            let text = body[member].as_str();
            assert!(text.is_some_and(|text| !text.is_empty()), "{path}: {member} of {body}");
        }
    }
    let mut socket = server.socket(&server.key, "").await;
    socket.send_text(&"x".repeat(20_000)).await;
    assert_eq!(socket.close_code().await, Some(1009));
}

async fn rows_have_a_maximum_size(world: World) {
    let server = start(&world, Limits { row_bytes: 5000, ..Limits::default() }).await;
    let (status, answer) = create(&server, "large", 5001).await;
    assert_eq!((status, &answer["code"]), (400, &json!("limit_exceeded")), "{answer}");
    assert_eq!((&answer["limit"], &answer["maximum"]), (&json!("row_bytes"), &json!(5000)));
    assert_eq!(create(&server, "n", 100).await.0, 201);
    let update = async |server: &Coordinator, bytes: usize| {
        let body = json!({ "data": { "text": "x".repeat(bytes) } });
        server.ask(&server.key, "PATCH", &format!("{NOTES}/n"), Some(body)).await.0
    };
    assert_eq!(update(&server, 4000).await, 200);
    assert_eq!(update(&server, 6000).await, 400);
    // A row that is larger than a new limit can still become smaller.
    let smaller = start(&world, Limits { row_bytes: 1000, ..Limits::default() }).await;
    assert_eq!(update(&smaller, 3000).await, 200);
    assert_eq!(update(&smaller, 3001).await, 400);
}

async fn patterns_have_a_maximum_size(world: World) {
    let server = start(&world, Limits::default()).await;
    for (bytes, expected) in [(256, 200), (257, 400)] {
        let pattern = "%".repeat(bytes);
        let body =
            json!({ "queries": [{ "model": "notes", "where": [["text", "ILIKE", pattern]] }] });
        let (status, answer) = server.ask(&server.key, "POST", "/api/sync/query", Some(body)).await;
        assert_eq!(status, expected, "{answer}");
    }
}

async fn claims_are_limited(world: World) {
    let limits = Limits { claims_held: 2, claims_queued: 1, claim_queue: 2, ..Limits::default() };
    let server = start(&world, limits).await;
    let mut tokens = Vec::new();
    for name in ["ann", "bob", "cyd", "dan"] {
        tokens.push(server.session("user", name, json!({ "wideScope": true })).await);
    }
    let claim = async |token: &str, row: &str, queue: bool| {
        let body = json!({ "action": "editing", "queue": queue });
        let path = format!("{NOTES}/{row}/claim");
        let (status, answer) = server.ask(token, "POST", &path, Some(body)).await;
        (status, answer)
    };
    for row in ["one", "two"] {
        let (status, answer) = claim(&tokens[0], row, false).await;
        assert!(status < 300, "{status} {answer}");
    }
    let (status, answer) = claim(&tokens[0], "three", false).await;
    assert_eq!((status, &answer["limit"]), (400, &json!("claims_held")), "{answer}");
    assert!(claim(&tokens[1], "one", true).await.0 < 300);
    let (status, answer) = claim(&tokens[1], "two", true).await;
    assert_eq!((status, &answer["limit"]), (400, &json!("claims_queued")), "{answer}");
    assert!(claim(&tokens[2], "one", true).await.0 < 300);
    let (status, answer) = claim(&tokens[3], "one", true).await;
    assert_eq!((status, &answer["code"]), (503, &json!("queue_too_deep")), "{answer}");
}
