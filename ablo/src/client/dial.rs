//! Opens the client's connections: over the network, or through a dialer that the caller provides,
//! such as that of a coordinator in the same process.

use super::error::{Error, Result};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper_util::rt::TokioIo;
use reqwest::header::{HOST, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A bidirectional byte stream.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

/// An open connection before any handshake.
pub(super) type Stream = Box<dyn Duplex>;

/// Opens connections that do not go over the network.
#[derive(Clone)]
pub(super) struct Dialer(Arc<dyn Fn() -> BoxFuture<'static, io::Result<Stream>> + Send + Sync>);

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialer")
    }
}

/// Status, headers and body of an HTTP response.
pub(super) type HttpResponse = (StatusCode, HeaderMap, Vec<u8>);

impl Dialer {
    pub(super) fn new<F, O, S>(dial: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = io::Result<S>> + Send + 'static,
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Self(Arc::new(move || {
            let dialed = dial();
            Box::pin(async move { Ok(Box::new(dialed.await?) as Stream) })
        }))
    }

    pub(super) async fn open(&self) -> Result<Stream> {
        (self.0)().await.map_err(|error| Error::network(&error))
    }

    /// Sends a request over its own connection.
    pub(super) async fn send(&self, request: reqwest::Request) -> Result<HttpResponse> {
        let host = HeaderValue::from_str(request.url().authority())
            .map_err(|error| Error::network(&error))?;
        let mut request = hyper::Request::<reqwest::Body>::try_from(request)
            .map_err(|error| Error::network(&error))?;
        if let Some(path) = request.uri().path_and_query().cloned() {
            *request.uri_mut() = path.into();
        }
        request.headers_mut().insert(HOST, host);
        let stream = TokioIo::new(self.open().await?);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(|error| Error::network(&error))?;
        // Ends when the response body is read or the sender is dropped.
        let connection = tokio::spawn(connection);
        let response =
            sender.send_request(request).await.map_err(|error| Error::network(&error))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Error::network(&error))?.to_bytes();
        connection.abort();
        Ok((head.status, head.headers, body.to_vec()))
    }
}

/// Opens a TCP connection to the host of a URL.
pub(super) async fn tcp(url: &Url) -> Result<Stream> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let stream = TcpStream::connect((host, port)).await.map_err(|error| Error::network(&error))?;
    stream.set_nodelay(true).map_err(|error| Error::network(&error))?;
    Ok(Box::new(stream))
}
