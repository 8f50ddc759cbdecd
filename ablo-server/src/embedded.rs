//! A coordinator inside a program, without a port: for tests and single-process applications.

use crate::coordinator::Coordinator;
use crate::error::Result;
use crate::service::CoordinatorOptions;
use crate::store::Store;
#[cfg(feature = "sqlite")]
use crate::store::{DbPath, Sqlite};
use ablo_schema::Schema;
use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::future::{Ready, ready};
use std::sync::Arc;
use tokio::io::DuplexStream;

/// The size of each connection's buffers, in bytes.
const DUPLEX_BUFFER_BYTES: usize = 64 << 10;
/// The organisation of all rows.
const ORGANIZATION: &str = "embedded";

/// A coordinator inside a program. Its connections end when it or the runtime is dropped.
#[derive(Clone, Debug)]
pub struct Embedded {
    coordinator: Coordinator,
    router: Router,
    key: String,
}

/// Creates an empty in-memory coordinator on the current tokio runtime.
///
/// ```
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let document = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{
///     "text":{"type":"string","isOptional":false,"isIndexed":false}}}},"identityRoles":[]}"#;
/// let schema = ablo_schema::front::json::read(document).schema.ok_or("a faulty schema")?;
/// let coordinator = ablo_server::embedded(&schema).await?;
/// // With the Rust client:
/// // `App::connect("http://embedded", coordinator.key()).over(coordinator.dialer())`.
/// assert!(coordinator.key().starts_with("sk_test_"));
/// # Ok(()) }
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(run()).unwrap();
/// ```
///
/// # Errors
/// Returns an error if the tables cannot be created.
#[cfg(feature = "sqlite")]
pub async fn embedded(schema: &Schema) -> Result<Embedded> {
    Embedded::with_store(schema, Arc::new(Sqlite::open(&DbPath::Memory, schema)?)).await
}

impl Embedded {
    /// Creates a coordinator over a store that holds the schema's tables.
    ///
    /// # Errors
    /// Returns an error if the secret key cannot be stored.
    pub async fn with_store(schema: &Schema, store: Arc<dyn Store>) -> Result<Self> {
        let coordinator = Coordinator::new(schema, store, CoordinatorOptions::default());
        let key = coordinator.issue_secret_key(ORGANIZATION, "embedded").await?;
        Ok(Self { router: coordinator.router(), coordinator, key })
    }

    /// Returns a secret key of the coordinator.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the coordinator, for example to issue further keys.
    #[must_use]
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// Returns the coordinator's routes as a tower service.
    pub fn service(&self) -> Router {
        self.router.clone()
    }

    /// Opens a connection for HTTP/1.1 and WebSockets and returns its client end.
    #[must_use]
    pub fn dial(&self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(DUPLEX_BUFFER_BYTES);
        let service = TowerToHyperService::new(self.router.clone());
        tokio::spawn(async move {
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(server), service);
            if let Err(error) = served.with_upgrades().await {
                tracing::debug!(%error, "an embedded connection failed");
            }
        });
        client
    }

    /// Returns a function that opens connections, for the Rust client's `over`.
    pub fn dialer(
        &self,
    ) -> impl Fn() -> Ready<std::io::Result<DuplexStream>> + Clone + Send + Sync + 'static {
        let own = self.clone();
        move || ready(Ok(own.dial()))
    }
}
