//! The services behind the transports: authorisation, validation, claim policy, and the background
//! work of data sources and webhooks.
//!
//! HTTP, sockets and embedded programs call these functions and decide nothing themselves. A
//! service checks what a caller may do and runs the engine in one transaction of the store.

pub(crate) mod captured;
pub(crate) mod claims;
pub(crate) mod commits;
pub(crate) mod endpoints;
pub mod housekeeping;
pub(crate) mod keys;
mod metrics;
mod options;
pub(crate) mod positions;
mod presence;
pub(crate) mod roster;
pub(crate) mod rows;
pub(crate) mod schema_watch;
pub(crate) mod source;
mod tokens;
pub(crate) mod webhooks;

pub use options::{CoordinatorOptions, Retention};

use crate::engine::{Engine, credentials};
use crate::error::Result;
use crate::identity::Identity;
use crate::store::{Access, Store, Tenant, Tx};
use metrics::Metrics;
use source::Sources;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// The time within which the database has to answer for `/health`.
const PING_TIME: Duration = Duration::from_millis(1500);

/// The state that all transports share.
pub struct Service {
    /// The schema and its SQL.
    pub engine: Arc<Engine>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The options that the coordinator was created with.
    pub options: CoordinatorOptions,
    pub(crate) metrics: Metrics,
    pub(crate) sources: Sources,
    /// The bytes of unfinished bodies that may still be added.
    pub(crate) unfinished: Arc<Semaphore>,
    closing: watch::Sender<bool>,
    /// Of a store whose tables are not watched: it never sends.
    unmoved: watch::Sender<bool>,
}

impl Service {
    /// Creates the services of a schema over a store that holds its tables.
    pub(crate) fn new(
        engine: Arc<Engine>,
        store: Arc<dyn Store>,
        options: CoordinatorOptions,
    ) -> Self {
        let sources = Sources::new(&options.sources);
        let (metrics, closing) = (Metrics::new(), watch::channel(false).0);
        let unmoved = watch::channel(false).0;
        let unfinished = options.limits.unfinished_bytes.min(Semaphore::MAX_PERMITS);
        let unfinished = Arc::new(Semaphore::new(unfinished));
        Self { engine, store, options, metrics, sources, unfinished, closing, unmoved }
    }

    /// Runs a closure in a read-write transaction of an organisation.
    ///
    /// # Errors
    /// Returns the closure's error, or the store's if the transaction fails.
    pub async fn writing<T, F>(&self, organization: &str, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        self.store
            .writing(Tenant::Organization(organization.to_owned()), move |tx| job(&engine, tx))
            .await
    }

    /// Runs a closure in a read-only transaction of an organisation.
    ///
    /// # Errors
    /// Returns the closure's error, or the store's if the transaction fails.
    pub async fn reading<T, F>(&self, organization: &str, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        self.store
            .reading(Tenant::Organization(organization.to_owned()), move |tx| job(&engine, tx))
            .await
    }

    /// Runs a closure in a read-write transaction in which a participant's credential is valid.
    ///
    /// # Errors
    /// Returns `apikey_revoked` or `apikey_expired`, the closure's error, or the store's.
    pub(crate) async fn acting<T, F>(&self, who: &Identity, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let capability = who.capability.clone();
        self.writing(&who.organization, move |engine, tx| {
            credentials::check(tx, &capability)?;
            job(engine, tx)
        })
        .await
    }

    /// Runs a closure in a read-only transaction in which a participant's credential is valid.
    ///
    /// # Errors
    /// Returns `apikey_revoked` or `apikey_expired`, the closure's error, or the store's.
    pub(crate) async fn viewing<T, F>(&self, who: &Identity, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let capability = who.capability.clone();
        self.reading(&who.organization, move |engine, tx| {
            credentials::check(tx, &capability)?;
            job(engine, tx)
        })
        .await
    }

    /// Checks that the database answers.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn ping(&self) -> Result<()> {
        let ping = |tx: &mut Tx<'_>| Ok(tx.ping()?);
        self.store.within(PING_TIME, Access::Read, Tenant::Global, ping).await
    }

    /// Closes all sockets and ends the background tasks.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Returns a receiver that is `true` while the tables belong to another schema.
    pub(crate) fn schema_moved(&self) -> watch::Receiver<bool> {
        match self.store.schema_epoch() {
            Some(epoch) => epoch.moved(),
            None => self.unmoved.subscribe(),
        }
    }

    /// Returns a receiver that becomes `true` when the coordinator shuts down.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("options", &self.options).finish_non_exhaustive()
    }
}
