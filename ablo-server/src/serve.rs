//! Serves a coordinator on a TCP port until it is asked to stop.

use crate::app::App;
use axum::serve::{Listener, ListenerExt as _};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The maximum time to wait for sockets to close during shutdown.
const SOCKET_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Sets `TCP_NODELAY`: with Nagle's algorithm small frames can wait 40 ms for a delayed ACK.
fn with_nodelay(listener: TcpListener) -> impl Listener<Addr = SocketAddr> {
    listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    })
}

/// Serves until `stop` completes.
///
/// Then no more requests are accepted, requests in flight are answered, and sockets are closed with
/// a code that lets clients reconnect to another process.
///
/// # Errors
/// Returns an error if the listener fails.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    crate::source::start(&app);
    crate::webhooks::start(&app);
    crate::housekeeping::start(&app);
    let router = crate::router(Arc::clone(&app));
    let closing = Arc::clone(&app);
    let stop = async move {
        stop.await;
        closing.close();
    };
    axum::serve(with_nodelay(listener), router).with_graceful_shutdown(stop).await?;
    let deadline = Instant::now() + SOCKET_CLOSE_TIMEOUT;
    while app.hubs.connections() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
