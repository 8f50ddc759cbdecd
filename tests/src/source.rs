//! An application with a database of its own behind a Data Source, on a port that fails when a test says so.

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

/// The key of every application here.
pub const KEY: &str = "sk_test_example";
/// Tasks with a title and a number.
pub const TASKS: &str = r#"{"v":3,"models":{"tasks":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "n":{"type":"number","isOptional":true,"isIndexed":false}},"mutable":true}},"identityRoles":[]}"#;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// It does not come through.
    Lost,
    /// It comes through, and its answer does not.
    Unheard,
    /// It comes twice.
    Twice,
    /// It comes late.
    Late,
    /// The application fails.
    Failing,
    /// Nobody answers for long.
    Stuck,
}

/// A moment of a request, for a test that does something just then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It came, and nothing was done about it.
    Arrived,
    /// Everything was done, and nothing was answered.
    Done,
}

/// Told of each moment, and of what was asked for: `commit`, `events`, `list`, `load`.
pub type Hook = Box<dyn Fn(Moment, &str) + Send + Sync>;

/// What goes wrong, and with how many requests in a hundred, once those that are said are through.
#[derive(Default)]
pub struct Weather {
    /// What happens to the next requests.
    pub next: Mutex<VecDeque<Fault>>,
    /// In a hundred.
    pub storm: AtomicU32,
    /// Who is told of each moment.
    pub hook: Mutex<Option<Hook>>,
    seed: AtomicU64,
    /// Requests that came.
    pub requests: AtomicU32,
}

impl std::fmt::Debug for Weather {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Weather").field("storm", &self.storm).finish_non_exhaustive()
    }
}

impl Weather {
    fn tell(&self, moment: Moment, body: &[u8]) {
        let kind = serde_json::from_slice::<serde_json::Value>(body).ok();
        let kind =
            kind.and_then(|body| body["type"].as_str().map(str::to_owned)).unwrap_or_default();
        if let Some(hook) = &*self.hook.lock().unwrap_or_else(PoisonError::into_inner) {
            hook(moment, &kind);
        }
    }

    fn fault(&self) -> Fault {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
            return fault;
        }
        // A generator of numbers that look random and are the same in every run.
        let draw = self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (draw ^ (draw >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        if mixed % 100 >= u64::from(self.storm.load(Ordering::Relaxed)) {
            return Fault::None;
        }
        [Fault::Lost, Fault::Unheard, Fault::Twice, Fault::Late, Fault::Failing]
            [(mixed >> 32) as usize % 5]
    }

    /// Says what happens to the next requests.
    pub fn say(&self, faults: &[Fault]) {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).extend(faults);
    }
}

/// An application on a port.
#[derive(Debug)]
pub struct Application {
    /// Where its endpoint is.
    pub url: String,
    /// What goes wrong.
    pub weather: Arc<Weather>,
}

impl Application {
    /// Serves a source.
    ///
    /// # Panics
    /// Where there is no port.
    pub async fn serve<S: Source>(source: S) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/api/ablo/source", listener.local_addr().expect("an address"));
        let weather = Arc::new(Weather::default());
        let state = (Endpoint::new(source, [KEY]), Arc::clone(&weather));
        let app = Router::new()
            .route("/api/ablo/source", axum::routing::any(answer::<S>))
            .with_state(state);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, weather }
    }
}

async fn answer<S: Source>(
    State((endpoint, weather)): State<(Endpoint<S>, Arc<Weather>)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let gone = || (StatusCode::BAD_GATEWAY, "the way is broken").into_response();
    let fault = weather.fault();
    match fault {
        Fault::Lost => return gone(),
        Fault::Failing => {
            return (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"source_failed"}"#)
                .into_response();
        }
        Fault::Late => tokio::time::sleep(Duration::from_millis(30)).await,
        Fault::Stuck => tokio::time::sleep(Duration::from_secs(30)).await,
        Fault::None | Fault::Unheard | Fault::Twice => {}
    }
    weather.tell(Moment::Arrived, &body);
    let answer = endpoint.answer(method.as_str(), header, &body).await;
    weather.tell(Moment::Done, &body);
    if fault == Fault::Twice {
        endpoint.answer(method.as_str(), header, &body).await;
    }
    if fault == Fault::Unheard {
        return gone();
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [("content-type", "application/json")], answer.body).into_response()
}

/// An application's database on PostgreSQL, with [`TASKS`] in it and triggers, and its adapter.
///
/// # Panics
/// When there is none.
pub async fn on_postgres() -> (Database<'static>, Adapter) {
    // The driver blocks, which a thread of the test's runtime may not.
    let database = std::thread::spawn(|| Server::shared().database()).join().expect("a database");
    let tables = schema(TASKS);
    drop(Postgres::open(&database.address(), &tables, &Default::default()).expect("tables"));
    let adapter = Adapter::postgres(&database.address(), &tables, AdapterOptions::default())
        .expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    (database, adapter)
}

/// The same in an SQLite file.
///
/// # Panics
/// When it cannot be made.
pub async fn on_sqlite() -> (tempfile::TempDir, Adapter) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = DbPath::File(folder.path().join("app.db"));
    let tables = schema(TASKS);
    Sqlite::open(&place, &tables).expect("tables");
    let adapter = Adapter::sqlite(&place, &tables, AdapterOptions::default()).expect("an adapter");
    adapter.install_triggers().await.expect("triggers");
    (folder, adapter)
}

/// Runs SQL as the application does for an organisation.
///
/// # Panics
/// When it does not run.
pub async fn run(database: &Database<'static>, organization: &str, sql: &str) {
    let (database, sql) =
        (database.clone(), format!("SET app.current_org_id = '{organization}'; {sql}"));
    tokio::task::spawn_blocking(move || database.session().run(&sql).expect("SQL that runs"))
        .await
        .expect("a session");
}

/// The first column of what a query finds for an organisation.
///
/// # Panics
/// When it does not run.
pub async fn texts(database: &Database<'static>, organization: &str, sql: &str) -> Vec<String> {
    let (database, sql, of) = (database.clone(), sql.to_owned(), organization.to_owned());
    let ask = move || {
        let mut session = database.session();
        session.run(&format!("SET app.current_org_id = '{of}'")).expect("a setting");
        session.texts(&sql)
    };
    tokio::task::spawn_blocking(ask).await.expect("a session")
}
