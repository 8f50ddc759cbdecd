//! The PostgreSQL store: an address and a schema come in, a [`Store`] that several processes share goes out.
//!
//! Threads with a connection each take work from channels. All writes of one organisation go to one of them, so that an organisation
//! that writes much leaves the others alone; processes are kept apart by a lock of the server. `link` runs a piece of work,
//! `session` is a connection, `cell` and `refusal` are values and errors of the driver, `listener` is the thread that hears
//! of what other processes did and asks the server for the time.

mod cell;
mod clock;
mod listener;
mod refusal;
mod session;
mod worker;

use super::{Dialect, Notification, Store, Tenant, Work};
use crate::error::StoreError;
use ablo_codegen::emit::sql::postgres::{PostgresOptions, Provision, provision, service, source};
use ablo_schema::Schema;
use clock::ServerClock;
use session::Address;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use tokio::sync::broadcast;
use worker::{Link, Mode};

/// Threads that write.
const WRITERS: usize = 4;
/// Threads that read.
const READERS: usize = 4;
/// Notification that a slow listener may lag behind before it is told that it missed some.
const NEWS: usize = 4096;

/// The PostgreSQL store.
#[derive(Debug)]
pub struct Postgres {
    writers: Vec<mpsc::Sender<Job>>,
    reader: mpsc::Sender<Job>,
    news: broadcast::Sender<Notification>,
    clock: Arc<ServerClock>,
    /// The listener stops when this is gone.
    _alive: Arc<()>,
}

/// Work, and whose rows it is about.
struct Job {
    tenant: Tenant,
    work: Box<dyn Work>,
}

impl Postgres {
    /// Opens a database, which `address` names as libpq does, and makes the tables that are missing. Until it is dropped it holds up to
    /// nine connections; the role needs no more rights than to own the tables, and row security binds it as well.
    ///
    /// ```no_run
    /// use ablo_codegen::emit::sql::postgres::PostgresOptions;
    /// use ablo_server::store::{Postgres, Store as _};
    ///
    /// # fn open(schema: &ablo_schema::Schema) -> Result<(), ablo_server::error::StoreError> {
    /// let store = Postgres::open("postgres://ablo@localhost/app?sslmode=verify-full", schema, &PostgresOptions::default())?;
    /// println!("the server says it is {}", store.now());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the address or the options are wrong, the server cannot be reached, or it refuses to make a table.
    pub fn open(
        address: &str,
        schema: &Schema,
        options: &PostgresOptions,
    ) -> Result<Self, StoreError> {
        let wrong = |error: ablo_codegen::OptionError| StoreError::Fault(error.message);
        let programs =
            [service(options).map_err(wrong)?, provision(schema, options).map_err(wrong)?];
        Self::with(address, options.schema_name().map_err(wrong)?, programs.into())
    }

    /// Opens a database whose tables are an application's, and makes the ledger and the outbox of a Data Source beside them, in the
    /// schema that the options name.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub fn beside(address: &str, options: &PostgresOptions) -> Result<Self, StoreError> {
        let wrong = |error: ablo_codegen::OptionError| StoreError::Fault(error.message);
        let programs = vec![source(options).map_err(wrong)?];
        Self::with(address, options.schema_name().map_err(wrong)?, programs)
    }

    fn with(address: &str, schema: String, programs: Vec<Provision>) -> Result<Self, StoreError> {
        let address = Address { url: address.to_owned(), schema };
        let (clock, alive) = (Arc::new(ServerClock::default()), Arc::new(()));
        let (news, _) = broadcast::channel(NEWS);
        listener::start(&address, programs, &clock, &news, Arc::downgrade(&alive))?;
        let worker = |name, mode, work| attend(name, mode, &address, &clock, work);
        let mut writers = Vec::with_capacity(WRITERS);
        for _ in 0..WRITERS {
            let (writer, work) = mpsc::channel();
            worker("ablo-writer", Mode::Write, Arc::new(Mutex::new(work)))?;
            writers.push(writer);
        }
        let (reader, work) = mpsc::channel();
        let work = Arc::new(Mutex::new(work));
        for _ in 0..READERS {
            worker("ablo-reader", Mode::Read, Arc::clone(&work))?;
        }
        Ok(Self { writers, reader, news, clock, _alive: alive })
    }
}

impl Store for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn write(&self, tenant: Tenant, work: Box<dyn Work>) {
        let job = Job { tenant, work };
        match self.writers.get(job.tenant.lane(self.writers.len())) {
            Some(writer) => send(writer, job),
            None => refuse(job),
        }
    }

    fn read(&self, tenant: Tenant, work: Box<dyn Work>) {
        send(&self.reader, Job { tenant, work });
    }

    fn news(&self) -> broadcast::Receiver<Notification> {
        self.news.subscribe()
    }

    fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }
}

impl Tenant {
    /// Which of so many threads writes for it: always the same one.
    fn lane(&self, lanes: usize) -> usize {
        let name = match self {
            Tenant::Of(organization) => organization.as_str(),
            Tenant::Nobody => "",
        };
        let sum = name
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        sum.checked_rem(lanes).unwrap_or(0)
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

/// Starts a thread that does work until nobody can send any.
fn attend(
    name: &str,
    mode: Mode,
    address: &Address,
    clock: &Arc<ServerClock>,
    work: Arc<Mutex<mpsc::Receiver<Job>>>,
) -> Result<(), StoreError> {
    let mut link = Link::new(mode, address.clone(), Arc::clone(clock));
    super::spawn(name, move || {
        let next = || work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        while let Ok(mut job) = next() {
            let outcome = link.run(&job.tenant, &mut *job.work);
            job.work.finish(outcome);
        }
    })
}
