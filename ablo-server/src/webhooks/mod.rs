//! Webhooks: the log goes out to whoever registered for it, signed, in order, again until it is taken (docs/protocol/data-source.md §9).
//!
//! `deliver` is what each process does about what is due, `address` says to whom nothing is sent. Places and letters are in
//! `engine::webhooks`.

mod address;
mod deliver;

pub(crate) use address::check;
pub(crate) use deliver::start;

use std::time::Duration;

/// How webhooks go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookOptions {
    /// How long after the attempt before each attempt is made; after the last one a message is given up on.
    pub schedule: Vec<Duration>,
    /// How long an answer may take.
    pub within: Duration,
    /// How often is looked for what is due.
    pub poll: Duration,
    /// Whether plain HTTP, and hosts that only this network reaches, are called too. Where customers register endpoints, that would let
    /// them call services that are nobody's business.
    pub private_hosts: bool,
}

impl Default for WebhookOptions {
    /// Eight attempts, the last one almost 29 hours after the first; ten seconds each; no private hosts.
    fn default() -> Self {
        let (minute, hour) = (60, 3600);
        let schedule = [0, 5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 10 * hour];
        Self {
            schedule: schedule.map(Duration::from_secs).to_vec(),
            within: Duration::from_secs(10),
            poll: Duration::from_millis(500),
            private_hosts: false,
        }
    }
}
