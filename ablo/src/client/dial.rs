//! Where a client's connections come from: the network, or whoever brings streams of its own, such as a coordinator in the
//! same process.

use super::error::{Error, Result};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A stream of bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// An open connection, before anything is said over it.
pub(super) type Wire = Box<dyn Duplex>;

/// Opens connections that are not the network's.
#[derive(Clone)]
pub(super) struct Dial(Arc<dyn Fn() -> BoxFuture<'static, io::Result<Wire>> + Send + Sync>);

impl std::fmt::Debug for Dial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dial")
    }
}

/// An answer: status, headers and body.
pub(super) type Answer = (StatusCode, HeaderMap, Vec<u8>);

impl Dial {
    pub(super) fn new<F, O, S>(dial: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self(Arc::new(move || {
            let dialed = dial();
            Box::pin(async move { Ok(Box::new(dialed.await?) as Wire) })
        }))
    }

    pub(super) async fn open(&self) -> Result<Wire> {
        (self.0)().await.map_err(|error| Error::network(&error))
    }

    /// Asks over a connection of its own.
    pub(super) async fn ask(&self, request: reqwest::Request, within: Duration) -> Result<Answer> {
        match timeout(within, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::here("network_error", "the coordinator did not answer in time")),
        }
    }

    async fn exchange(&self, request: reqwest::Request) -> Result<Answer> {
        let host = HeaderValue::from_str(request.url().authority())
            .map_err(|error| Error::network(&error))?;
        let mut request = hyper::Request::<reqwest::Body>::try_from(request)
            .map_err(|error| Error::network(&error))?;
        if let Some(path) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = path.into();
        }
        request.headers_mut().insert(HOST, host);
        let wire = TokioIo::new(self.open().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(wire)
            .await
            .map_err(|error| Error::network(&error))?;
        // It ends with the answer's body, or with this request.
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| Error::network(&error))?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.map_err(|error| Error::network(&error))?.to_bytes();
        connection.abort();
        Ok((head.status, head.headers, body.to_vec()))
    }
}

/// A connection of the network.
pub(super) async fn tcp(url: &Url) -> Result<Wire> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((host, port)).await.map_err(|error| Error::network(&error))?;
    stream.set_nodelay(true).map_err(|error| Error::network(&error))?;
    Ok(Box::new(stream))
}
