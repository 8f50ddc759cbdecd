//! The signed HTTP client of one data source.
//!
//! A concurrency limit, a timeout and a circuit breaker keep a slow or dead endpoint from affecting
//! other organisations.

use super::SourceOptions;
use crate::service::metrics::Metrics;
use ablo_source::{Message, Remote};
use ablo_wire::{
    Backoff, SourceFailure, SourceHealth, SourceMode, SourceRequest, SourceScope, SourceState,
};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

/// The maximum number of concurrent requests.
const MAX_CONCURRENT_CALLS: usize = 32;
/// The number of consecutive failures that opens the circuit breaker.
const FAILURE_THRESHOLD: u32 = 5;
/// For how long the circuit breaker stays open: initially, and at most.
const OPEN: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// Why a request to a data source failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallError {
    /// The data source refused the request without applying it.
    Refused(Box<SourceFailure>, u16),
    /// The outcome is unknown.
    Unknown(String),
    /// The request was not sent.
    CircuitOpen(String),
}

/// The state that operators are shown.
#[derive(Clone, Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
    last_success: Option<jiff::Timestamp>,
    last_error: Option<(jiff::Timestamp, String)>,
    /// The age of the newest event when it was read.
    lag: Option<Duration>,
    /// Whether the data source has an outbox.
    events: bool,
    /// The numbers of requests that were answered, refused and failed.
    requests: [u64; 3],
}

/// The client of one data source.
#[derive(Debug)]
pub(crate) struct SourceClient {
    pub(crate) organization: String,
    pub(crate) poll: Duration,
    keys: Vec<String>,
    models: BTreeSet<String>,
    remote: Result<Remote, String>,
    calls: Semaphore,
    timeout: Duration,
    state: Mutex<State>,
    /// Notified when the data source pushes events.
    pub(crate) events_pushed: Notify,
    /// Notified after a commit, whose events will appear in the outbox.
    pub(crate) commit_finished: Notify,
}

impl SourceClient {
    pub(crate) fn new(options: &SourceOptions) -> Self {
        Self {
            organization: options.organization.clone(),
            poll: options.poll,
            keys: options.keys.clone(),
            models: options.models.clone(),
            remote: Remote::new(&options.url, options.timeout).map_err(|error| error.to_string()),
            calls: Semaphore::new(MAX_CONCURRENT_CALLS),
            timeout: options.timeout,
            state: Mutex::new(State { events: true, ..State::default() }),
            events_pushed: Notify::new(),
            commit_finished: Notify::new(),
        }
    }

