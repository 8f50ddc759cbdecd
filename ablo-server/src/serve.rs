//! Serves a coordinator on a TCP port until it is asked to stop.

use crate::coordinator::Coordinator;
use crate::http_server;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// The maximum time to wait for sockets to close during shutdown.
const SOCKET_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until `stop` completes.
///
/// Then no more requests are accepted, requests in flight are answered, and sockets are closed with
/// a code that lets clients reconnect to another process.
///
/// # Errors
/// None at present.
pub async fn serve(
    coordinator: Coordinator,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    coordinator.start();
    let (router, limits) = (coordinator.router(), coordinator.limits());
    let stop = async {
        stop.await;
        coordinator.close();
    };
    let refused = || coordinator.limited("connections");
    http_server::serve(router, listener, &limits, stop, refused).await;
    let deadline = Instant::now() + SOCKET_CLOSE_TIMEOUT;
    while coordinator.connections() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
