//! Stores for rows, the sync log, claims and credentials: one trait, implemented for SQLite and
//! PostgreSQL.
//!
//! Work is a closure over a transaction. It uses SQL that both databases accept ([`sql_template`])
//! and has no other side effects, because the store may run it again. Notifications that it sends
//! reach every process on the database after the commit.

mod ahead;
pub(crate) mod capture;
mod connection;
pub(crate) mod data_source;
mod epoch;
mod layout;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod queue;
pub(crate) mod rows;
pub mod sql_template;
#[cfg(feature = "sqlite")]
mod sqlite;
pub mod tables;
mod ticket;

pub use crate::value::Row;
pub use connection::{ColumnNames, Connection, Read, Record, Tx};
pub use epoch::{SchemaEpoch, SchemaJudge, SchemaVerdict};
#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use sql_template::{Dialect, ListTemplate, SqlTemplate};
#[cfg(feature = "sqlite")]
pub use sqlite::{BackupError, DbPath, Sqlite, backup};
pub use ticket::Ticket;

use crate::error::{EngineError, Result, StoreError};
use crate::limits::Limits;
use std::any::Any;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use ticket::{Caller, GivenUp};
use tokio::sync::{broadcast, oneshot};

/// A change that other parts of the coordinator may have to react to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Notification {
    /// The sync log has new deltas.
    #[serde(rename = "Log")]
    LogGrown {
        /// The organisation.
        organization: String,
    },
    /// The claims on a row have changed.
    #[serde(rename = "Claims")]
    ClaimsChanged {
        /// The organisation.
        organization: String,
        /// The key of the model.
        model: String,
        /// The row.
        row: String,
    },
    /// A connection was opened or closed, or its presence changed.
    #[serde(rename = "Presence")]
    PresenceChanged {
        /// The organisation.
        organization: String,
        /// The id of the connection.
        session: String,
    },
    /// A message from an application to its peers.
    #[serde(rename = "Relay")]
    PeerMessage {
        /// The organisation.
        organization: String,
        /// The id of the sending connection.
        session: String,
        /// The sync groups that may receive it.
        groups: std::collections::BTreeSet<String>,
        /// The frame as clients without envelopes read it.
        text: String,
        /// The kind and the id of the sender. Earlier coordinators do not send it.
        #[serde(default)]
        from: Option<(String, String)>,
    },
    /// A credential was revoked or expires earlier, and so does everything derived from it.
    #[serde(rename = "Revoked")]
    CredentialRevoked {
        /// Its id.
        capability: String,
    },
    /// Notifications may have been lost: every cache has to be refreshed.
    #[serde(rename = "Gap")]
    Lagged,
}

/// The tenant of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tenant {
    /// One organisation. Its writes are serialised.
    Organization(String),
    /// Data that belongs to no organisation, such as credentials.
    Global,
}

/// A unit of work that runs in a transaction, possibly more than once.
pub trait Work: Send {
    /// Runs the work. The transaction is rolled back on `Err`, and retried on
    /// [`StoreError::Contended`].
    ///
    /// # Errors
    ///
    /// Returns the reason for the rollback.
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError>;

    /// Receives the final outcome.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);

    /// Returns the work for [`Work::run_all`], if other work of its organisation may share its
    /// transaction. None of it may have an effect if it is refused.
    fn shareable(&mut self) -> Option<&mut dyn Any> {
        None
    }

    /// Runs this work, and then that of others, in one transaction. It is rolled back on `Err`, and
    /// each unit is run with fewer others then.
    ///
    /// # Errors
    ///
    /// Returns the reason for the rollback.
    fn run_all(
        &mut self,
        others: Vec<&mut dyn Any>,
        connection: &mut dyn Connection,
    ) -> Result<(), StoreError> {
        match others.is_empty() {
            true => self.run(connection),
            false => Err(StoreError::Fault("this work shares no transaction".to_owned())),
        }
    }
}

/// How work uses a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads and writes.
    Write,
    /// Reads from one snapshot, without blocking writers.
    Read,
}

/// A store.
pub trait Store: Send + Sync + 'static {
    /// Returns the SQL dialect.
    fn dialect(&self) -> Dialect;

    /// Runs work in a transaction of a tenant until its ticket is over.
    fn submit(&self, access: Access, tenant: Tenant, work: Box<dyn Work>, ticket: Arc<Ticket>);

    /// Returns the limits.
    fn limits(&self) -> &SharedLimits;

    /// Returns what the store knows about migrations of its tables.
    fn schema_epoch(&self) -> Option<&SchemaEpoch> {
        None
    }

    /// Subscribes to notifications.
    fn subscribe(&self) -> broadcast::Receiver<Notification>;

    /// Returns the time of the clock that [`Tx::now`] reads.
    fn now(&self) -> jiff::Timestamp;
}

/// The limits of a store, which the coordinator that uses it sets.
#[derive(Debug, Default)]
pub struct SharedLimits(RwLock<Limits>);

