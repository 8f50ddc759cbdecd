//! An adapter as a process of its own, for applications in other languages.

use super::Adapter;
use ablo::source::Endpoint;
use axum::Router;
use std::io;
use tokio::net::TcpListener;

/// Where the endpoint is on its port.
pub const PATH: &str = "/api/ablo/source";

/// Serves an adapter at [`PATH`] until `stop` is ready; requests that are at work are answered.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    endpoint: Endpoint<Adapter>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new().route_service(PATH, endpoint);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}
