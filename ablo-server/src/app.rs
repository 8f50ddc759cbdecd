//! The coordinator's shared state: the schema, the store and the connected clients.

use crate::engine::Engine;
use crate::engine::credentials::{self, Credential, CredentialKind, Mode, NewCredential};
use crate::error::{ApiError, EngineError, Result};
use crate::identity::{Identity, Operations, organization_group};
use crate::live::Hubs;
use crate::metrics::Metrics;
use crate::source::{SourceOptions, Sources};
use crate::store::{Store, Tenant, Tx};
use crate::webhooks::WebhookOptions;
use ablo_schema::{Hashes, Schema};
use ablo_wire::ParticipantKind;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Options of a coordinator.
#[derive(Clone, Debug)]
pub struct CoordinatorOptions {
    /// Whether the database holds test or live data.
    pub mode: Mode,
    /// The maximum size of a request body and of a WebSocket message, in bytes.
    pub max_body_bytes: usize,
    /// The maximum number of WebSocket connections, over all organisations.
    pub max_connections: usize,
    /// The maximum lifetime of a WebSocket. Clients reconnect with a fresh token
    /// (docs/protocol/differences.md C9).
    pub max_connection_age: Duration,
    /// The data sources of organisations whose own database stays canonical.
    pub sources: Vec<SourceOptions>,
    /// Options of webhook delivery.
    pub webhooks: WebhookOptions,
}

impl Default for CoordinatorOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Test,
            max_body_bytes: 4 << 20,
            max_connections: 50_000,
            max_connection_age: Duration::from_hours(24),
            sources: Vec::new(),
            webhooks: WebhookOptions::default(),
        }
    }
}

/// A coordinator.
pub struct App {
    /// The schema and its SQL.
    pub engine: Arc<Engine>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The hubs of connected organisations.
    pub(crate) hubs: Hubs,
    /// The options that the coordinator was created with.
    pub options: CoordinatorOptions,
    /// The OpenAPI document of the schema.
    pub openapi: String,
    /// The schema's `contentHash`.
    pub content_hash: String,
    pub(crate) metrics: Metrics,
    pub(crate) sources: Sources,
    closing: watch::Sender<bool>,
}

impl App {
    /// Creates a coordinator for a schema over a store that holds its tables.
    #[must_use]
    pub fn new(schema: &Schema, store: Arc<dyn Store>, options: CoordinatorOptions) -> Arc<Self> {
        let engine = Arc::new(Engine::new(schema, store.dialect()));
        let hubs = Hubs::new(Arc::clone(&engine), Arc::clone(&store));
        let openapi = crate::openapi::document(schema, &engine.models);
        let content_hash = Hashes::of(schema).content.to_string();
        let (metrics, closing) = (Metrics::new(), watch::channel(false).0);
        let sources = Sources::new(&options.sources);
        Arc::new(Self {
            engine,
            store,
            hubs,
            options,
            openapi,
            content_hash,
            metrics,
            sources,
            closing,
        })
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

    /// Closes all sockets and ends the background tasks.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Returns a receiver that becomes `true` when the coordinator shuts down.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Returns the credential of a bearer token.
    ///
    /// # Errors
    /// Returns an error with status 401 if the token is not valid, or the store's error.
    pub async fn identify(&self, token: &str) -> Result<Credential> {
        let (mode, token) = (self.options.mode, token.to_owned());
        self.store.reading(Tenant::Global, move |tx| credentials::identify(tx, mode, &token)).await
    }

    /// Issues a new secret key for an organisation.
    ///
    /// # Errors
    /// Returns an error if the key cannot be stored.
    pub async fn issue_secret_key(&self, organization: &str, label: &str) -> Result<String> {
        let (mode, grant) = (self.options.mode, secret_key_grant(organization, label));
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue(tx, mode, &grant))
            .await?;
        Ok(issued.token)
    }

    /// Registers an existing token as a secret key (idempotent).
    ///
    /// Intended for development, where a key outlives its database.
    ///
    /// # Errors
    /// Returns `apikey_invalid` if the token has another mode's prefix, or the store's error.
    pub async fn adopt_key(&self, organization: &str, label: &str, token: &str) -> Result<()> {
        if !token.starts_with(&format!("sk_{}_", self.options.mode.as_str())) {
            return Err(ApiError::new(
                "apikey_invalid",
                "a secret key starts with `sk_test_` or `sk_live_`",
            )
            .into());
        }
        if self.identify(token).await.is_ok() {
            return Ok(());
        }
        let (grant, token) = (secret_key_grant(organization, label), token.to_owned());
        let adopted = token.clone();
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue_as(tx, &grant, adopted.clone()))
            .await;
        // Another process may have registered it at the same time.
        match issued {
            Err(_) if self.identify(&token).await.is_ok() => Ok(()),
            issued => issued.map(|_| ()),
        }
    }
}

/// Returns the grant of a secret key: all operations on all rows of the organisation.
fn secret_key_grant(organization: &str, label: &str) -> NewCredential {
    NewCredential {
        kind: CredentialKind::Secret,
        organization: organization.to_owned(),
        participant: format!("key_{label}"),
        participant_kind: ParticipantKind::System,
        on_behalf_of: None,
        operations: Operations::All,
        groups: BTreeSet::from([organization_group(organization)]),
        user_meta: serde_json::Map::new(),
        label: Some(label.to_owned()),
        full_reach: false,
        parent: None,
        ttl: None,
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("options", &self.options).finish_non_exhaustive()
    }
}

/// Returns the error for a request without a credential.
#[must_use]
pub fn no_credentials() -> EngineError {
    ApiError::new("auth_no_credentials", "missing bearer token: send `Authorization: Bearer <key>`")
        .into()
}

/// Checks that a credential is a secret key and returns its identity.
///
/// # Errors
/// Returns `forbidden` for any other kind of credential.
pub fn require_secret_key(state: &Credential) -> Result<&Identity, ApiError> {
    match state.kind {
        CredentialKind::Secret => Ok(&state.identity),
        _ => Err(ApiError::new("forbidden", "this request requires a secret key")),
    }
}
