//! A coordinator in this process on its own port, and a plain JSON client for it.

use ablo_schema::Schema;
use ablo_server::{CoordinatorOptions, Store};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, http::HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A running coordinator.
#[derive(Debug)]
pub struct Coordinator {
    /// The coordinator.
    pub app: ablo_server::Coordinator,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// A secret key of the organisation `acme`.
    pub key: String,
    client: reqwest::Client,
    _running: tokio::sync::oneshot::Sender<()>,
}

/// The status and the body of a response.
pub type StatusAndBody = (u16, Value);

impl Coordinator {
    /// Starts a coordinator on a store, with default options.
    pub async fn start(schema: &Schema, store: Arc<dyn Store>) -> Self {
        Self::start_with(schema, store, CoordinatorOptions::default()).await
    }

    /// Starts a coordinator with options.
    pub async fn start_with(
        schema: &Schema,
        store: Arc<dyn Store>,
        options: CoordinatorOptions,
    ) -> Self {
        let app = ablo_server::Coordinator::new(schema, store, options);
        let key = app.issue_secret_key("acme", "test").await.expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (running, dropped) = tokio::sync::oneshot::channel::<()>();
        let shutdown = async {
            // Resolves when the coordinator is dropped, which closes its database connections.
            let _ = dropped.await;
        };
        tokio::spawn(ablo_server::serve(app.clone(), listener, shutdown));
        Self { app, address, key, client: client(), _running: running }
    }

    /// Sends a request. Returns the status and the JSON body.
    pub async fn ask(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> StatusAndBody {
        decoded(self.ask_raw(key, method, path, body).await).await
    }

    /// Sends a request of a program that names itself.
    pub async fn ask_as(
        &self,
        (key, holder): (&str, &str),
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> StatusAndBody {
        let request = self.request(key, method, path, body).header("Ablo-Holder", holder);
        decoded(request.send().await.expect("a response")).await
    }

    /// Sends a request. Returns the whole response.
    pub async fn ask_raw(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::Response {
        self.request(key, method, path, body).send().await.expect("a response")
    }

    fn request(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request =
            self.client.request(method, format!("http://{}{path}", self.address)).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request
    }

    /// Creates a token for a participant.
    pub async fn session(&self, kind: &str, id: &str, further: Value) -> String {
        let mut body = json!({ "participantKind": kind, "participantId": id });
        if let (Some(body), Value::Object(further)) = (body.as_object_mut(), further) {
            body.extend(further);
        }
        let (status, body) = self.ask(&self.key, "POST", "/api/auth/capability", Some(body)).await;
        assert_eq!(status, 200, "{body}");
        body["token"].as_str().expect("a token").to_owned()
    }

    /// Opens a socket.
    pub async fn socket(&self, token: &str, query: &str) -> Socket {
        Socket::open(self.address, token, query).await
    }
}

async fn decoded(response: reqwest::Response) -> StatusAndBody {
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") })
}

/// Creates an HTTP client. reqwest requires a TLS backend although it is not used.
///
/// # Panics
/// Panics if the client cannot be built.
#[must_use]
pub fn client() -> reqwest::Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls
        .expect("versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(tls).build().expect("a client")
}

/// An open socket.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Panics
    /// Panics if the connection is refused.
    pub async fn open(address: SocketAddr, token: &str, query: &str) -> Self {
        let mut request = format!("ws://{address}/api/sync/ws?cursor={query}")
            .into_client_request()
            .expect("a request");
        let protocols =
            HeaderValue::from_str(&format!("ablo.bearer.{token}, ablo.sync.v1")).expect("a header");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols);
        let (stream, response) = connect_async(request).await.expect("a socket");
        assert_eq!(response.headers()["sec-websocket-protocol"], "ablo.sync.v1");
        Self { stream }
    }

    /// Sends a frame.
    pub async fn send(&mut self, kind: &str, payload: Value) {
        self.send_text(&json!({ "type": kind, "payload": payload }).to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text)).await.expect("an open socket");
    }

    /// Sends any text. Returns whether the connection is still open.
    pub async fn try_send_text(&mut self, text: &str) -> bool {
        self.stream.send(Message::text(text)).await.is_ok()
    }

    /// Sends a close frame.
    pub async fn send_close(&mut self, code: u16) {
        let frame = CloseFrame { code: code.into(), reason: "".into() };
        self.stream.send(Message::Close(Some(frame))).await.expect("an open socket");
    }

    /// Returns the next frame, or `None` if none arrives in time or the connection ends.
    pub async fn next(&mut self, timeout: Duration) -> Option<Value> {
        loop {
            match tokio::time::timeout(timeout, self.stream.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    return Some(serde_json::from_str(&text).expect("JSON"));
                }
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) | Err(_) => return None,
                Ok(Some(Ok(_))) => {}
            }
        }
    }

    /// Returns the next frame, or the close code once the connection ends.
    ///
    /// # Errors
    /// Returns the close code, or `None` if the connection was cut.
    ///
    /// # Panics
    /// Panics if a frame is not JSON.
    pub async fn next_or_close(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => {
                    return Err(frame.map(|frame| frame.code.into()));
                }
                Some(Err(_)) | None => return Err(None),
                Some(Ok(_)) => {}
            }
        }
    }

    /// Reads until the connection is closed. Returns the close code, or `None` if it was cut.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Returns the text of the next frame, or `None` if the connection ended.
    pub async fn next_text(&mut self) -> Option<String> {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => return Some(text.as_str().to_owned()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Returns the payload of the next frame of a type, skipping frames of other types.
    ///
    /// # Panics
    /// Panics if none arrives within five seconds.
    pub async fn receive(&mut self, kind: &str) -> Value {
        let mut others = Vec::new();
        while let Some(frame) = self.next(Duration::from_secs(5)).await {
            if frame["type"] == kind {
                return frame["payload"].clone();
            }
            others.push(frame["type"].clone());
        }
        panic!("no `{kind}`, only {others:?}")
    }

    /// Requests all deltas after a sync id and waits for the response.
    pub async fn sync(&mut self, last: u64) {
        let payload = json!({
            "cursor": null,
            "versions": {},
            "lastSyncId": last,
            "capabilities": ["completeDeltas"],
        });
        self.send("sync_request", payload).await;
        self.receive("sync_response").await;
    }

    /// Returns the deltas of the next `delta` frame.
    pub async fn deltas(&mut self) -> Vec<Value> {
        self.receive("delta").await["deltas"].as_array().expect("deltas").clone()
    }
}
