//! Webhooks: the log is sent to registered endpoints, signed, in order and with retries
//! (docs/protocol/data-source.md §9).
//!
//! `deliver` sends due messages, `address` rejects private hosts. Positions and dead letters are
//! stored by `engine::webhooks`.

mod address;
mod deliver;

pub(crate) use address::check_url;
pub(crate) use deliver::start;

use std::time::Duration;

/// Options of webhook delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOptions {
    /// The delay before each attempt, counted from the attempt before. A message that fails all
    /// attempts becomes a dead letter.
    pub schedule: Vec<Duration>,
    /// The timeout of a request.
    pub timeout: Duration,
    /// The interval at which due messages are looked up.
    pub poll: Duration,
    /// Whether plain HTTP and private addresses are allowed. If customers register endpoints, this
    /// lets them send requests to internal services.
    pub private_hosts: bool,
}

impl Default for WebhookOptions {
    /// Eight attempts within almost 28 hours, a timeout of ten seconds, no private hosts.
    fn default() -> Self {
        let (minute, hour) = (60, 3600);
        let schedule = [0, 5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 10 * hour];
        Self {
            schedule: schedule.map(Duration::from_secs).to_vec(),
            timeout: Duration::from_secs(10),
            poll: Duration::from_millis(500),
            private_hosts: false,
        }
    }
}
