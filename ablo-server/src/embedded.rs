//! A coordinator inside a program, without a port: for tests, and for programs that need no other.

use crate::app::{App, CoordinatorOptions};
use crate::error::Result;
use crate::store::{DbPath, Sqlite, Store};
use ablo_schema::Schema;
use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::io::DuplexStream;

/// Bytes that one side of a connection may be ahead of the other.
const BUFFER: usize = 64 << 10;
/// Whose rows it keeps.
const ORGANIZATION: &str = "embedded";

/// A coordinator inside a program. Its connections end with it or with the runtime, whichever is first.
#[derive(Clone, Debug)]
pub struct Embedded {
    app: Arc<App>,
    router: Router,
    key: String,
}

/// A coordinator in memory, empty, within the runtime this is called in.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let document = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{
///     "text":{"type":"string","isOptional":false,"isIndexed":false}}}},"identityRoles":[]}"#;
/// let schema = ablo_schema::front::json::read(document).schema.ok_or("a faulty schema")?;
/// let coordinator = ablo_server::embedded(&schema).await?;
/// // With the Rust client: `App::connect("http://embedded", coordinator.key()).over(coordinator.dialer())`.
/// assert!(coordinator.key().starts_with("sk_test_"));
/// # Ok(()) }
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(run()).unwrap();
/// ```
///
/// # Errors
/// What the database said.
pub async fn embedded(schema: &Schema) -> Result<Embedded> {
    Embedded::over(schema, Arc::new(Sqlite::open(&DbPath::Memory, schema)?)).await
}

impl Embedded {
    /// A coordinator over a store of its own.
    ///
    /// # Errors
    /// What the database said.
    pub async fn over(schema: &Schema, store: Arc<dyn Store>) -> Result<Self> {
        let app = App::new(schema, store, CoordinatorOptions::default());
        let key = app.secret_key(ORGANIZATION, "embedded").await?;
        Ok(Self { router: crate::router(Arc::clone(&app)), app, key })
    }

    /// A secret key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The coordinator, for further keys.
    #[must_use]
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Its routes, as a service of tower.
    pub fn service(&self) -> Router {
        self.router.clone()
    }

    /// The other end of a new connection: HTTP/1.1, and WebSockets where that is asked for.
    #[must_use]
    pub fn dial(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(BUFFER);
        let service = TowerToHyperService::new(self.router.clone());
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(far), service);
            if let Err(error) = served.with_upgrades().await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        near
    }

    /// Opens connections for as long as it is kept: for the Rust client's `over`.
    pub fn dialer(
        &self,
    ) -> impl Fn() -> Ready<std::io::Result<DuplexStream>> + Clone + Send + Sync + 'static {
        let own = self.clone();
        move || ready(Ok(own.dial()))
    }
}
