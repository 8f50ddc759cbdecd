//! A coordinator on a port, until it is told to stop.

use crate::app::App;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// How long open sockets have to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

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
    let router = crate::router(Arc::clone(&app));
    let closing = Arc::clone(&app);
    let stop = async move {
        stop.await;
        closing.close();
    };
    axum::serve(listener, router).with_graceful_shutdown(stop).await?;
    let deadline = Instant::now() + GOODBYE;
    while app.hubs.connections() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
