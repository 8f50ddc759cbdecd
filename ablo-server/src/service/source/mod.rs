//! Data sources: organisations whose own database stays canonical.
//!
//! The coordinator sends their commits to an endpoint and reads from a mirror of their rows, which
//! is loaded once and then updated by commit answers and the outbox. `engine::data_source_log`
//! orders both. `client` sends requests, `write` forwards commits, `follow` reads the outbox.

mod client;
mod follow;
mod write;

pub(crate) use client::SourceClient;
pub(crate) use follow::{PushError, apply_pushed};
pub(crate) use write::write;

use crate::engine::Engine;
use crate::engine::change::PlannedChange;
use crate::error::ApiError;
use crate::service::Service;
use ablo_source::Verifier;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Options of a data source.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// The organisation that owns the rows.
    pub organization: String,
    /// The URL of the endpoint.
    pub url: String,
    /// The signing keys. The first one signs requests; any of them may sign pushed events.
    pub keys: Vec<String>,
    /// The keys of the models that the data source owns; empty for all models.
    pub models: BTreeSet<String>,
    /// The interval at which the outbox is polled.
    pub poll: Duration,
    /// The timeout of a request.
    pub timeout: Duration,
}

impl SourceOptions {
    /// Returns options for all models of an organisation, with a poll interval of one second and a
    /// timeout of ten seconds.
    #[must_use]
    pub fn new(organization: &str, url: &str, key: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            url: url.to_owned(),
            keys: vec![key.to_owned()],
            models: BTreeSet::new(),
            poll: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are secrets, and URLs may contain some.
        f.debug_struct("SourceOptions")
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

/// The data sources of a coordinator, by organisation.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<String, Arc<SourceClient>>);

impl Sources {
    pub(crate) fn new(all: &[SourceOptions]) -> Self {
        let clients = all
            .iter()
            .map(|options| (options.organization.clone(), Arc::new(SourceClient::new(options))));
        Self(clients.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SourceClient>> {
        self.0.values()
    }

    /// Returns the data source that owns the changed models, or `None` if they are stored locally.
    ///
    /// # Errors
    /// Returns an error if the changes mix models of the data source with local ones.
    pub(crate) fn owner_of(
        &self,
        engine: &Engine,
        organization: &str,
        changes: &[PlannedChange],
    ) -> Result<Option<Arc<SourceClient>>, ApiError> {
        let Some(client) = self.0.get(organization) else { return Ok(None) };
        let is_owned = |change: &&PlannedChange| client.owns(&engine.models.get(change.model).key);
        match changes.iter().filter(is_owned).count() {
            0 => Ok(None),
            owned if owned == changes.len() => Ok(Some(Arc::clone(client))),
            _ => {
                let message = "a commit cannot write both to a data source and to the \
                    coordinator's own tables; send two commits";
                Err(ApiError::new("commit_operation_unsupported", message))
            }
        }
    }

    /// Returns the data source whose key signed a message.
    pub(crate) fn signer_of(
        &self,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
        now: u64,
    ) -> Option<Arc<SourceClient>> {
        let has_signed = |client: &&Arc<SourceClient>| {
            // Replays are harmless: events are applied once.
            Verifier::new(client.keys()).allow_replays(true).verify(&header, body, now).is_ok()
        };
        self.iter().find(has_signed).cloned()
    }
}

/// Spawns a task per data source that follows its outbox until the coordinator closes.
pub(crate) fn start(service: &Arc<Service>) {
    for client in service.sources.iter() {
        tokio::spawn(follow::follow(Arc::downgrade(service), Arc::clone(client)));
    }
}
