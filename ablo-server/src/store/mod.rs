//! Stores: where rows, the log, claims and credentials are kept. One trait, an embedded SQLite and PostgreSQL behind it.
//!
//! Work is a closure over a transaction. It says what it does in SQL that both databases take ([`text`]), and is run
//! again where the database asks for that, so that it changes nothing outside. What others should know is told in the
//! transaction and heard after its commit, by every process on that database.

#[cfg(feature = "postgres")]
mod postgres;
pub mod sql_template;
mod sqlite;

#[cfg(feature = "postgres")]
pub use postgres::Postgres;
pub use sql_template::{Dialect, SqlTemplate};
pub use sqlite::{DbPath, Sqlite};

use crate::error::{EngineError, Result, StoreError};
use crate::value::Cell;
use std::time::Instant;
use tokio::sync::{broadcast, oneshot};

/// A row of an answer.
pub type Row = Vec<Cell>;

/// A transaction.
pub trait Tx {
    /// Which SQL it takes.
    fn dialect(&self) -> Dialect;

    /// The time, from a clock that all processes on this database share and that does not jump.
    fn now(&self) -> jiff::Timestamp;

    /// Runs a query.
    ///
    /// # Errors
    /// What the database said.
    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement and gives the number of rows it changed.
    ///
    /// # Errors
    /// What the database said.
    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError>;

    /// Tells every process on this database, once the transaction is committed.
    ///
    /// # Errors
    /// What the database said.
    fn tell(&mut self, news: Notification) -> Result<(), StoreError>;
}

/// What happened, for whoever keeps something in memory that depends on it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Notification {
    /// The log of an organisation has grown.
    Log {
        /// Whose.
        organization: String,
    },
    /// The claims on a row have changed.
    Claims {
        /// Whose.
        organization: String,
        /// The key of the model.
        model: String,
        /// The row.
        row: String,
    },
    /// A participant came, went, or said something about itself.
    Presence {
        /// Whose.
        organization: String,
        /// The connection.
        session: String,
    },
    /// An application says something to its peers.
    Relay {
        /// Whose.
        organization: String,
        /// The connection that said it.
        session: String,
        /// Who may hear it.
        groups: std::collections::BTreeSet<String>,
        /// The frame.
        text: String,
    },
    /// A credential was taken back.
    Revoked {
        /// Its id.
        capability: String,
    },
    /// Something may have been missed: whoever keeps anything looks again.
    Gap,
}

/// Whose rows a transaction is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenant {
    /// One organisation's. Writers of one organisation follow each other.
    Of(String),
    /// What belongs to no organisation: credentials.
    Nobody,
}

/// A piece of work, run in a transaction, perhaps more than once.
pub trait Work: Send {
    /// Does it. On `Err` everything is undone; [`StoreError::Contended`] asks for another run.
    ///
    /// # Errors
    /// Why it cannot be committed.
    fn run(&mut self, tx: &mut dyn Tx) -> Result<(), StoreError>;

    /// Hears whether it is committed for good.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A store.
pub trait Store: Send + Sync + 'static {
    /// Which SQL it takes.
    fn dialect(&self) -> Dialect;

    /// Runs work that writes.
    fn write(&self, tenant: Tenant, work: Box<dyn Work>);

    /// Runs work that only reads, beside writers, on one state of the database.
    fn read(&self, tenant: Tenant, work: Box<dyn Work>);

    /// What happens from now on.
    fn news(&self) -> broadcast::Receiver<Notification>;

    /// The time, from the clock that [`Tx::now`] reads.
    fn now(&self) -> jiff::Timestamp;
}

impl dyn Store {
    /// Runs a closure in a transaction that writes.
    ///
    /// # Errors
    /// What the closure gave, or what the database said to its commit.
    pub async fn writing<T, F>(&self, tenant: Tenant, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.write(tenant, Box::new(Closure { job, result: None, done }));
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Runs a closure in a transaction that reads.
    ///
    /// # Errors
    /// What the closure gave, or what the database said.
    pub async fn reading<T, F>(&self, tenant: Tenant, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (done, outcome) = oneshot::channel();
        self.read(tenant, Box::new(Closure { job, result: None, done }));
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    thread.map(drop).map_err(|error| StoreError::Unavailable(error.to_string()))
}

fn closed() -> EngineError {
    EngineError::Store(StoreError::Unavailable("the store is closed".to_owned()))
}

/// A closure as work, with where its result goes.
struct Closure<T, F> {
    job: F,
    result: Option<Result<T>>,
    done: oneshot::Sender<Result<T>>,
}

impl<T, F> Work for Closure<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Tx) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        let result = (self.job)(tx);
        let verdict = match &result {
            Ok(_) => Ok(()),
            Err(EngineError::Store(error)) => Err(error.clone()),
            Err(EngineError::Refused(refusal)) => Err(StoreError::Fault(refusal.to_string())),
        };
        self.result = Some(result);
        verdict
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.result) {
            (Ok(()), Some(result)) => result,
            // A refusal is the closure's own answer, and better than that its transaction was undone.
            (Err(_), Some(Err(failure))) => Err(failure),
            (Err(error), _) => Err(error.into()),
            (Ok(()), None) => Err(closed()),
        };
        // Whoever asked may have gone away.
        let _ = self.done.send(result);
    }
}

/// A clock that starts right and never jumps, whatever happens to the one of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: jiff::Timestamp,
    at: Instant,
}

impl Clock {
    /// A clock that shows this now.
    #[must_use]
    pub fn starting(start: jiff::Timestamp) -> Self {
        Self { start, at: Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> jiff::Timestamp {
        let passed =
            jiff::SignedDuration::try_from(self.at.elapsed()).unwrap_or(jiff::SignedDuration::ZERO);
        self.start.checked_add(passed).unwrap_or(self.start)
    }
}
