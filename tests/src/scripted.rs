//! An HTTP server that answers commits from a script, for the scenarios of both clients.

use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The answer to one commit. A commit beyond the end of the script is confirmed.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// The status, with an error envelope. Without one, the connection is handled by `connection`.
    pub status: Option<u16>,
    /// The code of the error.
    pub code: Option<String>,
    /// The body instead of an error envelope.
    pub body: Option<String>,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// `cut` closes the connection, `silence` keeps it open without an answer, and `stall` sends
    /// only the head of an answer.
    pub connection: Option<String>,
}

/// A commit as the server received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it arrived.
    pub at: Instant,
    /// The bearer token.
    pub token: String,
    /// The idempotency key.
    pub key: String,
    /// The body.
    pub body: String,
}

#[derive(Default)]
struct State {
    script: VecDeque<Answer>,
    received: Vec<Received>,
    exchanges: usize,
}

/// A running server.
pub struct ScriptedServer {
    /// The address of the server.
    pub url: String,
    state: Arc<Mutex<State>>,
}

impl ScriptedServer {
    /// Starts a server on a local port.
    ///
    /// # Panics
    /// Panics if no port is available.
    pub async fn start(script: &[Answer]) -> Self {
        let state =
            State { script: script.iter().cloned().collect::<VecDeque<_>>(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state }
    }

    /// Returns the commits and the number of token exchanges so far.
    #[must_use]
    pub fn received(&self) -> (Vec<Received>, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.received.clone(), state.exchanges)
    }
}

/// Answers one request and closes the connection.
async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some((head, body)) = read_request(&mut stream).await else { return };
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_owned()).unwrap_or_default()
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match path {
            "/api/auth/identity" => respond(200, None, &identity()),
            "/api/auth/capability" => {
                state.exchanges += 1;
                respond(200, None, &exchanged(state.exchanges))
            }
            _ => {
                let token = header("authorization").replacen("Bearer ", "", 1);
                let key = header("idempotency-key");
                let (at, body) = (Instant::now(), body);
                state.received.push(Received { at, token, key, body });
                match state.script.pop_front() {
                    Some(answer) => answer.bytes(),
                    None => respond(200, None, &confirmed()),
                }
            }
        }
    };
    let Some(answer) = answer else { return };
    let _ = stream.write_all(answer.as_bytes()).await;
    if !answer.contains("connection: close") {
        // The client gives up first.
        let _ = stream.read(&mut [0; 1]).await;
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
            });
            let body = &bytes[end + 4..];
            if body.len() >= length.unwrap_or(0) {
                return Some((head, String::from_utf8_lossy(body).into_owned()));
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(read) if read > 0 => bytes.extend_from_slice(&more[..read]),
            _ => return None,
        }
    }
}

fn respond(status: u16, retry_after: Option<&str>, body: &str) -> Option<String> {
    let wait = retry_after.map(|wait| format!("retry-after: {wait}\r\n")).unwrap_or_default();
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n{wait}\r\n{body}"
    ))
}

impl Answer {
    /// Returns the bytes to send, or `None` to close the connection without any.
    fn bytes(&self) -> Option<String> {
        match self.connection.as_deref() {
            Some("silence") => return Some(String::new()),
            Some("stall") => return Some("HTTP/1.1 200 -\r\ncontent-length: 9\r\n\r\n".to_owned()),
            Some(_) => return None,
            None => {}
        }
        let status = self.status.unwrap_or(200);
        let code = self.code.as_deref().unwrap_or("internal_error");
        let envelope = json!({ "type": "AbloError", "code": code, "message": "scripted" });
        let body = self.body.clone().unwrap_or_else(|| envelope.to_string());
        respond(status, self.retry_after.as_deref(), &body)
    }
}

fn identity() -> String {
    json!({
        "participantKind": "agent", "participantId": "worker", "accountScope": "acme",
        "syncGroups": [], "userMeta": {},
    })
    .to_string()
}

fn exchanged(number: usize) -> String {
    json!({
        "capabilityId": format!("cap_{number}"), "token": format!("ek_test_{number}"),
        "expiresAt": "2099-01-01T00:00:00.000Z", "organizationId": "acme",
        "scope": {
            "organizationId": "acme", "syncGroups": [], "operations": [],
            "participantKind": "agent", "participantId": "worker",
        },
        "userMeta": {},
    })
    .to_string()
}

fn confirmed() -> String {
    json!({
        "object": "commit_receipt", "clientTxId": "tx", "success": true, "status": "confirmed",
        "lastSyncId": 1,
    })
    .to_string()
}
