//! A worker: runs work in transactions on its own connection and reconnects. Contended work returns
//! to the queue, so that other work goes on.

use super::super::epoch::{NEWEST, SchemaEpoch};
use super::super::queue::{Job, Queue, begin_shared};
use super::super::{Access, Notification, SharedLimits, Tenant, Ticket};
use super::clock::ServerClock;
use super::constraints::Constraints;
use super::listener::CHANNEL;
use super::session::{Address, Bound, Session, literal};
use super::transaction::Transaction;
use crate::error::StoreError;
use ablo_wire::Backoff;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum number of runs of contended work.
const MAX_RUNS: u32 = 6;
/// Delays between runs of work: the first, doubled up to the last.
const RETRY: [Duration; 2] = [Duration::from_millis(8), Duration::from_millis(512)];
/// How long a write waits for a lock, in its first and in later runs, before it lets others go on.
/// During this time it delays the other writers of its organisation.
const LOCK_TRIES: [&str; 2] = ["50ms", "10ms"];
/// The time for a commit, which is not cancelled.
const COMMIT_TIME: Duration = Duration::from_secs(10);
/// Delays between attempts to connect.
const RECONNECT: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// Maximum size of a notification; PostgreSQL accepts fewer than 8000 bytes.
const MAX_NOTIFICATION_BYTES: usize = 7_900;

/// A worker with its connection.
pub(super) struct Worker {
    access: Access,
    address: Address,
    clock: Arc<ServerClock>,
    limits: Arc<SharedLimits>,
    epoch: Arc<SchemaEpoch>,
    session: Option<Session>,
    /// Missing before the first write, and after a violation of an unknown constraint.
    constraints: Option<Constraints>,
    /// The earliest time to reconnect.
    reconnect_at: Option<Instant>,
    reconnect: Backoff,
}

impl Worker {
    /// Creates a worker that connects when needed.
    pub(super) fn new(
        access: Access,
        address: Address,
        clock: Arc<ServerClock>,
        (limits, epoch): (Arc<SharedLimits>, Arc<SchemaEpoch>),
    ) -> Self {
        Self {
            access,
            address,
            clock,
            limits,
            epoch,
            session: None,
            constraints: None,
            reconnect_at: None,
            reconnect: RECONNECT,
        }
    }

    /// Runs the work of a queue until it is closed.
    pub(super) fn work(&mut self, queue: &Queue) {
        while let Some(job) = queue.next() {
            let tenant = job.tenant.clone();
            let mut set = vec![job];
            let outcome = self.run_once(queue, &mut set);
            let is_lost = matches!(outcome, Err(StoreError::Unavailable(_)));
            if outcome.is_err() && !is_lost && set.len() > 1 {
                tracing::debug!(?outcome, "a set of commits is run in halves");
                queue.put_back(smaller(set, &outcome));
                queue.done(&tenant);
                continue;
            }
            queue.done(&tenant);
            for mut job in set {
                match self.retry_at(&mut job, &outcome) {
                    Some(at) => queue.push_later(job, at),
                    None => job.work.finish(outcome.clone()),
                }
            }
        }
    }

    /// Returns when the work is run again, if it is contended and there is time left.
    fn retry_at(&self, job: &mut Job, outcome: &Result<(), StoreError>) -> Option<Instant> {
        let limits = self.limits.get();
        let until = match outcome {
            Err(StoreError::Contended(_)) if job.runs + 1 < MAX_RUNS => job.ticket.deadline(),
            // The rest of the time of a write is left to those that wait for no lock.
            Err(StoreError::Locked(_)) => {
                let spare = limits.write_time.saturating_sub(limits.lock_time);
                job.ticket.deadline().checked_sub(spare)?
            }
            _ => return None,
        };
        let delay = RETRY[0].saturating_mul(1 << job.runs.min(16)).min(RETRY[1]);
        job.runs += 1;
        let at = Instant::now() + delay;
        (at < until && job.ticket.wait_again()).then_some(at)
    }

