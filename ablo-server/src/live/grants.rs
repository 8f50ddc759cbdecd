//! Grants of claims that wait until their client has the row.
//!
//! A client without `completeDeltas` applies a delta about 105 ms after it arrives and answers the
//! read after a grant from its memory: granted earlier, its write would be stale
//! (docs/protocol/differences.md A21).

use ablo_wire::ServerFrame;
use std::time::{Duration, Instant};

/// How long a grant waits for the acknowledgement of the row.
const MAX_DELAY: Duration = Duration::from_millis(250);

/// The grants of one connection that wait.
#[derive(Debug, Default)]
pub(super) struct Grants {
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    frame: ServerFrame,
    /// The sync id of the row's newest delta.
    newest: u64,
    until: Instant,
}

impl Grants {
    /// Adds a grant that waits for a sync id.
    pub(super) fn add(&mut self, frame: ServerFrame, newest: u64, now: Instant) {
        self.waiting.push(Waiting { frame, newest, until: now + MAX_DELAY });
    }

    /// Removes the grant of a claim that has ended.
    pub(super) fn remove(&mut self, claim: &str) {
        self.waiting.retain(|waiting| claim_of(&waiting.frame) != Some(claim));
    }

    /// Returns when the next grant is sent without an acknowledgement.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    /// Takes the grants whose rows are acknowledged, and those that have waited long enough.
    pub(super) fn take(&mut self, acknowledged: u64, now: Instant) -> Vec<ServerFrame> {
        let is_ready =
            |waiting: &mut Waiting| waiting.newest <= acknowledged || waiting.until <= now;
        self.waiting.extract_if(.., is_ready).map(|waiting| waiting.frame).collect()
    }
}

/// Returns the claim that a frame grants.
fn claim_of(frame: &ServerFrame) -> Option<&str> {
    match frame {
        ServerFrame::IntentAcquired(acquired) => Some(&acquired.intent_id),
        ServerFrame::IntentGranted(granted) => Some(&granted.intent_id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ablo_wire::IntentAcquired;

    fn grant(id: &str) -> ServerFrame {
        ServerFrame::IntentAcquired(IntentAcquired::new(id.to_owned()))
    }

    #[test]
    fn a_grant_waits_for_its_row_or_a_quarter_of_a_second() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        grants.add(grant("a"), 5, now);
        grants.add(grant("b"), 7, now);
        assert_eq!(grants.take(4, now).len(), 0);
        assert_eq!(grants.take(5, now).iter().filter_map(claim_of).collect::<Vec<_>>(), ["a"]);
        assert_eq!(grants.due(), Some(now + MAX_DELAY));
        assert_eq!(grants.take(5, now + MAX_DELAY).len(), 1);
        assert_eq!(grants.due(), None);
    }

    #[test]
    fn a_claim_that_ended_is_not_granted() {
        let (mut grants, now) = (Grants::default(), Instant::now());
        grants.add(grant("a"), 5, now);
        grants.remove("a");
        assert_eq!(grants.take(9, now + MAX_DELAY).len(), 0);
    }
}
