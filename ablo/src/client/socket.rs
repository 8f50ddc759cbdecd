//! One WebSocket connection: the handshake, and sending and receiving frames.

use super::dial::Stream;
use super::error::{Error, Result};
use super::http::Http;
use super::policy;
use super::token::Tokens;
use crate::wire::{ClientFrame, ServerFrame};
use futures_util::{SinkExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// An open connection.
pub(super) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<Stream>>,
    opened_at: Instant,
    /// When the last message arrived.
    received_at: Instant,
    tokens: Arc<Tokens>,
    token: Arc<str>,
}

impl Socket {
    /// Opens a connection with the current token, and once more with a new token if it is refused.
    pub(super) async fn dial(http: &Http) -> Result<Self> {
        let token = http.token().await?;
        match Self::dial_with(http, &token).await {
            Err(error) if error.status() == Some(401) && http.tokens.invalidate(&token).await => {
                let token = http.token().await?;
                Self::dial_with(http, &token).await
            }
            dialed => dialed,
        }
    }

    async fn dial_with(http: &Http, token: &Arc<str>) -> Result<Self> {
        let url = http.socket_url()?;
        let mut request =
            url.as_str().into_client_request().map_err(|error| Error::network(&error))?;
        let protocols = format!("ablo.bearer.{token}, ablo.sync.v1");
        let protocols = protocols.parse().map_err(|_| {
            Error::local("api_key_required", "the key has characters that a header cannot contain")
        })?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocols);
        let tls = Connector::Rustls(Arc::clone(&http.tls));
        let dialed = async {
            let stream = http.open_stream(&url).await?;
            let handshake = client_async_tls_with_config(request, stream, None, Some(tls));
            handshake.await.map_err(handshake_error)
        };
        match timeout(policy::HANDSHAKE_TIMEOUT, dialed).await {
            Ok(dialed) => dialed.map(|(stream, _)| {
                let now = Instant::now();
                let (tokens, token) = (Arc::clone(&http.tokens), Arc::clone(token));
                Self { stream, opened_at: now, received_at: now, tokens, token }
            }),
            Err(_) => Err(Error::local(
                "network_error",
                "the coordinator did not answer the handshake in time",
            )),
        }
    }

    /// Sends a frame.
    pub(super) async fn send(&mut self, frame: &ClientFrame) -> Result<()> {
        let text = frame.to_text().map_err(|error| Error::not_serializable(&error))?;
        match timeout(policy::HANDSHAKE_TIMEOUT, self.stream.send(Message::Text(text.into()))).await
        {
            Ok(sent) => sent.map_err(|error| Error::network(&error)),
            Err(_) => Err(Error::local("network_error", "sending a frame timed out")),
        }
    }

    /// Returns the next frame. An unreadable frame is an error of kind `Unreadable`, after which
    /// the connection can still be used. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<ServerFrame> {
        loop {
            // Counted from the last message: a caller that is interrupted, to send a ping for
            // example, calls this again.
            let silent_at = self.received_at + policy::MAX_SILENCE;
            let message = match timeout_at(silent_at, self.stream.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(Error::network(&error)),
                Ok(None) => return Err(Error::local("network_error", "the connection was closed")),
                Err(_) => {
                    return Err(Error::local("network_error", "the coordinator sends nothing"));
                }
            };
            self.received_at = Instant::now();
            match message {
                Message::Text(text) => {
                    return ServerFrame::parse(&text).map_err(|error| Error::unreadable(&error));
                }
                Message::Close(Some(close)) if policy::ends_session(close.code.into()) => {
                    let reason = close.reason.as_str();
                    let reason = if reason.is_empty() { "the session has ended" } else { reason };
                    return Err(Error::local("session_expired", reason));
                }
                Message::Close(Some(close)) if policy::renews_token(close.code.into()) => {
                    // Whether another token can be obtained shows when it is needed.
                    let _ = self.tokens.invalidate(&self.token).await;
                    return Err(Error::local("network_error", "the token has expired"));
                }
                _ => {}
            }
        }
    }

    /// Returns how long the connection has been open.
    pub(super) fn lasted(&self) -> Duration {
        self.opened_at.elapsed()
    }

    /// Sends a close frame.
    pub(super) async fn close(mut self) {
        // An error means that the connection is closed already.
        let _ = timeout(Duration::from_secs(1), self.stream.close(None)).await;
    }
}

/// Converts a handshake error: a refusal of the coordinator or a network failure.
fn handshake_error(error: tungstenite::Error) -> Error {
    match error {
        tungstenite::Error::Http(response) => {
            let id = response
                .headers()
                .get("x-request-id")
                .and_then(|id| id.to_str().ok())
                .map(str::to_owned);
            let body = response.body().as_deref().unwrap_or_default();
            Error::from_response(response.status().as_u16(), body, id)
        }
        error => Error::network(&error),
    }
}
