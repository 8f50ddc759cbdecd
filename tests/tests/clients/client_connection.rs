//! The connections of the Rust client to a coordinator that fails, in virtual time.

use ablo::client::{Client, ErrorKind};
use ablo::wire::SyncId;
use ablo_tests::client::counting::Counter;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

/// The behaviour of the coordinator on a WebSocket after it has answered the first requests.
#[derive(Clone, Copy)]
enum Then {
    /// Grants a claim, then sends nothing more and keeps the connection open.
    Silence,
    /// Closes the connection with a code.
    Close(u16),
    /// Cuts the connection after a time.
    CutAfter(Duration),
}

/// The WebSockets that a client has opened, and the tokens that it used.
#[derive(Default)]
struct Opened {
    count: AtomicUsize,
    exchanges: AtomicUsize,
    tokens: Mutex<Vec<String>>,
}

impl std::ops::Deref for Opened {
    type Target = AtomicUsize;

    fn deref(&self) -> &AtomicUsize {
        &self.count
    }
}

/// Connects a client to a coordinator that grants every claim.
async fn connect(then: Then) -> (Client, Arc<Opened>) {
    connect_as(then, None).await
}

async fn connect_as(then: Then, agent: Option<&str>) -> (Client, Arc<Opened>) {
    let opened = Arc::new(Opened::default());
    let counted = Arc::clone(&opened);
    let dial = move || {
        let (client, server) = tokio::io::duplex(65_536);
        tokio::spawn(serve(server, then, Arc::clone(&counted)));
        async { Ok(client) }
    };
    let client = Client::connect("http://in.memory", "sk_test_key").over(dial);
    let client = match agent {
        Some(agent) => client.agent(agent).await,
        None => client.await,
    };
    (client.expect("connects"), opened)
}

async fn serve(mut stream: DuplexStream, then: Then, opened: Arc<Opened>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("sec-websocket-key").then(|| value.to_owned())
    });
    let Some(key) = key else { return respond(stream, &head, &opened).await };
    let offer = head.split("ablo.bearer.").nth(1).and_then(|rest| rest.split(',').next());
    opened.tokens.lock().expect("no panic").extend(offer.map(str::to_owned));
    opened.fetch_add(1, Ordering::Relaxed);
    let answer = format!(
        "HTTP/1.1 101 -\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: \
         {}\r\nsec-websocket-protocol: ablo.sync.v1\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await.expect("sent");
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    let mut expected = match then {
        Then::Silence => vec!["intent_begin", "sync_request"],
        _ => vec!["sync_request"],
    };
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        let answer = match frame["type"].as_str() {
            Some("intent_begin") => {
                let id = &frame["payload"]["intentId"];
                json!({ "type": "intent_acquired", "payload": { "intentId": id } })
            }
            Some("sync_request") => json!({
                "type": "sync_response", "payload": { "deltas": [], "currentSyncId": 1 },
            }),
            _ => continue,
        };
        if socket.send(Message::text(answer.to_string())).await.is_err() {
            return;
        }
        expected.retain(|kind| frame["type"] != *kind);
        if expected.is_empty() {
            break;
        }
    }
    match then {
        Then::Silence => sleep(Duration::MAX).await,
        Then::CutAfter(time) => sleep(time).await,
        Then::Close(code) => {
            let frame = CloseFrame { code: code.into(), reason: "revoked".into() };
            let _ = socket.close(Some(frame)).await;
        }
    }
}

