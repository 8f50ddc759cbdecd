//! The HTTP routes (docs/protocol/http.md), served with and without the prefix `/api`.
//!
//! A handler decodes its request, calls a service and encodes the response.

mod answer;
mod auth;
mod claims;
mod keys;
mod models;
mod presence;
mod request;
mod socket;
mod source;
mod sync;
mod webhooks;

use crate::engine::access::require_secret_key;
use crate::error::ApiError;
use crate::live::Hubs;
use crate::service::Service;
use ablo_wire::{DataSourceAnswer, ModelSummary, SchemaSummary};
use answer::{Answer, Failed, attach_pattern, contract};
use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{HeaderName, Method, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{delete, get, head, post};
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};

/// The state of all handlers.
#[derive(Clone)]
pub(crate) struct HttpState {
    /// The services.
    pub(crate) service: Arc<Service>,
    /// The hubs of connected organisations.
    pub(crate) hubs: Arc<Hubs>,
    /// The descriptions of the schema.
    pub(crate) documents: Arc<Documents>,
}

/// Descriptions of the schema.
#[derive(Debug)]
pub(crate) struct Documents {
    /// The OpenAPI document.
    pub(crate) openapi: String,
    /// The `contentHash`.
    pub(crate) content_hash: String,
}

impl FromRef<HttpState> for Arc<Service> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.service)
    }
}

impl FromRef<HttpState> for Arc<Hubs> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.hubs)
    }
}

impl FromRef<HttpState> for Arc<Documents> {
    fn from_ref(state: &HttpState) -> Self {
        Arc::clone(&state.documents)
    }
}

/// Returns the routes.
pub(crate) fn router(state: HttpState) -> Router {
    let api = api();
    Router::new()
        .route("/", get(page))
        .route("/page.css", get(page_style))
        .route("/page.js", get(page_script))
        .merge(api.clone())
        .nest("/api", api)
        .route_layer(axum::middleware::from_fn(attach_pattern))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            let message = "the coordinator failed; see its log";
            Failed(ApiError::new("internal_error", message)).into_response()
        }))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&state.service), contract))
        .layer(cors())
        .with_state(state)
}

fn api() -> Router<HttpState> {
    Router::new()
        .route("/auth/capability", post(auth::exchange))
        .route("/auth/identity", get(auth::identity))
        .route("/auth/check", head(auth::check).get(auth::check))
        .route("/sync/bootstrap", get(sync::bootstrap))
        .route("/sync/query", post(sync::query))
        .route("/sync/entity/{model}/{id}", get(sync::entity))
        .route("/sync/ws", get(socket::upgrade))
        .route("/health", get(sync::health))
        .route("/presence", get(presence::roster).post(presence::report))
        .route("/v1/models/{model}", get(models::list).post(models::create))
        .route(
            "/v1/models/{model}/{id}",
            get(models::retrieve).patch(models::update).delete(models::delete),
        )
        .route("/v1/models/{model}/{id}/claim", post(claims::claim).delete(claims::release))
        .route("/v1/models/{model}/{id}/claim/reorder", post(claims::reorder))
        .route("/v1/commits", post(models::commits))
        .route("/v1/intents", get(claims::list).post(claims::open))
        .route("/v1/intents/{id}", delete(claims::close))
        .route("/v1/capabilities", post(auth::create))
        .route("/v1/capabilities/{id}", get(auth::retrieve).delete(auth::revoke))
        .route("/v1/capabilities/{id}/rotate", post(auth::rotate))
        .route("/v1/keys", get(keys::list).post(keys::create))
        .route("/v1/tasks", post(auth::open_turn))
        .route("/v1/tasks/{id}/close", post(auth::close_turn))
        .route("/agent/turn", post(auth::open_turn))
        .route("/agent/turn/{id}/close", post(auth::close_turn))
        .route("/v1/datasource", post(datasource))
        .route("/v1/sources", get(source::list))
        .route("/v1/webhook_endpoints", get(webhooks::list).post(webhooks::create))
        .route(
            "/v1/webhook_endpoints/{id}",
            get(webhooks::retrieve).patch(webhooks::update).delete(webhooks::delete),
        )
        .route("/v1/webhook_endpoints/{id}/dead_letters", get(webhooks::dead_letters))
        .route("/v1/webhook_endpoints/{id}/redrive", post(webhooks::redrive))
        .route("/source/events", post(source::push))
        .route("/openapi.json", get(openapi))
        .route("/schema", get(schema))
        .route("/metrics", get(metrics))
}

fn cors() -> CorsLayer {
    let header_name = |name: &'static str| HeaderName::from_static(name);
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header_name("idempotency-key"),
            header_name(request::HOLDER),
            header::CACHE_CONTROL,
            header::PRAGMA,
        ])
        .expose_headers([
            header_name("x-request-id"),
            header_name("x-auth-failure"),
            header::ETAG,
            header_name("ablo-version"),
        ])
        .max_age(Duration::from_secs(600))
}

/// Returns the page that shows what the key in the URL fragment may see.
///
/// The content security policy allows only the page's own scripts: rows can contain any text.
async fn page() -> Response {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(include_str!("../page/index.html")))
        .into_response()
}

async fn page_style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../page/page.css"))
        .into_response()
}

async fn page_script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("../page/page.js"))
        .into_response()
}

async fn openapi(State(documents): State<Arc<Documents>>) -> Response {
    answer::text(documents.openapi.clone())
}

/// Returns the models and their fields (docs/protocol/differences.md G).
async fn schema(
    State(service): State<Arc<Service>>,
    State(documents): State<Arc<Documents>>,
    _: request::Caller,
) -> Answer {
    let models = service.engine.models.iter().map(|model| {
        let fields: Vec<String> = model.columns.iter().map(|own| own.member.clone()).collect();
        ModelSummary::new(model.key.clone(), model.type_name.clone(), model.mutable, fields)
    });
    let models: Vec<_> = models.collect();
    let body = SchemaSummary::new(true, documents.content_hash.clone(), models);
    answer::ok(&body)
}

/// Returns the metrics. A scraper has to send a secret key.
async fn metrics(
    State(service): State<Arc<Service>>,
    caller: request::Caller,
) -> Result<Response, Failed> {
    require_secret_key(&caller.0)?;
    service.sources.iter().for_each(|client| client.update_metrics(&service.metrics));
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], service.metrics.text()).into_response())
}

/// Answers a client that sends a database URL (docs/protocol/differences.md D15). The status is
/// 200, because the 0.9 client sends one whenever its environment has one, and ends on a refusal.
async fn datasource(_: request::Caller) -> Answer {
    let message = "the coordinator does not use connection strings of clients; a data source is \
        configured where the coordinator is started";
    tracing::warn!("a client sent a connection string: {message}");
    let mut body = DataSourceAnswer::new(true, false);
    body.message = Some(message.to_owned());
    answer::ok(&body)
}

async fn unknown() -> Failed {
    Failed(ApiError::new("invalid_request", "unknown route").with_status(404))
}

async fn wrong_method() -> Failed {
    let message = "this route does not support the method";
    Failed(ApiError::new("invalid_request", message).with_status(405))
}
