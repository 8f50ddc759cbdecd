//! The PostgreSQL store, which several processes can share.
//!
//! Threads with one connection each take work from two queues, in which organisations take turns.
//! Writers of one organisation follow each other; an advisory lock serialises them across
//! processes. A write that meets a lock of another program is run again later, so that it delays
//! nothing else.

mod cell;
mod clock;
mod constraints;
mod error;
mod listener;
mod session;
mod transaction;
mod worker;

use super::queue::{Job, Queue, Share};
use super::{
    Access, Dialect, Notification, SchemaEpoch, SharedLimits, Store, Tenant, Ticket, Work,
};
use crate::error::StoreError;
use crate::store::layout;
use ablo_codegen::emit::sql::LayoutProgram;
use ablo_codegen::emit::sql::postgres::{self, PostgresOptions, Provision};
use ablo_schema::Schema;
use clock::ServerClock;
use session::{Address, Session};
use std::sync::Arc;
use tokio::sync::broadcast;
use worker::Worker;

/// Number of writer threads.
const WRITER_THREADS: usize = 4;
/// Number of reader threads.
const READER_THREADS: usize = 4;
/// How much of the readers one organisation may use.
const READERS: Share = Share { running: READER_THREADS - 1, global: usize::MAX };
/// The writers of one organisation follow each other.
const WRITERS: Share = Share { running: 1, global: 1 };
/// Number of notifications that a receiver may lag behind before it loses some.
const NOTIFICATION_BUFFER: usize = 4096;

/// The PostgreSQL store.
#[derive(Debug)]
pub struct Postgres {
    writers: Arc<Queue>,
    readers: Arc<Queue>,
    limits: Arc<SharedLimits>,
    epoch: Arc<SchemaEpoch>,
    notifications: broadcast::Sender<Notification>,
    clock: Arc<ServerClock>,
    /// The listener stops when this is dropped.
    _alive: Arc<()>,
}

/// The tables that a store needs.
struct Tables {
    /// The coordinator's own, unless the database is an application's.
    layout: Option<LayoutProgram>,
    tables: Option<Provision>,
}

fn wrong(error: ablo_codegen::OptionError) -> StoreError {
    StoreError::Fault(error.message)
}

fn locate(address: &str, options: &PostgresOptions) -> Result<Address, StoreError> {
    Ok(Address { url: address.to_owned(), schema: options.schema_name().map_err(wrong)? })
}

impl Postgres {
    /// Opens a database, brings the coordinator's own tables to the newest layout, and creates
    /// missing tables of models. `address` is a libpq connection string. The store holds up to nine
    /// connections. The role only has to own the tables; row security applies to it, too.
    ///
    /// ```no_run
    /// use ablo_codegen::emit::sql::postgres::PostgresOptions;
    /// use ablo_server::store::{Postgres, Store as _};
    ///
    /// # fn open(schema: &ablo_schema::Schema) -> Result<(), ablo_server::error::StoreError> {
    /// let address = "postgres://ablo@localhost/app?sslmode=verify-full";
    /// let store = Postgres::open(address, schema, &PostgresOptions::default())?;
    /// println!("time on the server: {}", store.now());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the address or the options are invalid, the server is unreachable, or a
    /// table cannot be created, and [`StoreError::NewerLayout`] if the layout of the tables needs a
    /// newer coordinator.
    pub fn open(
        address: &str,
        schema: &Schema,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let layout = postgres::layout(options).map_err(wrong)?;
        let tables = postgres::provision(schema, options).map_err(wrong)?;
        Self::open_with(
            locate(address, options)?,
            Tables { layout: Some(layout), tables: Some(tables) },
        )
    }

    /// Opens a database whose tables of models exist, and brings the coordinator's own tables to
    /// the newest layout. Nothing else is created or changed.
    ///
    /// # Errors
    ///
    /// As [`Postgres::open`].
    pub fn open_existing(address: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        let layout = postgres::layout(options).map_err(wrong)?;
        Self::open_with(locate(address, options)?, Tables { layout: Some(layout), tables: None })
    }

    /// Checks that this coordinator can use a database, and changes nothing. Blocks the thread,
    /// which must not be one of an asynchronous runtime.
    ///
    /// # Errors
    ///
    /// As [`Postgres::open`].
    pub fn check_layout(address: &str, options: &PostgresOptions) -> Result<(), StoreError> {
        let layout = postgres::layout(options).map_err(wrong)?;
        layout::check(&mut Session::open(&locate(address, options)?)?, &layout)
    }

    /// Opens an application's database and creates the ledger and the outbox of a data source in
    /// the schema that the options name.
    ///
    /// # Errors
    ///
    /// As [`Postgres::open`].
    pub fn open_data_source(address: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        let tables = postgres::source(options).map_err(wrong)?;
        Self::open_with(locate(address, options)?, Tables { layout: None, tables: Some(tables) })
    }

    fn open_with(address: Address, tables: Tables) -> Result<Self, StoreError> {
        let (clock, alive) = (Arc::new(ServerClock::default()), Arc::new(()));
        let (notifications, _) = broadcast::channel(NOTIFICATION_BUFFER);
        listener::start(&address, tables, &clock, &notifications, Arc::downgrade(&alive))?;
        let store = Self {
            writers: Arc::new(Queue::new(WRITERS)),
            readers: Arc::new(Queue::new(READERS)),
            limits: Arc::default(),
            epoch: Arc::default(),
            notifications,
            clock,
            _alive: alive,
        };
        for at in 0..WRITER_THREADS + READER_THREADS {
            let (name, access, queue) = match at < WRITER_THREADS {
                true => ("ablo-writer", Access::Write, Arc::clone(&store.writers)),
                false => ("ablo-reader", Access::Read, Arc::clone(&store.readers)),
            };
            let (clock, limits) = (Arc::clone(&store.clock), Arc::clone(&store.limits));
            let epoch = Arc::clone(&store.epoch);
            let mut worker = Worker::new(access, address.clone(), clock, (limits, epoch));
            super::spawn(name, move || worker.work(&queue))?;
        }
        Ok(store)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.writers.close();
        self.readers.close();
    }
}

impl Store for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn submit(&self, access: Access, tenant: Tenant, work: Box<dyn Work>, ticket: Arc<Ticket>) {
        let limits = self.limits.get();
        let queue = match access {
            Access::Write => &self.writers,
            Access::Read => &self.readers,
        };
        let job = Job::new(tenant, work, ticket);
        queue.push(job, (limits.waiting_work, limits.waiting_work_total));
    }

    fn limits(&self) -> &SharedLimits {
        &self.limits
    }

    fn schema_epoch(&self) -> Option<&SchemaEpoch> {
        Some(&self.epoch)
    }

    fn subscribe(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}