/// Answers a request over HTTP.
async fn respond(mut stream: DuplexStream, head: &str, opened: &Opened) {
    let body = if head.starts_with("POST /api/auth/capability") {
        let number = opened.exchanges.fetch_add(1, Ordering::Relaxed) + 1;
        json!({
            "capabilityId": format!("cap_{number}"), "token": format!("rk_test_{number}"),
            "expiresAt": "2026-06-01T08:00:00.000Z", "organizationId": "acme", "userMeta": {},
            "scope": {
                "organizationId": "acme", "syncGroups": [], "operations": ["*"],
                "participantKind": "agent", "participantId": "worker",
            },
        })
    } else if head.starts_with("GET /api/auth/identity") {
        json!({
            "participantKind": "system", "participantId": "key", "accountScope": "acme",
            "syncGroups": [], "userMeta": {},
        })
    } else {
        let row = json!({
            "id": "row", "value": 1, "createdAt": "2026-06-01T08:00:00.000Z",
            "updatedAt": "2026-06-01T08:00:00.000Z",
        });
        json!({
            "object": "model", "model": "counters", "id": "row", "data": row, "stamp": 1,
            "claims": [],
        })
    };
    let body = body.to_string();
    let length = body.len();
    let answer = format!("HTTP/1.1 200 -\r\ncontent-length: {length}\r\n\r\n{body}");
    let _ = stream.write_all(answer.as_bytes()).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_replaced() {
    let (client, opened) = connect(Then::Silence).await;
    let claim = client.model::<Counter>().claim("row").await.expect("granted");
    // The client sends pings meanwhile, which must not count as messages of the coordinator.
    sleep(Duration::from_secs(34)).await;
    assert_eq!(opened.load(Ordering::Relaxed), 1);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(opened.load(Ordering::Relaxed), 2, "35 s of silence end the connection");
    assert!(claim.is_held(), "the claim was requested again");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_permanent() {
    for code in [1008, 4001, 4003] {
        let (client, opened) = connect(Then::Close(code)).await;
        let mut changes = client.changes().from(SyncId(1)).await.expect("a stream");
        let error = changes.next().await.expect("a last item").expect_err("the session has ended");
        assert_eq!((error.code(), error.kind()), ("session_expired", &ErrorKind::Authentication));
        sleep(Duration::from_secs(60)).await;
        assert_eq!(opened.load(Ordering::Relaxed), 1, "no new connection after {code}");
    }
    // Another code is a lost connection.
    let (client, opened) = connect(Then::Close(1012)).await;
    let mut changes = client.changes().from(SyncId(1)).await.expect("a stream");
    assert!(timeout(Duration::from_secs(60), changes.next()).await.is_err());
    assert!(opened.load(Ordering::Relaxed) > 1);
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_renewed() {
    let (client, opened) = connect_as(Then::Close(4408), Some("worker")).await;
    let mut changes = client.changes().from(SyncId(1)).await.expect("a stream");
    assert!(timeout(Duration::from_millis(500), changes.next()).await.is_err(), "it goes on");
    let tokens = opened.tokens.lock().expect("no panic").clone();
    assert!(tokens.len() > 1, "{tokens:?}");
    let fresh: Vec<String> = (1..=tokens.len()).map(|number| format!("rk_test_{number}")).collect();
    assert_eq!(tokens, fresh, "each connection has a fresh token");
}

#[tokio::test(start_paused = true)]
async fn short_connections_do_not_reset_the_backoff() {
    /// Counts the connections that a stream and a claim open in a minute.
    async fn count(lasting: Duration) -> [usize; 2] {
        let (client, opened) = connect(Then::CutAfter(lasting)).await;
        let mut changes = client.changes().from(SyncId(1)).await.expect("a stream");
        let _ = timeout(Duration::from_secs(60), changes.next()).await;
        let of_stream = opened.swap(0, Ordering::Relaxed);
        drop(changes);
        let _presence = client.presence().expect("a connection");
        sleep(Duration::from_secs(60)).await;
        [of_stream, opened.load(Ordering::Relaxed)]
    }
    // The delays are about 0.1, 0.2, 0.4, 0.8, 1.6 and 3.2 s, and then between 2.5 and 5 s.
    for connections in count(Duration::ZERO).await {
        assert!((10..=30).contains(&connections), "{connections} connections");
    }
    // A connection of six seconds counts as stable: the delay before the next one is 0.1 s.
    for connections in count(Duration::from_secs(6)).await {
        assert!((9..=11).contains(&connections), "{connections} connections");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_times_out() {
    let dial = || {
        let (client, server) = tokio::io::duplex(1024);
        // The other end stays open and answers nothing.
        tokio::spawn(async move {
            sleep(Duration::MAX).await;
            drop(server);
        });
        async { Ok(client) }
    };
    let connect = |connect: ablo::client::Connect| async move {
        let started = Instant::now();
        let error = connect.over(dial).attempts(1).await.expect_err("no answer");
        assert_eq!((error.code(), error.kind()), ("network_error", &ErrorKind::Unavailable));
        started.elapsed().as_secs()
    };
    assert_eq!(connect(Client::connect("http://in.memory", "sk_test_key")).await, 30);
    let short = Client::connect("http://in.memory", "sk_test_key").timeout(Duration::from_secs(2));
    assert_eq!(connect(short).await, 2);
}
