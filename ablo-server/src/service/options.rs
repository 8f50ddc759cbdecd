//! Options of a coordinator.

use super::source::SourceOptions;
use super::webhooks::WebhookOptions;
use crate::engine::credentials::Mode;
use crate::limits::Limits;
use jiff::Timestamp;
use std::time::Duration;

/// Options of a coordinator.
#[derive(Clone, Debug)]
pub struct CoordinatorOptions {
    /// Whether the database holds test or live data.
    pub mode: Mode,
    /// The limits of what clients may use.
    pub limits: Limits,
    /// How long the key of an operation is kept, so that the operation is applied once however
    /// often it is sent.
    pub key_retention: Duration,
    /// How long the sync log of an organisation is kept. Its newest entry is kept forever.
    pub log_retention: Duration,
    /// The data sources of organisations whose own database stays canonical.
    pub sources: Vec<SourceOptions>,
    /// Options of webhook delivery.
    pub webhooks: WebhookOptions,
}

/// How long the key of an operation is kept by default.
const KEY_RETENTION: Duration = Duration::from_hours(90 * 24);

/// How long the sync log is kept by default.
const LOG_RETENTION: Duration = Duration::from_hours(30 * 24);

/// How long the past is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The keys of operations. Never shorter than the log.
    pub keys: Duration,
    /// The sync log.
    pub log: Duration,
}

impl CoordinatorOptions {
    /// Returns how long the past is kept.
    #[must_use]
    pub fn retention(&self) -> Retention {
        let log = self.log_retention;
        Retention { keys: self.key_retention.max(log), log }
    }
}

/// Returns the time this long before another one.
pub(super) fn before(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}

impl Default for CoordinatorOptions {
    fn default() -> Self {
        Self {
            mode: Mode::Test,
            limits: Limits::default(),
            key_retention: KEY_RETENTION,
            log_retention: LOG_RETENTION,
            sources: Vec::new(),
            webhooks: WebhookOptions::default(),
        }
    }
}
