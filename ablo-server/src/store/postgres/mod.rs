//! The PostgreSQL store, which several processes can share.
//!
//! Threads with one connection each take work from channels. All writes of an organisation go to
//! the same thread, so that one busy organisation does not block the others; an advisory lock
//! serialises them across processes.

mod cell;
mod clock;
mod constraints;
mod error;
mod listener;
mod session;
mod worker;

use super::{Dialect, Notification, Store, Tenant, Work};
use crate::error::StoreError;
use crate::store::layout;
use ablo_codegen::emit::sql::LayoutProgram;
use ablo_codegen::emit::sql::postgres::{self, PostgresOptions, Provision};
use ablo_schema::Schema;
use clock::ServerClock;
use session::{Address, Session};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::broadcast;
use worker::{Access, Worker};

/// Number of writer threads.
const WRITER_THREADS: usize = 4;
/// Number of reader threads.
const READER_THREADS: usize = 4;
/// Number of notifications that a receiver may lag behind before it loses some.
const NOTIFICATION_BUFFER: usize = 4096;

/// The PostgreSQL store.
#[derive(Debug)]
pub struct Postgres {
    writers: Vec<mpsc::Sender<Job>>,
    reader: mpsc::Sender<Job>,
    notifications: broadcast::Sender<Notification>,
    clock: Arc<ServerClock>,
    /// The listener stops when this is dropped.
    _alive: Arc<()>,
}

/// The tables that a store needs.
struct Tables {
    /// The coordinator's own, unless the database is an application's.
    layout: Option<LayoutProgram>,
    tables: Provision,
}

fn wrong(error: ablo_codegen::OptionError) -> StoreError {
    StoreError::Fault(error.message)
}

fn locate(address: &str, options: &PostgresOptions) -> Result<Address, StoreError> {
    Ok(Address { url: address.to_owned(), schema: options.schema_name().map_err(wrong)? })
}

/// Work and its tenant.
struct Job {
    tenant: Tenant,
    work: Box<dyn Work>,
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
        Self::open_with(locate(address, options)?, Tables { layout: Some(layout), tables })
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
        Self::open_with(locate(address, options)?, Tables { layout: None, tables })
    }

    fn open_with(address: Address, tables: Tables) -> Result<Self, StoreError> {
        let (clock, alive) = (Arc::new(ServerClock::default()), Arc::new(()));
        let (notifications, _) = broadcast::channel(NOTIFICATION_BUFFER);
        listener::start(&address, tables, &clock, &notifications, Arc::downgrade(&alive))?;
        let start = |name, access, work| spawn_worker(name, access, &address, &clock, work);
        let mut writers = Vec::with_capacity(WRITER_THREADS);
        for _ in 0..WRITER_THREADS {
            let (writer, work) = mpsc::channel();
            start("ablo-writer", Access::Write, Arc::new(Mutex::new(work)))?;
            writers.push(writer);
        }
        let (reader, work) = mpsc::channel();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..READER_THREADS {
            start("ablo-reader", Access::Read, Arc::clone(&work))?;
        }
        Ok(Self { writers, reader, notifications, clock, _alive: alive })
    }
}

impl Store for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn write(&self, tenant: Tenant, work: Box<dyn Work>) {
        let job = Job { tenant, work };
        match self.writers.get(job.tenant.shard(self.writers.len())) {
            Some(writer) => send(writer, job),
            None => refuse(job),
        }
    }

    fn read(&self, tenant: Tenant, work: Box<dyn Work>) {
        send(&self.reader, Job { tenant, work });
    }

    fn subscribe(&self) -> broadcast::Receiver<Notification> {
        self.notifications.subscribe()
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

impl Tenant {
    /// Returns the index of the writer thread of this tenant.
    fn shard(&self, shards: usize) -> usize {
        let name = match self {
            Tenant::Organization(organization) => organization.as_str(),
            Tenant::Global => "",
        };
        let sum = name
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        sum.checked_rem(shards).unwrap_or(0)
    }
}

fn send(to: &mpsc::Sender<Job>, job: Job) {
    if let Err(mpsc::SendError(job)) = to.send(job) {
        refuse(job);
    }
}

fn refuse(job: Job) {
    job.work.finish(Err(StoreError::Unavailable("the store is closed".to_owned())));
}

/// Starts a thread that runs work until the channel is closed.
fn spawn_worker(
    name: &str,
    access: Access,
    address: &Address,
    clock: &Arc<ServerClock>,
    work: Arc<Mutex<mpsc::Receiver<Job>>>,
) -> Result<(), StoreError> {
    let mut worker = Worker::new(access, address.clone(), Arc::clone(clock));
    super::spawn(name, move || {
        let next = || work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok(mut job) = next() {
            let outcome = worker.run(&job.tenant, &mut *job.work);
            job.work.finish(outcome);
        }
    })
    .map(drop)
}
