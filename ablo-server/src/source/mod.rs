//! Organisations whose own database stays canonical: their commits go out to an endpoint, their rows come back.
//!
//! The coordinator keeps a copy of the rows to read from, filled once and kept up to date by answers and the outbox; `engine::data_source_log` holds both
//! to one order. `origin` is one endpoint with all that keeps a slow one from others, `write` a commit on its way, `follow` the outbox.

mod client;
mod follow;
mod write;

pub(crate) use client::SourceClient;
pub(crate) use follow::pushed;
pub(crate) use write::write;

use crate::app::App;
use crate::engine::plan::PlannedChange;
use crate::error::ApiError;
use ablo::source::Verifier;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// An organisation's own database, behind an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceOptions {
    /// Whose rows these are.
    pub organization: String,
    /// Where the endpoint is.
    pub url: String,
    /// Keys that messages are signed with: the first one signs, and each of them is good for what is pushed.
    pub keys: Vec<String>,
    /// The models that live there, by key; all where none are named.
    pub models: BTreeSet<String>,
    /// How often the outbox is asked where nothing is pushed.
    pub poll: Duration,
    /// How long an answer may take.
    pub within: Duration,
}

impl SourceOptions {
    /// All models of an organisation, the outbox asked every second, answers within ten.
    #[must_use]
    pub fn new(organization: &str, url: &str, key: &str) -> Self {
        Self {
            organization: organization.to_owned(),
            url: url.to_owned(),
            keys: vec![key.to_owned()],
            models: BTreeSet::new(),
            poll: Duration::from_secs(1),
            within: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for SourceOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Keys are secrets, and addresses may hold some.
        f.debug_struct("SourceOptions")
            .field("organization", &self.organization)
            .finish_non_exhaustive()
    }
}

/// The endpoints of a coordinator.
#[derive(Debug, Default)]
pub(crate) struct Sources(BTreeMap<String, Arc<SourceClient>>);

impl Sources {
    pub(crate) fn new(all: &[SourceOptions]) -> Self {
        let origins = all
            .iter()
            .map(|options| (options.organization.clone(), Arc::new(SourceClient::new(options))));
        Self(origins.collect())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SourceClient>> {
        self.0.values()
    }

    /// Where changes of an organisation go; nowhere where its rows are here.
    pub(crate) fn of(
        &self,
        app: &App,
        organization: &str,
        changes: &[PlannedChange],
    ) -> Result<Option<Arc<SourceClient>>, ApiError> {
        let Some(origin) = self.0.get(organization) else { return Ok(None) };
        let there = |change: &&PlannedChange| origin.has(&app.engine.models.get(change.model).key);
        match changes.iter().filter(there).count() {
            0 => Ok(None),
            many if many == changes.len() => Ok(Some(Arc::clone(origin))),
            _ => {
                let message = "some of these rows live in the organisation's own database and some here: write them apart";
                Err(ApiError::new("commit_operation_unsupported", message))
            }
        }
    }

    /// The endpoint whose key has signed a message.
    pub(crate) fn signed(
        &self,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
        now: u64,
    ) -> Option<Arc<SourceClient>> {
        let fits = |origin: &&Arc<SourceClient>| {
            // The same message may come again: its events are taken once.
            Verifier::new(origin.keys()).allow_replays(true).verify(&header, body, now).is_ok()
        };
        self.iter().find(fits).cloned()
    }
}

/// Follows every outbox until the coordinator closes.
pub(crate) fn start(app: &Arc<App>) {
    for origin in app.sources.iter() {
        tokio::spawn(follow::follow(Arc::downgrade(app), Arc::clone(origin)));
    }
}
