//! One endpoint: requests go out signed, and what keeps a slow or dead one from others: few at a time, each bounded in time, and
//! none while it is known to fail.

use super::SourceOptions;
use crate::metrics::Metrics;
use ablo::source::{Message, Remote};
use ablo_wire::{SourceFailure, SourceMode, SourceRequest, SourceScope};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, Semaphore};

/// Calls at a time.
const AT_A_TIME: usize = 32;
/// Failures in a row after which it is left alone.
const FAILURES: u32 = 5;
/// How long it is left alone, at first and at most.
const REST: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// Why an endpoint did not do what was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CallError {
    /// It refuses: nothing happened.
    Refused(Box<SourceFailure>, u16),
    /// Nobody knows what became of it.
    Unknown(String),
    /// It was not called.
    CircuitOpen(String),
}

/// What operators ask about.
#[derive(Clone, Debug, Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
    last_success: Option<jiff::Timestamp>,
    last_error: Option<(jiff::Timestamp, String)>,
    /// When the newest event that was read happened, and when it was read.
    lag: Option<Duration>,
    events: bool,
    /// Requests that were answered, refused, and not answered.
    requests: [u64; 3],
}

/// One endpoint.
#[derive(Debug)]
pub(crate) struct SourceClient {
    pub(crate) organization: String,
    pub(crate) poll: Duration,
    keys: Vec<String>,
    models: BTreeSet<String>,
    remote: Result<Remote, String>,
    calls: Semaphore,
    within: Duration,
    state: Mutex<State>,
    /// Somebody says that there are events.
    pub(crate) nudge: Notify,
    /// A commit of ours will be told.
    pub(crate) echo: Notify,
}

impl SourceClient {
    pub(crate) fn new(options: &SourceOptions) -> Self {
        Self {
            organization: options.organization.clone(),
            poll: options.poll,
            keys: options.keys.clone(),
            models: options.models.clone(),
            remote: Remote::new(&options.url, options.within).map_err(|error| error.to_string()),
            calls: Semaphore::new(AT_A_TIME),
            within: options.within,
            state: Mutex::new(State { events: true, ..State::default() }),
            nudge: Notify::new(),
            echo: Notify::new(),
        }
    }

    /// Whether a model lives there.
    pub(crate) fn has(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.contains(model)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Whether it has an outbox.
    pub(crate) fn has_events(&self) -> bool {
        self.locked().events
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For whom a request is made.
    pub(crate) fn scope(&self) -> SourceScope {
        let mut scope = SourceScope::new();
        scope.organization_id = Some(self.organization.clone());
        let live = self.keys.first().is_some_and(|key| key.starts_with("sk_live_"));
        scope.mode = Some(if live { SourceMode::Live } else { SourceMode::Test });
        scope
    }

    /// Asks; the same message id for each attempt at one thing.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        id: &str,
        request: &SourceRequest,
    ) -> Result<T, CallError> {
        if let Some(until) = self.locked().rests_until.filter(|until| *until > Instant::now()) {
            let left = until.saturating_duration_since(Instant::now());
            return Err(CallError::CircuitOpen(format!(
                "the data source keeps failing, and is left alone for {left:?}"
            )));
        }
        let Ok(permit) = tokio::time::timeout(self.within, self.calls.acquire()).await else {
            return Err(CallError::CircuitOpen(
                "too many requests to the data source are under way".to_owned(),
            ));
        };
        let answer = self.call(id, request).await;
        drop(permit);
        self.note(&answer);
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
                unknown(&format!("the answer of the data source cannot be read: {error}"))
            }),
            // A key that is not good there, or a proxy's word: nothing happened, and nobody who writes can mend it.
            401 | 403 | 404 | 405 | 408 | 413 | 429 | 500.. => {
                let said =
                    String::from_utf8_lossy(&reply.body).chars().take(200).collect::<String>();
                match serde_json::from_slice::<SourceFailure>(&reply.body) {
                    Ok(failure) if [403, 404].contains(&reply.status) => {
                        Err(CallError::Refused(Box::new(failure), reply.status))
                    }
                    _ => Err(CallError::Unknown(format!(
                        "the data source answered with {}: {said}",
                        reply.status
                    ))),
                }
            }
            status => match serde_json::from_slice::<SourceFailure>(&reply.body) {
                Ok(failure) => Err(CallError::Refused(Box::new(failure), status)),
                Err(_) => Err(CallError::Unknown(format!(
                    "the data source answered with {status}, and no code"
                ))),
            },
        }
    }

    fn note<T>(&self, answer: &Result<T, CallError>) {
        let mut state = self.locked();
        let which = match answer {
            Ok(_) => 0,
            Err(CallError::Refused(..)) => 1,
            Err(_) => 2,
        };
        state.requests[which] += 1;
        match answer {
            Ok(_) | Err(CallError::Refused(..)) => {
                (state.failures, state.rests_until) = (0, None);
                state.last_success = Some(jiff::Timestamp::now());
            }
            Err(CallError::Unknown(error) | CallError::CircuitOpen(error)) => {
                state.failures += 1;
                state.last_error = Some((jiff::Timestamp::now(), error.clone()));
                if let Some(beyond) = state.failures.checked_sub(FAILURES) {
                    let [first, longest] = REST;
                    let rest = first.saturating_mul(1 << beyond.min(10)).min(longest);
                    state.rests_until = Some(Instant::now() + rest);
                }
            }
        }
    }

    /// How far behind the newest event was when it was read.
    pub(crate) fn behind(&self, happened: Option<u64>) {
        let now = jiff::Timestamp::now().as_millisecond();
        let lag =
            happened.and_then(|at| u64::try_from(now).ok()?.checked_sub(at)).unwrap_or_default();
        self.locked().lag = Some(Duration::from_millis(lag));
    }

    /// It has no outbox.
    pub(crate) fn without_events(&self) {
        self.locked().events = false;
    }

    /// Tells operators how it is.
    pub(crate) fn measure(&self, metrics: &Metrics) {
        let state = self.locked().clone();
        metrics.source(&self.organization, state.requests, state.lag, state.failures == 0);
    }

    /// As operators are shown it.
    pub(crate) fn shown(&self) -> Value {
        let state = self.locked().clone();
        let resting = state.rests_until.is_some_and(|until| until > Instant::now());
        json!({
            "object": "source",
            "organizationId": self.organization,
            "models": self.models,
            "status": if resting { "resting" } else if state.failures > 0 { "failing" } else { "ok" },
            "events": state.events,
            "lagMs": state.lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
            "lastSuccessAt": state.last_success.map(|at| format!("{at:.3}")),
            "lastErrorAt": state.last_error.as_ref().map(|(at, _)| format!("{at:.3}")),
            "lastError": state.last_error.as_ref().map(|(_, error)| error.clone()),
        })
    }
}
