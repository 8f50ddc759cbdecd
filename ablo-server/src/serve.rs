//! A coordinator on a port, until it is told to stop.

use crate::app::App;
use axum::serve::{Listener, ListenerExt as _};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long open sockets have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Connections that send small frames at once: held back for more to say, each would wait 40 ms for an acknowledgement.
fn prompt(listener: TcpListener) -> impl Listener<Addr = SocketAddr> {
    listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays slow");
        }
    })
}

/// Serves until `stop` is ready: then no request is taken any more, those at work are answered, and sockets are closed with a code
/// that lets clients come back elsewhere.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    crate::source::start(&app);
    crate::webhooks::start(&app);
    let router = crate::router(Arc::clone(&app));
    let closing = Arc::clone(&app);
    let stop = async move {
        stop.await;
        closing.close();
    };
    axum::serve(prompt(listener), router).with_graceful_shutdown(stop).await?;
    let deadline = Instant::now() + GOODBYE;
    while app.hubs.connections() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