    /// Runs the only unit of a set, and those that may share its transaction, which it adds to the
    /// set: all that wait when the transaction begins, and all that arrive in the meantime.
    fn run_once(&mut self, queue: &Queue, set: &mut Vec<Job>) -> Result<(), StoreError> {
        let Some(first) = set.first_mut().filter(|first| first.ticket.begin()) else {
            return Err(StoreError::TimedOut);
        };
        let mut begin = begin(self.access, &first.tenant, first.runs)?;
        if self.epoch.is_watched() {
            begin = format!("{begin}; {NEWEST}");
        }
        let clock = Arc::clone(&self.clock);
        let ticket = Arc::clone(&first.ticket);
        let shares = self.access == Access::Write && first.is_shareable();
        let (mut session, entry) = self.begin_session(&begin, &ticket)?;
        let mut transaction = Transaction::new(&mut session, &clock, self.constraints.as_ref());
        let outcome = match (self.epoch.admit(entry), shares) {
            (Err(moved), _) => Err(moved),
            (Ok(()), true) => run_shared(queue, set, &mut transaction),
            (Ok(()), false) => run_all(set, &mut transaction),
        };
        let Transaction { notifications, later, failed, unknown_constraint, .. } = transaction;
        if unknown_constraint {
            self.constraints = None;
        }
        // After an error the server turns COMMIT into a silent ROLLBACK.
        let outcome = outcome.and_then(|()| failed.map_or(Ok(()), Err));
        // If the connection is lost here, the outcome is unknown. A commit that is sent again gets
        // its receipt.
        let outcome = outcome.and_then(|()| {
            if !set.iter().all(|job| job.ticket.begin_commit()) {
                return Err(StoreError::TimedOut);
            }
            session.bound = Bound::Until(Instant::now() + COMMIT_TIME);
            match session.finish(&later, &commit(&notifications)?) {
                Err(StoreError::TimedOut) => Err(StoreError::unanswered_commit()),
                outcome => outcome,
            }
        });
        // A connection to a standby is replaced: another host of the address may accept writes.
        let is_lost = matches!(outcome, Err(StoreError::Unavailable(_)));
        let usable = outcome.is_ok() || !is_lost && session.batch("ROLLBACK").is_ok();
        if let Err(StoreError::Contended(_)) = outcome {
            session.clear_statements();
        }
        let outcome = outcome.map_err(|error| self.cause(error, &mut session));
        session.bound = Bound::None;
        self.session = Some(session).filter(|session| usable && !session.is_lost());
        outcome
    }

    /// Returns why work failed: if a migration was committed while it ran, that.
    fn cause(&self, error: StoreError, session: &mut Session) -> StoreError {
        if !matches!(error, StoreError::Fault(_)) || !self.epoch.is_watched() {
            return error;
        }
        match session.last_number(NEWEST).and_then(|entry| self.epoch.admit(entry)) {
            Err(moved @ StoreError::SchemaMoved(_)) => moved,
            _ => error,
        }
    }