    /// Returns whether the data source owns a model.
    pub(crate) fn owns(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.contains(model)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Returns whether the data source has an outbox.
    pub(crate) fn has_events(&self) -> bool {
        self.locked().events
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the scope of a request: the organisation and the mode.
    pub(crate) fn scope(&self) -> SourceScope {
        let mut scope = SourceScope::new();
        scope.organization_id = Some(self.organization.clone());
        let live = self.keys.first().is_some_and(|key| key.starts_with("sk_live_"));
        scope.mode = Some(if live { SourceMode::Live } else { SourceMode::Test });
        scope
    }

    /// Sends a request and returns its answer.
    ///
    /// # Errors
    /// Returns an error if the data source refuses the request, does not answer in time, or is not
    /// called because the circuit breaker is open.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        id: &str,
        request: &SourceRequest,
    ) -> Result<T, CallError> {
        if let Some(until) = self.locked().open_until.filter(|until| *until > Instant::now()) {
            let remaining = until.saturating_duration_since(Instant::now());
            return Err(CallError::CircuitOpen(format!(
                "the data source keeps failing; the next attempt is in {remaining:?}"
            )));
        }
        let Ok(permit) = tokio::time::timeout(self.timeout, self.calls.acquire()).await else {
            return Err(CallError::CircuitOpen(
                "too many concurrent requests to the data source".to_owned(),
            ));
        };
        let answer = self.call(id, request).await;
        drop(permit);
        self.record(&answer);
        answer
    }

    async fn call<T: DeserializeOwned>(
        &self,
        id: &str,
        request: &SourceRequest,
    ) -> Result<T, CallError> {
        let unknown = |error: &dyn std::fmt::Display| CallError::Unknown(error.to_string());
        let remote = self.remote.as_ref().map_err(|error| unknown(error))?;
        let body = serde_json::to_vec(request).map_err(|error| unknown(&error))?;
        let key = self.keys.first().map_or("", String::as_str);
        let reply =
            remote.send(Message::signed(key, id, body)).await.map_err(|error| unknown(&error))?;
        match reply.status {
            200..300 => serde_json::from_slice(&reply.body).map_err(|error| {
                unknown(&format!("invalid response from the data source: {error}"))
            }),
            // An invalid key or a proxy's error: not applied, and the writer cannot fix it.
            401 | 403 | 404 | 405 | 408 | 413 | 429 | 500.. => {
                let text =
                    String::from_utf8_lossy(&reply.body).chars().take(200).collect::<String>();
                match serde_json::from_slice::<SourceFailure>(&reply.body) {
                    Ok(failure) if [403, 404].contains(&reply.status) => {
                        Err(CallError::Refused(Box::new(failure), reply.status))
                    }
                    _ => Err(CallError::Unknown(format!(
                        "the data source answered with status {}: {text}",
                        reply.status
                    ))),
                }
            }
            status => match serde_json::from_slice::<SourceFailure>(&reply.body) {
                Ok(failure) => Err(CallError::Refused(Box::new(failure), status)),
                Err(_) => Err(CallError::Unknown(format!(
                    "the data source answered with status {status} and no error code"
                ))),
            },
        }
    }

    /// Counts the answer and updates the circuit breaker.
    fn record<T>(&self, answer: &Result<T, CallError>) {
        let mut state = self.locked();
        let outcome = match answer {
            Ok(_) => 0,
            Err(CallError::Refused(..)) => 1,
            Err(_) => 2,
        };
        state.requests[outcome] += 1;
        match answer {
            Ok(_) | Err(CallError::Refused(..)) => {
                (state.failures, state.open_until) = (0, None);
                state.last_success = Some(jiff::Timestamp::now());
            }
            Err(CallError::Unknown(error) | CallError::CircuitOpen(error)) => {
                state.failures += 1;
                state.last_error = Some((jiff::Timestamp::now(), error.clone()));
                if let Some(excess) = state.failures.checked_sub(FAILURE_THRESHOLD) {
                    state.open_until = Some(Instant::now() + OPEN.delay(excess + 1, 0.0));
                }
            }
        }
    }

    /// Records the age of the newest event; `occurred_at` is in milliseconds since the epoch.
    pub(crate) fn record_lag(&self, occurred_at: Option<u64>) {
        let now = jiff::Timestamp::now().as_millisecond();
        let lag =
            occurred_at.and_then(|at| u64::try_from(now).ok()?.checked_sub(at)).unwrap_or_default();
        self.locked().lag = Some(Duration::from_millis(lag));
    }

    /// Records that the data source has no outbox.
    pub(crate) fn disable_events(&self) {
        self.locked().events = false;
    }

    /// Updates the metrics of this data source.
    pub(crate) fn update_metrics(&self, metrics: &Metrics) {
        let state = self.locked().clone();
        metrics.source(&self.organization, state.requests, state.lag, state.failures == 0);
    }

    /// Returns the status object of `GET /v1/sources`.
    pub(crate) fn status(&self) -> SourceState {
        let state = self.locked().clone();
        let is_open = state.open_until.is_some_and(|until| until > Instant::now());
        let status = match state.failures {
            _ if is_open => SourceHealth::Paused,
            0 => SourceHealth::Ok,
            _ => SourceHealth::Failing,
        };
        let millis = |lag: Duration| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        let models: Vec<String> = self.models.iter().cloned().collect();
        let organization = self.organization.clone();
        let mut shown = SourceState::new(organization, models, status, state.events);
        shown.lag_ms = state.lag.map(millis);
        shown.last_success_at = state.last_success.map(|at| format!("{at:.3}"));
        shown.last_error_at = state.last_error.as_ref().map(|(at, _)| format!("{at:.3}"));
        shown.last_error = state.last_error.map(|(_, error)| error);
        shown
    }
}
