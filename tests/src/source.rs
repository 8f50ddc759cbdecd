//! An application with its own database behind a data source, with fault injection.

use crate::postgres::{Database, Server, schema};
use ablo::source::{Endpoint, Source};
use ablo_server::adapter::{Adapter, AdapterOptions};
use ablo_server::store::{DbPath, Postgres, Sqlite};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// The key of all applications.
pub const KEY: &str = "sk_test_example";
/// A schema of tasks with a title and a number.
pub const TASKS: &str = r#"{"v":3,"models":{"tasks":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "n":{"type":"number","isOptional":true,"isIndexed":false}},
    "mutable":true}},"identityRoles":[]}"#;

/// A fault of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    None,
    /// The request is lost.
    RequestLost,
    /// The response is lost.
    ResponseLost,
    /// The request is delivered twice.
    Duplicated,
    /// The request is delayed.
    Delayed,
    /// The application answers with an error.
    ServerError,
    /// The application does not answer for 30 seconds.
    Hang,
}

/// A stage of a request at which a test can run a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestStage {
    /// Received, not handled yet.
    Received,
    /// Handled, not answered yet.
    Handled,
}

/// A function that is called at each stage with the type of the request: `commit`, `events`, `list`
/// or `load`.
pub type Hook = Box<dyn Fn(RequestStage, &str) + Send + Sync>;

/// Injects queued faults into the next commits, and random ones into a percentage of requests.
#[derive(Default)]
pub struct FaultInjector {
    /// The faults of the next commits.
    pub queue: Mutex<VecDeque<Fault>>,
    /// The percentage of requests with a random fault.
    pub percent: AtomicU32,
    /// The hook that is called at each stage.
    pub hook: Mutex<Option<Hook>>,
    seed: AtomicU64,
    /// The number of received requests.
    pub requests: AtomicU32,
}

impl std::fmt::Debug for FaultInjector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultInjector").field("percent", &self.percent).finish_non_exhaustive()
    }
}

impl FaultInjector {
    fn run_hook(&self, stage: RequestStage, kind: &str) {
        if let Some(hook) = &*self.hook.lock().unwrap_or_else(PoisonError::into_inner) {
            hook(stage, kind);
        }
    }

    fn fault(&self, kind: &str) -> Fault {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = (kind == "commit").then(|| queue.pop_front()).flatten() {
            return fault;
        }
        // SplitMix64 with a fixed seed: the same faults in every run.
        let draw = self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (draw ^ (draw >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        if mixed % 100 >= u64::from(self.percent.load(Ordering::Relaxed)) {
            return Fault::None;
        }
        [
            Fault::RequestLost,
            Fault::ResponseLost,
            Fault::Duplicated,
            Fault::Delayed,
            Fault::ServerError,
        ][(mixed >> 32) as usize % 5]
    }

    /// Queues faults for the next commits.
    pub fn inject(&self, faults: &[Fault]) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }
}

/// A running application.
#[derive(Debug)]
pub struct Application {
    /// The URL of its endpoint.
    pub url: String,
    /// The injected faults.
    pub faults: Arc<FaultInjector>,
}

impl Application {
    /// Serves a source.
    ///
    /// # Panics
    /// Panics if no port is available.
    pub async fn serve<S: Source>(source: S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/api/ablo/source", listener.local_addr().expect("an address"));
        let faults = Arc::new(FaultInjector::default());
        let state = (Endpoint::new(source, [KEY]), Arc::clone(&faults));
        let app = Router::new()
            .route("/api/ablo/source", axum::routing::any(answer::<S>))
            .with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, faults }
    }
}

async fn answer<S: Source>(
    State((endpoint, faults)): State<(Endpoint<S>, Arc<FaultInjector>)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let lost = || (StatusCode::BAD_GATEWAY, "injected fault").into_response();
    let kind = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    let kind = kind["type"].as_str().unwrap_or_default();
    let fault = faults.fault(kind);
    match fault {
        Fault::RequestLost => return lost(),
        Fault::ServerError => {
            return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"source_failed"}"#)
                .into_response();
        }
        Fault::Delayed => tokio::time::sleep(Duration::from_millis(30)).await,
        Fault::Hang => tokio::time::sleep(Duration::from_secs(30)).await,
        Fault::None | Fault::ResponseLost | Fault::Duplicated => {}
    }
    faults.run_hook(RequestStage::Received, kind);
    let answer = endpoint.answer(method.as_str(), header, &body).await;
    faults.run_hook(RequestStage::Handled, kind);
    if fault == Fault::Duplicated {
        endpoint.answer(method.as_str(), header, &body).await;
    }
    if fault == Fault::ResponseLost {
        return lost();
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", "application/json")], answer.body).into_response()
}

/// Creates a PostgreSQL database with the tables of [`TASKS`] and triggers, and its adapter.
///
/// # Panics
/// Panics if PostgreSQL is not installed.
pub async fn on_postgres() -> (Database<'static>, Adapter) {
    // The driver blocks, which is not allowed on a thread of the test's runtime.
    let database = std::thread::spawn(|| Server::shared().database()).join().expect("a database");
    let tables = schema(TASKS);
    drop(Postgres::open(&database.address(), &tables, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &tables, AdapterOptions::default())
        .expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    (database, adapter)
}

/// Creates an SQLite database with the tables of [`TASKS`] and triggers, and its adapter.
///
/// # Panics
/// Panics if it cannot be created.
pub async fn on_sqlite() -> (tempfile::TempDir, Adapter) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = DbPath::File(folder.path().join("app.db"));
    let tables = schema(TASKS);
    Sqlite::open(&path, &tables).expect("tables");
    let adapter = Adapter::sqlite(&path, &tables, AdapterOptions::default()).expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    (folder, adapter)
}

/// Runs SQL for an organisation, as the application does.
///
/// # Panics
/// Panics if it fails.
pub async fn run(database: &Database<'static>, organization: &str, sql: &str) {
    let (database, sql) =
        (database.clone(), format!("SET app.current_org_id = '{organization}'; {sql}"));
    tokio::task::spawn_blocking(move || database.session().run(&sql).expect("valid SQL"))
        .await
        .expect("a session");
}

/// Returns the first column of a query for an organisation.
///
/// # Panics
/// Panics if the query fails.
pub async fn texts(database: &Database<'static>, organization: &str, sql: &str) -> Vec<String> {
    let (database, sql, of) = (database.clone(), sql.to_owned(), organization.to_owned());
    let ask = move || {
        let mut session = database.session();
        session.run(&format!("SET app.current_org_id = '{of}'")).expect("a setting");
        session.texts(&sql)
    };
    tokio::task::spawn_blocking(ask).await.expect("a session")
}
