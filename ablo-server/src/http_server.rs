//! Accepts connections and serves HTTP on them, within the limits of time and number.

use crate::limits::Limits;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Sleep;

/// The maximum time to answer requests in flight during shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long to wait if no connection can be accepted, such as without file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// The time for telling a client that there are too many connections.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves routes until `stop` completes, then answers the requests in flight. `refused` is called
/// for each connection beyond the maximum.
pub(crate) async fn serve(
    router: Router,
    listener: TcpListener,
    limits: &Limits,
    stop: impl Future<Output = ()>,
    refused: impl Fn(),
) {
    let slots = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    // hyper accepts no smaller buffer.
    http.max_buf_size(limits.header_bytes.max(8192));
    // Every connection holds a sender until it ends.
    let (open, mut ended) = mpsc::channel::<()>(1);
    let closing = watch::channel(()).0;
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            refused();
            tokio::spawn(tokio::time::timeout(REFUSAL_TIMEOUT, refuse(stream)));
            continue;
        };
        let stream = TokioIo::new(Guarded::new(stream, limits, slot));
        let service = TowerToHyperService::new(router.clone());
        let connection = http.serve_connection(stream, service).with_upgrades();
        let (open, mut closing) = (open.clone(), closing.subscribe());
        tokio::spawn(async move {
            let _open = open;
            tokio::pin!(connection);
            let served = tokio::select! {
                served = connection.as_mut() => served,
                // Also ends with an error, when the server is dropped.
                _ = closing.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = served {
                tracing::debug!(%error, "a connection failed");
            }
        });
    }
    drop((listener, open));
    closing.send_replace(());
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, ended.recv()).await.is_err() {
        tracing::warn!("some requests were not answered before the end");
    }
}

/// Answers a connection for which there is no slot.
async fn refuse(mut stream: TcpStream) {
    let refusal = crate::ApiError::new("instance_at_capacity", "too many connections; try again");
    let body = serde_json::to_string(refusal.envelope()).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: \
         1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    // The client may have left.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A connection that fails when its client reads nothing for some time.
struct Guarded {
    stream: TcpStream,
    stall: Duration,
    /// Runs while a write waits.
    stalled: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
}

impl Guarded {
    fn new(stream: TcpStream, limits: &Limits, slot: OwnedSemaphorePermit) -> Self {
        // With Nagle's algorithm small frames can wait 40 ms for a delayed ACK.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        Self { stream, stall: limits.write_stall, stalled: None, _slot: slot }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
