//! Assembles a coordinator: its services, and the transports that offer them.

use crate::engine::Engine;
use crate::error::{Result, StoreError};
use crate::existing;
use crate::http::{Documents, HttpState, router};
use crate::limits::Limits;
use crate::live::Hubs;
use crate::models::Models;
use crate::service::keys::Keys;
use crate::service::{
    CoordinatorOptions, Service, captured, housekeeping, schema_watch, source, webhooks,
};
use crate::store::Store;
use ablo_schema::{Hashes, Schema};
use axum::Router;
use std::sync::Arc;

/// A coordinator.
#[derive(Clone)]
pub struct Coordinator {
    state: HttpState,
}

impl Coordinator {
    /// Creates a coordinator for a schema over a store that holds its tables, and starts its tasks
    /// on the current tokio runtime.
    #[must_use]
    pub fn new(schema: &Schema, store: Arc<dyn Store>, options: CoordinatorOptions) -> Self {
        let engine = Engine::new(schema, store.dialect());
        Self::with_engine(engine, schema, store, options)
    }

    /// Creates a coordinator over tables that another program made, as [`Coordinator::new`]. Rows
    /// whose table has no column for `createdAt` or `updatedAt` have 1970-01-01 there; those
    /// without one for `createdBy` have no such member.
    ///
    /// # Errors
    /// Returns the store's error if the catalog cannot be read.
    pub fn over_existing(
        schema: &Schema,
        store: Arc<dyn Store>,
        options: CoordinatorOptions,
    ) -> Result<Self, StoreError> {
        let mut models = Models::new(schema);
        existing::map_base_columns(&mut models, &*store)?;
        let engine = Engine::with_models(models, store.dialect());
        Ok(Self::with_engine(engine, schema, store, options))
    }

    fn with_engine(
        mut engine: Engine,
        schema: &Schema,
        store: Arc<dyn Store>,
        options: CoordinatorOptions,
    ) -> Self {
        engine.models.row_bytes = options.limits.row_bytes;
        let engine = Arc::new(engine);
        store.limits().set(options.limits);
        let documents = Documents {
            openapi: crate::openapi::document(schema, &engine.models),
            content_hash: Hashes::of(schema).content.to_string(),
        };
        let hubs = Hubs::new(Arc::clone(&engine), Arc::clone(&store), options.limits);
        let service = Arc::new(Service::new(engine, store, options));
        housekeeping::start(&service);
        captured::start(&service);
        schema_watch::start(&service);
        let (hubs, documents) = (Arc::new(hubs), Arc::new(documents));
        Self { state: HttpState { service, hubs, documents } }
    }

    /// Returns the HTTP and WebSocket routes.
    pub fn router(&self) -> Router {
        router(self.state.clone())
    }

    /// Issues a new secret key for an organisation.
    ///
    /// # Errors
    /// Returns an error if the key cannot be stored.
    pub async fn issue_secret_key(&self, organization: &str, label: &str) -> Result<String> {
        self.state.service.issue_secret_key(organization, label).await
    }

    /// Registers an existing token as a secret key (idempotent).
    ///
    /// Intended for development, where a key outlives its database.
    ///
    /// # Errors
    /// Returns `apikey_invalid` if the token has another mode's prefix, or the store's error.
    pub async fn adopt_key(&self, organization: &str, label: &str, token: &str) -> Result<()> {
        self.state.service.adopt_key(organization, label, token).await
    }

    /// Returns the secret keys of the database.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(Arc::clone(&self.state.service.store), self.state.service.options.mode)
    }

    /// Closes all sockets and ends the background tasks.
    pub fn close(&self) {
        self.state.service.close();
    }

    /// Returns the services, for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.state.service
    }

    /// Starts the tasks of data sources and webhooks.
    pub(crate) fn start(&self) {
        source::start(&self.state.service);
        webhooks::start(&self.state.service);
    }

    /// Returns the limits.
    pub(crate) fn limits(&self) -> Limits {
        self.state.service.options.limits
    }

    /// Counts that a limit was reached.
    pub(crate) fn limited(&self, limit: &str) {
        self.state.service.metrics.limited(limit);
    }

    /// Returns the number of open sockets.
    pub(crate) fn connections(&self) -> usize {
        self.state.hubs.connections()
    }
}

impl std::fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Coordinator")
            .field("options", &self.state.service.options)
            .finish_non_exhaustive()
    }
}
