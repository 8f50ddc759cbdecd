//! Serves an adapter as a standalone process, for applications in other languages.

use super::Adapter;
use crate::http_server;
use crate::limits::Limits;
use ablo_source::Endpoint;
use axum::Router;
use std::io;
use tokio::net::TcpListener;

/// The HTTP path of the endpoint.
pub const PATH: &str = "/api/ablo/source";

/// Serves an adapter at [`PATH`] until `stop` completes. Requests in flight are answered first.
///
/// # Errors
/// None at present.
pub async fn serve(
    endpoint: Endpoint<Adapter>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new().route_service(PATH, endpoint);
    http_server::serve(router, listener, &Limits::default(), stop, || {}).await;
    Ok(())
}
