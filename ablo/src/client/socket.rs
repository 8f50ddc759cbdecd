//! One WebSocket: the handshake, frames out, frames in. What is said over it is decided elsewhere.

use super::dial::Wire;
use super::error::{Error, Result};
use super::http::Http;
use crate::wire::{ClientFrame, ServerFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// How long a handshake may take, and a frame to be taken.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long the coordinator may be silent: it sends something every ten seconds.
const SILENCE: Duration = Duration::from_secs(35);

/// An open connection.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<Wire>>);

impl Socket {
    /// Opens a connection with the current token, or with the next one where that is over.
    pub(super) async fn dial(http: &Http) -> Result<Self> {
        let token = http.token().await?;
        match Self::dial_with(http, &token).await {
            Err(error) if error.status() == Some(401) && http.tokens.refused(&token).await => {
                let token = http.token().await?;
                Self::dial_with(http, &token).await
            }
            dialed => dialed,
        }
    }

    async fn dial_with(http: &Http, token: &str) -> Result<Self> {
        let url = http.socket()?;
        let mut request =
            url.as_str().into_client_request().map_err(|error| Error::network(&error))?;
        let offer = format!("ablo.bearer.{token}, ablo.sync.v1");
        let offer = offer.parse().map_err(|_| {
            Error::here("api_key_required", "the key holds what no header can carry")
        })?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, offer);
        let tls = Connector::Rustls(Arc::clone(&http.tls));
        let dialed = async {
            let wire = http.wire(&url).await?;
            client_async_tls_with_config(request, wire, None, Some(tls)).await.map_err(refused)
        };
        match timeout(PATIENCE, dialed).await {
            Ok(dialed) => dialed.map(|(stream, _)| Self(stream)),
            Err(_) => Err(Error::here(
                "network_error",
                "the coordinator did not answer the handshake in time",
            )),
        }
    }

    /// Sends a frame.
    pub(super) async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let text = frame
            .to_text()
            .map_err(|error| Error::here("invalid_request", format!("no JSON: {error}")))?;
        match timeout(PATIENCE, self.0.send(Message::Text(text.into()))).await {
            Ok(sent) => sent.map_err(|error| Error::network(&error)),
            Err(_) => Err(Error::here("network_error", "the coordinator does not read")),
        }
    }

    /// The next frame. A frame that cannot be read is an error of the kind `Unreadable`, and the connection goes on. Nothing is
    /// lost when this is dropped before it is ready.
    pub(super) async fn next(&mut self) -> Result<ServerFrame> {
        loop {
            let message = match timeout(SILENCE, self.0.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(Error::network(&error)),
                Ok(None) => return Err(Error::here("network_error", "the connection was closed")),
                Err(_) => return Err(Error::here("network_error", "the coordinator is silent")),
            };
            if let Message::Text(text) = message {
                return ServerFrame::parse(&text).map_err(|error| Error::unreadable(&error));
            }
        }
    }

    /// Says goodbye, as far as the other side listens.
    pub(super) async fn close(mut self) {
        // Whoever is gone already need not be told.
        let _ = timeout(Duration::from_secs(1), self.0.close(None)).await;
    }
}

/// Why a handshake failed: the coordinator's refusal, or the network's.
fn refused(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(answer) => {
            let id = answer
                .headers()
                .get("x-request-id")
                .and_then(|id| id.to_str().ok())
                .map(str::to_owned);
            let body = answer.body().as_deref().unwrap_or_default();
            Error::answered(answer.status().as_u16(), body, id)
        }
        error => Error::network(&error),
    }
}
