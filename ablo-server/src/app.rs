//! What every request has at hand: the schema, the store, who is connected.

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

/// How a coordinator runs.
#[derive(Clone, Debug)]
pub struct CoordinatorOptions {
    /// Which data the database holds.
    pub mode: Mode,
    /// Bytes of a request's body at most.
    pub largest_body: usize,
    /// Connections at most, of all organisations.
    pub most_connections: usize,
    /// How long a socket lives at most: its client comes back with a token that is good then (docs/protocol/differences.md C9).
    pub longest_socket: Duration,
    /// Organisations whose own database stays canonical.
    pub sources: Vec<SourceOptions>,
    /// How webhooks go out.
    pub webhooks: WebhookOptions,
}

impl Default for CoordinatorOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Test,
            largest_body: 4 << 20,
            most_connections: 50_000,
            longest_socket: Duration::from_hours(24),
            sources: Vec::new(),
            webhooks: WebhookOptions::default(),
        }
    }
}

/// A coordinator.
pub struct App {
    /// The schema and its SQL.
    pub engine: Arc<Engine>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Who is connected.
    pub(crate) hubs: Hubs,
    /// How it runs.
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
    /// A coordinator for a schema over a store that holds its tables.
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

    /// Runs a closure in a transaction of an organisation that writes.
    ///
    /// # Errors
    /// What the closure gave, or what the database said.
    pub async fn writing<T, F>(&self, organization: &str, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        self.store
            .writing(Tenant::Organization(organization.to_owned()), move |tx| job(&engine, tx))
            .await
    }

    /// Runs a closure in a transaction of an organisation that reads.
    ///
    /// # Errors
    /// What the closure gave, or what the database said.
    pub async fn reading<T, F>(&self, organization: &str, mut job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Engine, &mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        self.store
            .reading(Tenant::Organization(organization.to_owned()), move |tx| job(&engine, tx))
            .await
    }

    /// Sockets are closed from now on.
    pub fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Hears when sockets have to be closed.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Whom a bearer token speaks for.
    ///
    /// # Errors
    /// A coded refusal of class 401, or what the database said.
    pub async fn identify(&self, token: &str) -> Result<Credential> {
        let (mode, token) = (self.options.mode, token.to_owned());
        self.store.reading(Tenant::Global, move |tx| credentials::identify(tx, mode, &token)).await
    }

    /// Makes a secret key for an organisation.
    ///
    /// # Errors
    /// What the database said.
    pub async fn secret_key(&self, organization: &str, label: &str) -> Result<String> {
        let (mode, grant) = (self.options.mode, secret(organization, label));
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue(tx, mode, &grant))
            .await?;
        Ok(issued.token)
    }

    /// Lets this very token be a secret key, if it is none yet: for development, where a key outlives its database.
    ///
    /// # Errors
    /// `apikey_invalid` where the token is not of this mode, or what the database said.
    pub async fn adopt_key(&self, organization: &str, label: &str, token: &str) -> Result<()> {
        if !token.starts_with(&format!("sk_{}_", self.options.mode.as_str())) {
            return Err(ApiError::new(
                "apikey_invalid",
                "a secret key begins with sk_test_, or sk_live_",
            )
            .into());
        }
        if self.identify(token).await.is_ok() {
            return Ok(());
        }
        let (grant, token) = (secret(organization, label), token.to_owned());
        let (adopted, known) = (token.clone(), token);
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue_as(tx, &grant, adopted.clone()))
            .await;
        // Another process may have adopted it at the same moment.
        match issued {
            Err(_) if self.identify(&known).await.is_ok() => Ok(()),
            issued => issued.map(|_| ()),
        }
    }
}

/// What a secret key of an organisation covers: everything.
fn secret(organization: &str, label: &str) -> NewCredential {
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

/// The refusal of a request without a credential.
#[must_use]
pub fn no_credentials() -> EngineError {
    ApiError::new(
        "auth_no_credentials",
        "the request has no bearer token: send `Authorization: Bearer <key>`",
    )
    .into()
}

/// Refuses what only secret keys may do.
///
/// # Errors
/// `forbidden`.
pub fn only_secret(state: &Credential) -> Result<&Identity, ApiError> {
    match state.kind {
        CredentialKind::Secret => Ok(&state.identity),
        _ => Err(ApiError::new("forbidden", "only a secret key may do this")),
    }
}
