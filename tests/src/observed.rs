//! A store around another one, with a clock that a test sets and a record of all statements.

use ablo_server::error::StoreError;
use ablo_server::store::{
    Access, Connection, Dialect, Notification, Read, Record, Row, SharedLimits, Store, Tenant,
    Ticket, Work,
};
use ablo_server::value::Cell;
use jiff::{SignedDuration, Timestamp};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;

/// Values by the text of the statement.
pub type Statements = BTreeMap<String, Vec<Cell>>;

/// A store that a test observes.
pub struct Observed {
    store: Arc<dyn Store>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// By how many seconds the clock is ahead.
    ahead: AtomicI64,
    /// Whether notifications are lost.
    silent: AtomicBool,
    /// Whether the next reading of the clock outside of a transaction panics.
    panics: AtomicBool,
    log: Mutex<Vec<(String, Vec<Cell>)>>,
    messages: Mutex<Vec<Vec<Read>>>,
}

struct ObservedWork {
    work: Box<dyn Work>,
    state: Arc<State>,
}

struct ObservedConnection<'t> {
    connection: &'t mut dyn Connection,
    state: &'t State,
}

impl std::fmt::Debug for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observed").field("dialect", &self.store.dialect()).finish_non_exhaustive()
    }
}

impl State {
    fn shifted(&self, now: Timestamp) -> Timestamp {
        now + SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }

    fn record(&self, sql: &str, values: &[Cell]) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push((sql.to_owned(), values.to_vec()));
    }
}

impl Observed {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, state: Arc::default() })
    }

    /// Sets the clock ahead of the store's by this many seconds.
    pub fn set_ahead(&self, seconds: i64) {
        self.state.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Loses all notifications of this store's transactions from now on.
    pub fn lose_notifications(&self) {
        self.state.silent.store(true, Ordering::SeqCst);
    }

    /// Makes the next reading of the clock outside of a transaction panic.
    pub fn panic_once(&self) {
        self.state.panics.store(true, Ordering::SeqCst);
    }

    /// Returns whether no work is queued or running.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        Arc::strong_count(&self.state) == 1
    }

    /// Returns the statements since the last call, in order.
    pub fn take_log(&self) -> Vec<(String, Vec<Cell>)> {
        std::mem::take(&mut *self.state.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the queries that were sent in one message, for each message since the last call.
    pub fn take_messages(&self) -> Vec<Vec<Read>> {
        std::mem::take(&mut *self.state.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the distinct statements since the last call, each with the values of its last run.
    pub fn take_statements(&self) -> Statements {
        self.take_log().into_iter().collect()
    }

    fn work(&self, work: Box<dyn Work>) -> Box<dyn Work> {
        Box::new(ObservedWork { work, state: Arc::clone(&self.state) })
    }
}

impl Store for Observed {
    fn dialect(&self) -> Dialect {
        self.store.dialect()
    }

    fn submit(&self, access: Access, tenant: Tenant, work: Box<dyn Work>, ticket: Arc<Ticket>) {
        self.store.submit(access, tenant, self.work(work), ticket);
    }

    fn limits(&self) -> &SharedLimits {
        self.store.limits()
    }

    fn subscribe(&self) -> broadcast::Receiver<Notification> {
        self.store.subscribe()
    }

    fn now(&self) -> Timestamp {
        assert!(!self.state.panics.swap(false, Ordering::SeqCst), "as the test wishes");
        self.state.shifted(self.store.now())
    }
}

impl Work for ObservedWork {
    fn run(&mut self, connection: &mut dyn Connection) -> Result<(), StoreError> {
        self.work.run(&mut ObservedConnection { connection, state: &self.state })
    }

    fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
        self.work.finish(outcome);
    }

    fn shareable(&mut self) -> Option<&mut dyn Any> {
        self.work.shareable()
    }

    fn run_all(
        &mut self,
        others: Vec<&mut dyn Any>,
        connection: &mut dyn Connection,
    ) -> Result<(), StoreError> {
        self.work.run_all(others, &mut ObservedConnection { connection, state: &self.state })
    }
}

impl Connection for ObservedConnection<'_> {
    fn dialect(&self) -> Dialect {
        self.connection.dialect()
    }

    fn now(&self) -> Timestamp {
        self.state.shifted(self.connection.now())
    }

    fn query(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, StoreError> {
        self.state.record(sql, values);
        self.connection.query(sql, values)
    }

    fn records(&mut self, sql: &str, values: &[Cell]) -> Result<Vec<Record>, StoreError> {
        self.state.record(sql, values);
        self.connection.records(sql, values)
    }

    fn execute(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.state.record(sql, values);
        self.connection.execute(sql, values)
    }

    fn insert(&mut self, sql: &str, values: &[Cell]) -> Result<u64, StoreError> {
        self.state.record(sql, values);
        self.connection.insert(sql, values)
    }

    fn reads_ahead(&self) -> bool {
        self.connection.reads_ahead()
    }

    fn read_ahead(&mut self, reads: Vec<Read>) -> Result<(), StoreError> {
        let mut messages = self.state.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.push(reads.clone());
        drop(messages);
        self.connection.read_ahead(reads)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        self.connection.check()
    }

    fn notify(&mut self, notification: Notification) -> Result<(), StoreError> {
        match self.state.silent.load(Ordering::SeqCst) {
            true => Ok(()),
            false => self.connection.notify(notification),
        }
    }
}
