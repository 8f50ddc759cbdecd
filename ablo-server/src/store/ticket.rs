//! The state of a unit of work, shared by its caller and the thread that runs it.

use std::sync::Arc;
use std::time::Instant;
use tokio::sync::watch;

/// How far a unit of work has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Committing,
    Cancelled,
}

/// The state in which a caller gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The work never began.
    Waiting,
    /// The work is stopped and changes nothing.
    Running,
    /// Too late: the outcome is about to be known.
    Committing,
}

/// The state of a unit of work. Exactly one of the caller's `give_up` and the thread's
/// `begin_commit` succeeds, so refused work is never committed.
#[derive(Debug)]
pub struct Ticket {
    phase: watch::Sender<Phase>,
    deadline: Instant,
}

impl Ticket {
    pub(super) fn new(deadline: Instant) -> Self {
        Self { phase: watch::channel(Phase::Waiting).0, deadline }
    }

    /// Returns when the work has to be done.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL retries"))]
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Marks the work as running. Returns whether it is still wanted.
    pub(super) fn begin(&self) -> bool {
        if Instant::now() >= self.deadline {
            self.give_up();
        }
        self.advance(Phase::Running)
    }

    /// Marks the work as waiting for another run.
    pub(super) fn wait_again(&self) -> bool {
        self.advance(Phase::Waiting)
    }

    /// Marks the work as being committed. Returns whether it is still wanted.
    pub(super) fn begin_commit(&self) -> bool {
        self.advance(Phase::Committing)
    }

    fn advance(&self, next: Phase) -> bool {
        let mut wanted = false;
        self.phase.send_modify(|phase| {
            wanted = *phase != Phase::Cancelled;
            if wanted {
                *phase = next;
            }
        });
        wanted
    }

    /// Stops the work, unless it is being committed.
    pub(super) fn give_up(&self) -> GivenUp {
        let mut outcome = GivenUp::Waiting;
        self.phase.send_if_modified(|phase| {
            outcome = match phase {
                Phase::Waiting => GivenUp::Waiting,
                Phase::Running | Phase::Cancelled => GivenUp::Running,
                Phase::Committing => GivenUp::Committing,
            };
            let stops = matches!(phase, Phase::Waiting | Phase::Running);
            if stops {
                *phase = Phase::Cancelled;
            }
            stops
        });
        outcome
    }

    /// Returns whether the work has to stop.
    pub(super) fn is_over(&self) -> bool {
        *self.phase.borrow() == Phase::Cancelled || Instant::now() >= self.deadline
    }

    /// Waits until the work has to stop.
    #[cfg(feature = "postgres")]
    pub(super) async fn over(&self) {
        let mut phase = self.phase.subscribe();
        tokio::select! {
            // Fails only without a sender, which this is.
            _ = phase.wait_for(|phase| *phase == Phase::Cancelled) => {}
            () = tokio::time::sleep_until(self.deadline.into()) => {}
        }
    }
}

/// Gives up the work of a ticket when the caller is dropped, such as when a client leaves.
pub(super) struct Caller(pub(super) Arc<Ticket>);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ticket() -> Ticket {
        Ticket::new(Instant::now() + Duration::from_secs(60))
    }

    #[test]
    fn refused_work_is_never_committed() {
        let ticket = ticket();
        assert!(ticket.begin());
        assert_eq!(ticket.give_up(), GivenUp::Running);
        assert!(ticket.is_over() && !ticket.begin_commit());
    }

    #[test]
    fn work_that_is_being_committed_is_not_given_up() {
        let ticket = ticket();
        assert!(ticket.begin() && ticket.begin_commit());
        assert_eq!(ticket.give_up(), GivenUp::Committing);
        assert!(ticket.wait_again(), "a commit that failed can be tried again");
        assert_eq!(ticket.give_up(), GivenUp::Waiting);
    }

    #[test]
    fn work_past_its_deadline_does_not_begin() {
        assert!(!Ticket::new(Instant::now()).begin());
    }
}
