//! The threads of a store: readers, and the one writer.

use super::file::OpenFile;
use super::{Clock, Database, DbPath, JoinHandle, Transaction, connect};
use crate::error::StoreError;
use crate::store::queue::{Job, Queue, Share};
use crate::store::{Notification, Ticket, spawn};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Maximum number of work units per transaction; the first one waits for the last.
const MAX_BATCH: usize = 128;
/// Number of reader threads.
const READER_THREADS: usize = 4;
/// How much of the readers one organisation may use.
const READERS: Share = Share { running: READER_THREADS - 1, global: usize::MAX };
/// The age at which a reader's connection is replaced: it reads the statistics on tables when it is
/// opened.
const READER_AGE: Duration = Duration::from_mins(10);
/// The number of steps of SQLite's virtual machine between two looks at the ticket.
const STEPS: i32 = 4096;

/// Starts the threads that share the read queue.
pub(super) fn readers(
    path: &DbPath,
    file: &OpenFile,
    clock: Clock,
) -> Result<(Arc<Queue>, Vec<JoinHandle<()>>), StoreError> {
    let queue = Arc::new(Queue::new(READERS));
    let mut threads = Vec::with_capacity(READER_THREADS + 1);
    for _ in 0..READER_THREADS {
        let (mut connection, queue) = (Watched::new(connect(path, true)?)?, Arc::clone(&queue));
        let (file, path) = (file.clone(), path.clone());
        threads.push(spawn("ablo-reader", move || {
            let mut opened = Instant::now();
            while let Some(mut job) = queue.next() {
                // Another file in its place is not read: `/health` reports it.
                if opened.elapsed() > READER_AGE && file.check().is_ok() {
                    let newer = connect(&path, true).and_then(Watched::new);
                    connection = newer.unwrap_or(connection);
                    opened = Instant::now();
                }
                let outcome = read_one(&connection, &mut job, (clock, &file));
                queue.done(&job.tenant);
                job.work.finish(outcome);
            }
        })?);
    }
    Ok((queue, threads))
}

/// A connection whose statements stop when the ticket of their work is over.
pub(super) struct Watched {
    database: Database,
    current: Arc<Mutex<Option<Arc<Ticket>>>>,
}

impl Watched {
    pub(super) fn new(mut database: Database) -> Result<Self, StoreError> {
        let current: Arc<Mutex<Option<Arc<Ticket>>>> = Arc::default();
        let watch = Arc::clone(&current);
        let is_over = move || locked(&watch).as_ref().is_some_and(|ticket| ticket.is_over());
        database.progress_handler(STEPS, Some(is_over))?;
        Ok(Self { database, current })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// Runs work, unless its ticket is over.
    fn run(&self, job: &mut Job, transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        if !job.ticket.begin() {
            return Err(StoreError::TimedOut);
        }
        *locked(&self.current) = Some(Arc::clone(&job.ticket));
        let outcome = job.work.run(transaction);
        *locked(&self.current) = None;
        outcome
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_one(
    watched: &Watched,
    job: &mut Job,
    (clock, file): (Clock, &OpenFile),
) -> Result<(), StoreError> {
    let connection = watched.database();
    connection.execute_batch("BEGIN")?;
    let notifications = Vec::new();
    let outcome = watched.run(job, &mut Transaction { connection, clock, file, notifications });
    connection.execute_batch("COMMIT").or_else(|_| connection.execute_batch("ROLLBACK"))?;
    outcome
}

/// Runs the work of the write queue until it is closed.
pub(super) fn write_all(
    connection: &Watched,
    queue: &Queue,
    sender: &broadcast::Sender<Notification>,
    context: (Clock, &OpenFile),
) {
    while let Some(first) = queue.next() {
        let more = std::iter::from_fn(|| queue.try_next());
        let batch: Vec<_> = std::iter::once(first).chain(more).take(MAX_BATCH).collect();
        batch.iter().for_each(|job| queue.done(&job.tenant));
        write_batch(connection, batch, sender, context);
    }
}

/// Runs work in one transaction; failed work is rolled back alone. A reference to a missing row is
/// found only at the end, and work that is stopped rolls back the transaction: then each unit is
/// run again in a transaction of its own.
fn write_batch(
    watched: &Watched,
    mut batch: Vec<Job>,
    sender: &broadcast::Sender<Notification>,
    context: (Clock, &OpenFile),
) {
    let (connection, mut outcomes) = (watched.database(), Vec::with_capacity(batch.len()));
    let committed = (|| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for job in &mut batch {
            outcomes.push(write_one(watched, job, context)?);
        }
        Ok(connection.execute_batch("COMMIT")?)
    })();
    if let Err(error) = committed {
        // The rollback fails if the transaction has already ended.
        let _ = connection.execute_batch("ROLLBACK");
        let is_of_one = matches!(error, StoreError::Constraint(_) | StoreError::TimedOut);
        if batch.len() > 1 && is_of_one {
            let each = batch.into_iter();
            return each.for_each(|job| {
                job.ticket.wait_again();
                write_batch(watched, vec![job], sender, context);
            });
        }
        return batch.into_iter().for_each(|job| job.refuse(error.clone()));
    }
    for (job, outcome) in batch.into_iter().zip(outcomes) {
        let outcome = outcome.map(|notifications| {
            for notification in notifications {
                // There may be no receiver.
                let _ = sender.send(notification);
            }
        });
        job.work.finish(outcome);
    }
}

/// Runs one unit of work under a savepoint and returns its notifications.
fn write_one(
    watched: &Watched,
    job: &mut Job,
    (clock, file): (Clock, &OpenFile),
) -> Result<Result<Vec<Notification>, StoreError>, StoreError> {
    let connection = watched.database();
    connection.prepare_cached("SAVEPOINT work")?.execute([])?;
    let mut transaction = Transaction { connection, clock, file, notifications: Vec::new() };
    let outcome = watched.run(job, &mut transaction);
    let notifications = transaction.notifications;
    if connection.is_autocommit() {
        // A statement that was stopped has rolled back the transaction.
        return Err(StoreError::TimedOut);
    }
    let outcome = outcome.and_then(|()| match job.ticket.begin_commit() {
        true => Ok(notifications),
        false => Err(StoreError::TimedOut),
    });
    if outcome.is_err() {
        connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
    }
    connection.prepare_cached("RELEASE work")?.execute([])?;
    Ok(outcome)
}