    /// Returns a session with an open transaction, and the number that `begin` returns last.
    /// Nothing has been sent yet, so a lost connection is simply replaced.
    fn begin_session(
        &mut self,
        begin: &str,
        ticket: &Arc<Ticket>,
    ) -> Result<(Session, i64), StoreError> {
        if let Some(mut session) = self.session.take() {
            session.bound = Bound::Ticket(Arc::clone(ticket));
            self.load_constraints(&mut session);
            match session.begin(begin) {
                Ok(entry) => return Ok((session, entry)),
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut session = self.connect(ticket)?;
        self.load_constraints(&mut session);
        let entry = session.begin(begin)?;
        Ok((session, entry))
    }

    /// Loads the constraints if needed. Without them, errors name no fields.
    fn load_constraints(&mut self, session: &mut Session) {
        if self.access == Access::Write && self.constraints.is_none() {
            match Constraints::load(session) {
                Ok(constraints) => self.constraints = Some(constraints),
                Err(error) => tracing::debug!(%error, "could not load the constraints"),
            }
        }
    }

    /// Connects, unless the last attempt failed a moment ago.
    fn connect(&mut self, ticket: &Arc<Ticket>) -> Result<Session, StoreError> {
        if self.reconnect_at.is_some_and(|at| Instant::now() < at) {
            return Err(StoreError::Unavailable(
                "the server was unreachable a moment ago".to_owned(),
            ));
        }
        let opened = Session::open_for_work(&self.address, ticket);
        self.reconnect_at = match &opened {
            Ok(_) => {
                self.reconnect.reset();
                None
            }
            Err(_) => Some(Instant::now() + self.reconnect.fail()),
        };
        opened
    }
}

/// Returns the units of a set that failed, to be run in smaller sets: alone if one of them waits
/// for a lock, because each set with that unit would wait for it.
fn smaller(mut set: Vec<Job>, outcome: &Result<(), StoreError>) -> Vec<Job> {
    let most = match outcome {
        Err(StoreError::Locked(_)) => 1,
        _ => set.len().div_ceil(2),
    };
    for job in &mut set {
        job.ticket.wait_again();
        job.most = most;
    }
    set
}

/// Runs a unit and those that wait and may share its transaction, until none waits.
fn run_shared(
    queue: &Queue,
    set: &mut Vec<Job>,
    transaction: &mut Transaction<'_>,
) -> Result<(), StoreError> {
    let mut done = 0;
    loop {
        join(queue, set)?;
        match set.get_mut(done..) {
            Some(new) if !new.is_empty() => run_all(new, transaction)?,
            _ => return Ok(()),
        }
        done = set.len();
    }
}

/// Adds the work that waits to a set. From then on no caller stops the set, but the caller of its
/// first unit may have done so before.
fn join(queue: &Queue, set: &mut Vec<Job>) -> Result<(), StoreError> {
    let Some(first) = set.first() else { return Ok(()) };
    let mut joining = queue.take_shareable(first, set.len());
    if !joining.is_empty() && set.len() == 1 && !first.ticket.begin_commit() {
        queue.put_back(joining);
        return Err(StoreError::TimedOut);
    }
    begin_shared(&mut joining).into_iter().for_each(|job| job.refuse(StoreError::TimedOut));
    set.extend(joining);
    Ok(())
}

/// Runs the units of a set.
fn run_all(set: &mut [Job], transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
    let Some((first, others)) = set.split_first_mut() else { return Ok(()) };
    let others = others.iter_mut().filter_map(|job| job.work.shareable()).collect();
    first.work.run_all(others, transaction)
}

/// Returns the statements that begin a transaction, sent as one message.
fn begin(access: Access, tenant: &Tenant, runs: u32) -> Result<String, StoreError> {
    let level = match access {
        Access::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    let Tenant::Organization(organization) = tenant else { return Ok(level.to_owned()) };
    let organization = literal(organization)?;
    let lock = match access {
        // Serialises the writers of an organisation across processes. A delta gets its sync id when
        // it is inserted and becomes visible when it is committed; the lock keeps both orders the
        // same. The engine relies on this.
        Access::Write => format!(
            "; SELECT pg_advisory_xact_lock(hashtextextended('ablo ' || {organization}, 0)); \
             SET LOCAL lock_timeout = '{}'",
            LOCK_TRIES[usize::from(runs > 0)]
        ),
        Access::Read => String::new(),
    };
    Ok(format!("{level}; SET LOCAL app.current_org_id = {organization}{lock}"))
}

/// Returns the statements that send the notifications and commit, sent as one message.
fn commit(notifications: &[Notification]) -> Result<String, StoreError> {
    let mut out = String::new();
    for notification in notifications {
        let long = |text: &String| text.len() > MAX_NOTIFICATION_BYTES;
        let text = json(notification)
            .and_then(|text| if long(&text) { json(&Notification::Lagged) } else { Ok(text) })?;
        out.push_str(&format!("SELECT pg_notify('{CHANNEL}', {}); ", literal(&text)?));
    }
    out.push_str("COMMIT");
    Ok(out)
}

fn json(notification: &Notification) -> Result<String, StoreError> {
    serde_json::to_string(notification).map_err(|error| StoreError::Fault(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organization_names_are_escaped() {
        let hostile = Tenant::Organization("a'; DROP TABLE t; --".to_owned());
        let read = begin(Access::Read, &hostile, 0).expect("the name is a valid literal");
        assert_eq!(
            read,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.current_org_id = 'a''; \
             DROP TABLE t; --'"
        );
    }

    #[test]
    fn oversized_notifications_become_lagged() {
        let organization = "o".repeat(8000);
        assert_eq!(
            commit(&[Notification::LogGrown { organization }]).as_deref(),
            Ok("SELECT pg_notify('ablo', '\"Gap\"'); COMMIT")
        );
    }
}