impl SharedLimits {
    /// Returns the limits.
    pub fn get(&self) -> Limits {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the limits.
    pub fn set(&self, limits: Limits) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }
}

/// How long a caller waits for the outcome of work that is being committed.
const COMMIT_TIME: Duration = Duration::from_secs(10);

impl dyn Store {
    /// Runs a closure in a write transaction.
    ///
    /// # Errors
    ///
    /// Returns the closure's error, or the error of the commit.
    pub async fn writing<T, F>(&self, tenant: Tenant, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let time = self.limits().get().write_time;
        self.within(time, Access::Write, tenant, job).await
    }

    /// Runs a closure in a read transaction.
    ///
    /// # Errors
    ///
    /// Returns the closure's error, or the error of the transaction.
    pub async fn reading<T, F>(&self, tenant: Tenant, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let time = self.limits().get().read_time;
        self.within(time, Access::Read, tenant, job).await
    }

    /// Runs a closure in a transaction. The work is stopped after this time, and when the returned
    /// future is dropped, unless it is being committed.
    ///
    /// # Errors
    ///
    /// Returns the closure's error, or the error of the transaction.
    pub async fn within<T, F>(
        &self,
        time: Duration,
        access: Access,
        tenant: Tenant,
        job: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let work = |reply| -> Box<dyn Work> { Box::new(Closure { job, reply }) };
        self.outcome_of(time, access, tenant, work).await
    }

    /// Runs work in a transaction and waits for its reply, as [`within`](Self::within) does.
    pub(crate) async fn outcome_of<T: Send + 'static>(
        &self,
        time: Duration,
        access: Access,
        tenant: Tenant,
        work: impl FnOnce(Reply<T>) -> Box<dyn Work>,
    ) -> Result<T> {
        let deadline = Instant::now() + time;
        let ticket = Arc::new(Ticket::new(deadline));
        let _caller = Caller(Arc::clone(&ticket));
        let (done, mut outcome) = oneshot::channel();
        let work = work(Reply { result: None, done });
        self.submit(access, tenant, work, Arc::clone(&ticket));
        let received = tokio::select! {
            biased;
            received = &mut outcome => received,
            () = until(deadline) => match ticket.give_up() {
                GivenUp::Waiting => return Err(StoreError::Overloaded.into()),
                GivenUp::Running => return Err(StoreError::TimedOut.into()),
                GivenUp::Committing => tokio::select! {
                    received = outcome => received,
                    () = until(deadline + COMMIT_TIME) => {
                        return Err(StoreError::unanswered_commit().into());
                    }
                },
            },
        };
        received.unwrap_or_else(|_| Err(closed()))
    }
}

/// Waits until a time of the machine's clock, also where a test pauses that of tokio: databases do
/// not pause.
async fn until(time: Instant) {
    loop {
        tokio::time::sleep_until(time.into()).await;
        if Instant::now() >= time {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn closed() -> EngineError {
    EngineError::Store(StoreError::Unavailable("the store is closed".to_owned()))
}

/// The result of work and the channel for it.
pub(crate) struct Reply<T> {
    result: Option<Result<T>>,
    done: oneshot::Sender<Result<T>>,
}

impl<T> Reply<T> {
    /// Keeps the result of a run. Returns whether the transaction may be committed.
    pub(crate) fn keep(&mut self, result: Result<T>) -> Result<(), StoreError> {
        let verdict = result.as_ref().map(drop).map_err(EngineError::rollback_reason);
        self.result = Some(result);
        verdict
    }

    /// Sends the result, or why it was rolled back.
    pub(crate) fn send(self, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            // A migration was committed meanwhile: it is the cause of the work's own error.
            (Err(moved @ StoreError::SchemaMoved(_)), _) => Err(moved.into()),
            // The work's own error says more than the rollback that it caused.
            (Err(_), Some(Err(failure))) => Err(failure),
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(closed()),
        };
        // The receiver may have been dropped.
        let _ = self.done.send(result);
    }
}

/// A closure as [`Work`].
struct Closure<T, F> {
    job: F,
    reply: Reply<T>,
}

impl<T, F> Work for Closure<T, F>
where
    T: Send,
    F: FnMut(&mut Tx<'_>) -> Result<T> + Send,
{
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError> {
        let result = (self.job)(&mut Tx::new(connection));
        self.reply.keep(result)
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.reply.send(outcome);
    }
}

/// A clock that starts at a given time and then only follows the monotonic clock of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: jiff::Timestamp,
    created: Instant,
}

impl Clock {
    /// Creates a clock that shows `start` now.
    #[must_use]
    pub fn starting_at(start: jiff::Timestamp) -> Self {
        Self { start, created: Instant::now() }
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        let elapsed = jiff::SignedDuration::try_from(self.created.elapsed())
            .unwrap_or(jiff::SignedDuration::ZERO);
        self.start.checked_add(elapsed).unwrap_or(self.start)
    }
}
