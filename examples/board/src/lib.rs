//! A board of reports: a coordinator, a page in TypeScript and an agent on one port.

pub mod schema;

use ablo::{Client, Embedded};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use std::collections::BTreeMap;
use std::path::PathBuf;
use tokio::net::TcpListener;
use tokio::process::Command;

/// Any error of the example.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// Returns the folder of the page.
fn web() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web")
}

/// Compiles the page and the agent. The first call installs the compiler.
///
/// # Errors
/// Returns an error if Node.js with npm is missing or the compilation fails.
pub async fn compile() -> Result<(), Fault> {
    if !web().join("node_modules/typescript").exists() {
        run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
            .await?;
    }
    run(Command::new("node").args(["node_modules/typescript/bin/tsc", "--pretty", "false"])).await
}

async fn run(command: &mut Command) -> Result<(), Fault> {
    let output = command.current_dir(web()).output().await?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => {
            Err(format!("{command:?}: {}{}", text(&output.stdout), text(&output.stderr)).into())
        }
    }
}

/// Creates a coordinator with rows in memory.
///
/// # Errors
/// Returns an error if the coordinator cannot be created.
pub async fn coordinator() -> Result<Embedded, Fault> {
    Ok(schema::Board::embedded().await?)
}

/// Serves the page, its sessions, and the routes of the coordinator.
///
/// # Errors
/// Returns an error if the server fails.
pub async fn serve(coordinator: Embedded, listener: TcpListener) -> Result<(), Fault> {
    let server =
        Client::connect("http://embedded", coordinator.key()).over(coordinator.dialer()).await?;
    let page = Router::new()
        .route("/", get(|| async { Html(include_str!("../web/index.html")) }))
        .route(
            "/style.css",
            get(|| async { typed("text/css", include_str!("../web/style.css").into()) }),
        )
        .route("/out/{*path}", get(script))
        .route("/session", get(session))
        .with_state(server);
    Ok(axum::serve(listener, page.fallback_service(coordinator.service())).await?)
}

/// Starts the agent in a process that ends when the handle is dropped.
///
/// # Errors
/// Returns an error if Node.js does not start.
pub fn agent(url: &str, key: &str) -> Result<tokio::process::Child, Fault> {
    Ok(Command::new("node")
        .args(["out/agent.js", url, key])
        .current_dir(web())
        .kill_on_drop(true)
        .spawn()?)
}

fn typed(kind: &'static str, text: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Serves a file that the compiler wrote.
async fn script(Path(path): Path<String>) -> Response {
    if !path.ends_with(".js")
        || path.split('/').any(|part| part.is_empty() || part.starts_with('.'))
    {
        return StatusCode::NOT_FOUND.into_response();
    }
    match tokio::fs::read_to_string(web().join("out").join(&path)).await {
        Ok(text) => typed("text/javascript", text),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns a session token for any user. An application would check its login first.
async fn session(
    State(server): State<Client>,
    Query(parameters): Query<BTreeMap<String, String>>,
) -> Response {
    let user = parameters.get("user").map_or("guest", String::as_str);
    match server.sessions().user(user).await {
        Ok(session) => session.token.into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
