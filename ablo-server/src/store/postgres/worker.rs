//! One worker's way to the server: a piece of work comes in, is run in a transaction, again where it was in another's way, and what
//! became of it goes out. A connection that is lost is opened again.

use super::super::{Dialect, Notification, Row, Tenant, Tx, Work};
use super::clock::ServerClock;
use super::listener::CHANNEL;
use super::session::{Address, Session, literal};
use crate::error::StoreError;
use crate::value::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often work is run that is in the way of other work.
const ATTEMPTS: u32 = 6;
/// How long to wait before the second run; each wait is twice as long.
const PAUSE: Duration = Duration::from_millis(4);
/// How long to leave a server alone that could not be reached, at first and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];
/// Bytes of a notification, of which PostgreSQL takes fewer than 8000.
const MAX_NOTIFICATION_BYTES: usize = 7_900;

/// What work does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It changes rows.
    Write,
    /// It looks at rows, all in one state of the database.
    Read,
}

/// A way to the server.
pub(super) struct Link {
    mode: Mode,
    address: Address,
    clock: Arc<ServerClock>,
    session: Option<Session>,
    /// When to call a server again that could not be reached, and how long to wait the next time.
    retry: Option<(Instant, Duration)>,
}

impl Link {
    /// A way that is opened when it is needed.
    pub(super) fn new(mode: Mode, address: Address, clock: Arc<ServerClock>) -> Self {
        Self { mode, address, clock, session: None, retry: None }
    }

    /// Runs work until it is committed, refused, or was in the way too often.
    pub(super) fn run(&mut self, tenant: &Tenant, work: &mut dyn Work) -> Result<(), StoreError> {
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            match self.run_once(tenant, work) {
                Err(StoreError::Contended(_)) => std::thread::sleep(pause),
                outcome => return outcome,
            }
            pause *= 2;
        }
        self.run_once(tenant, work)
    }

    fn run_once(&mut self, tenant: &Tenant, work: &mut dyn Work) -> Result<(), StoreError> {
        let (begin, clock) = (begin(self.mode, tenant)?, Arc::clone(&self.clock));
        let mut session = self.begun(&begin)?;
        let mut transaction =
            Transaction { session: &mut session, clock: &clock, news: Vec::new(), failed: None };
        let outcome = work.run(&mut transaction);
        let Transaction { news, failed, .. } = transaction;
        // Work that went on after a failure has nothing to commit: the server would roll back and call it success.
        let outcome = outcome.and_then(|()| failed.map_or(Ok(()), Err));
        // Where the connection breaks here nobody knows what became of it; a commit that is sent again is answered with its receipt.
        let outcome = outcome.and_then(|()| session.batch(&commit(&news)?));
        let usable = outcome.is_ok() || session.batch("ROLLBACK").is_ok();
        if let Err(StoreError::Contended(_)) = outcome {
            session.forget();
        }
        self.session = Some(session).filter(|session| usable && !session.is_lost());
        outcome
    }

    /// A session with a transaction in it. Nothing was sent yet, so that a connection which turns out to be lost is opened again.
    fn begun(&mut self, begin: &str) -> Result<Session, StoreError> {
        if let Some(mut session) = self.session.take() {
            match session.batch(begin) {
                Ok(()) => return Ok(session),
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let mut session = self.open()?;
        session.batch(begin)?;
        Ok(session)
    }

    /// Calls the server, unless that failed a moment ago.
    fn open(&mut self) -> Result<Session, StoreError> {
        if let Some((at, _)) = self.retry
            && Instant::now() < at
        {
            return Err(StoreError::Unavailable(
                "the server could not be reached a moment ago".to_owned(),
            ));
        }
        let opened = Session::open(&self.address);
        self.retry = opened.is_err().then(|| {
            let [first, longest] = RETRY;
            let wait = self.retry.map_or(first, |(_, wait)| wait);
            (Instant::now() + wait, (wait * 2).min(longest))
        });
        opened
    }
}

/// The beginning of a transaction, in one message.
fn begin(mode: Mode, tenant: &Tenant) -> Result<String, StoreError> {
    let level = match mode {
        Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        Mode::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    };
    let Tenant::Of(organization) = tenant else { return Ok(level.to_owned()) };
    let organization = literal(organization)?;
    let lock = match mode {
        // Writers of one organisation follow each other, in all processes: an entry of the log gets its number when it is written and is
        // seen when it is committed, and only so do numbers come in sight in their order. The engine relies on it, nothing else may.
        Mode::Write => format!(
            "; SELECT pg_advisory_xact_lock(hashtextextended('ablo ' || {organization}, 0))"
        ),
        Mode::Read => String::new(),
    };
    Ok(format!("{level}; SET LOCAL app.current_org_id = {organization}{lock}"))
}

/// The end of a transaction with what it tells, in one message.
fn commit(news: &[Notification]) -> Result<String, StoreError> {
    let mut out = String::new();
    for news in news {
        let long = |text: &String| text.len() > MAX_NOTIFICATION_BYTES;
        let text = json(news)
            .and_then(|text| if long(&text) { json(&Notification::Gap) } else { Ok(text) })?;
        out.push_str(&format!("SELECT pg_notify('{CHANNEL}', {}); ", literal(&text)?));
    }
    out.push_str("COMMIT");
    Ok(out)
}

fn json(news: &Notification) -> Result<String, StoreError> {
    serde_json::to_string(news).map_err(|error| StoreError::Fault(error.to_string()))
}

struct Transaction<'s> {
    session: &'s mut Session,
    clock: &'s ServerClock,
    news: Vec<Notification>,
    /// The first failure, after which the server takes nothing but a rollback.
    failed: Option<StoreError>,
}

impl Transaction<'_> {
    fn noted<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome {
            self.failed.get_or_insert_with(|| error.clone());
        }
        outcome
    }
}

impl Tx for Transaction<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        let outcome = self.session.query(sql, values);
        self.noted(outcome)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        let outcome = self.session.execute(sql, values);
        self.noted(outcome)
    }

    fn tell(&mut self, news: Notification) -> Result<(), StoreError> {
        if !self.news.contains(&news) {
            self.news.push(news);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_organisations_stay_in_their_literals() {
        let hostile = Tenant::Of("a'; DROP TABLE t; --".to_owned());
        let read = begin(Mode::Read, &hostile).expect("a statement");
        assert_eq!(
            read,
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL app.current_org_id = 'a''; DROP TABLE t; --'"
        );
    }

    #[test]
    fn news_that_are_too_long_are_a_gap() {
        let organization = "o".repeat(8000);
        assert_eq!(
            commit(&[Notification::Log { organization }]).as_deref(),
            Ok("SELECT pg_notify('ablo', '\"Gap\"'); COMMIT")
        );
    }
}
