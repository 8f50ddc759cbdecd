//! The threads of a store: readers, and the one writer.

use super::file::OpenFile;
use super::{Clock, Database, DbPath, JoinHandle, Transaction, connect};
use crate::error::StoreError;
use crate::store::epoch::{NEWEST, SchemaEpoch};
use crate::store::queue::{Job, MAX_SHARED, Queue, Share, begin_shared};
use crate::store::{Notification, Tenant, Ticket, spawn};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

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
    (file, epoch): (&OpenFile, &Arc<SchemaEpoch>),
    clock: Clock,
) -> Result<(Arc<Queue>, Vec<JoinHandle<()>>), StoreError> {
    let queue = Arc::new(Queue::new(READERS));
    let mut threads = Vec::with_capacity(READER_THREADS + 1);
    for _ in 0..READER_THREADS {
        let (mut connection, queue) = (Watched::new(connect(path, true)?)?, Arc::clone(&queue));
        let (file, path, epoch) = (file.clone(), path.clone(), Arc::clone(epoch));
        threads.push(spawn("ablo-reader", move || {
            let mut opened = Instant::now();
            while let Some(mut job) = queue.next() {
                // Another file in its place is not read: `/health` reports it.
                if opened.elapsed() > READER_AGE && file.check().is_ok() {
                    let newer = connect(&path, true).and_then(Watched::new);
                    connection = newer.unwrap_or(connection);
                    opened = Instant::now();
                }
                let outcome = read_one(&connection, &mut job, (clock, &file, &epoch));
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

    /// Runs work that shares a savepoint. The ticket of the first unit stops it.
    fn run(&self, jobs: &mut [Job], transaction: &mut Transaction<'_>) -> Result<(), StoreError> {
        let Some((first, others)) = jobs.split_first_mut() else { return Ok(()) };
        *locked(&self.current) = Some(Arc::clone(&first.ticket));
        let others = others.iter_mut().filter_map(|job| job.work.shareable()).collect();
        let outcome = first.work.run_all(others, transaction);
        *locked(&self.current) = None;
        outcome
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Decides whether the transaction may work on the tables as its snapshot has them.
fn admitted(connection: &Database, epoch: &SchemaEpoch) -> Result<(), StoreError> {
    if !epoch.is_watched() {
        return Ok(());
    }
    epoch.admit(connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0))?)
}

fn read_one(
    watched: &Watched,
    job: &mut Job,
    (clock, file, epoch): (Clock, &OpenFile, &SchemaEpoch),
) -> Result<(), StoreError> {
    let connection = watched.database();
    connection.execute_batch("BEGIN")?;
    let notifications = Vec::new();
    let mut transaction = Transaction { connection, clock, file, notifications };
    let outcome = match job.ticket.begin() {
        true => admitted(connection, epoch)
            .and_then(|()| watched.run(std::slice::from_mut(job), &mut transaction)),
        false => Err(StoreError::TimedOut),
    };
    connection.execute_batch("COMMIT").or_else(|_| connection.execute_batch("ROLLBACK"))?;
    outcome
}

/// Runs the work of the write queue until it is closed.
pub(super) fn write_all(
    connection: &Watched,
    queue: &Queue,
    sender: &broadcast::Sender<Notification>,
    context: (Clock, &OpenFile, &SchemaEpoch),
) {
    while let Some(first) = queue.next() {
        queue.done(&first.tenant);
        write_batch(connection, vec![first], Some(queue), sender, context);
    }
}

/// Groups work that may share a savepoint. The work of each organisation stays in order.
fn sets(batch: Vec<Job>) -> Vec<Vec<Job>> {
    let mut sets: Vec<Vec<Job>> = Vec::with_capacity(batch.len());
    let mut open: BTreeMap<Tenant, usize> = BTreeMap::new();
    for mut job in batch {
        let is_shareable = job.is_shareable();
        let at = open.get(&job.tenant).filter(|_| is_shareable);
        if let Some(set) = at.and_then(|at| sets.get_mut(*at)) {
            set.push(job);
            continue;
        }
        match is_shareable {
            true => drop(open.insert(job.tenant.clone(), sets.len())),
            false => drop(open.remove(&job.tenant)),
        }
        sets.push(vec![job]);
    }
    sets
}

/// Runs work in one transaction, also work that arrives in the meantime; failed work is rolled back
/// alone. A reference to a missing row is found only at the end, and work that is stopped rolls the
/// transaction back: then each unit is run again in a transaction of its own.
fn write_batch(
    watched: &Watched,
    jobs: Vec<Job>,
    queue: Option<&Queue>,
    sender: &broadcast::Sender<Notification>,
    context: (Clock, &OpenFile, &SchemaEpoch),
) {
    let connection = watched.database();
    let (done, notifications) = (Vec::new(), Vec::new());
    let mut batch = Batch { watched, context, waiting: sets(jobs).into(), done, notifications };
    let committed = (|| {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        admitted(connection, context.2)?;
        loop {
            while let Some(set) = batch.waiting.pop_front() {
                batch.write_set(set)?;
            }
            let arrived = queue.map_or_else(Vec::new, |queue| batch.take(queue));
            if arrived.is_empty() {
                break;
            }
            batch.waiting.extend(sets(arrived));
        }
        Ok(connection.execute_batch("COMMIT")?)
    })();
    let Batch { waiting, done, notifications, .. } = batch;
    if let Err(error) = committed {
        // The rollback fails if the transaction has already ended.
        let _ = connection.execute_batch("ROLLBACK");
        let is_of_one = matches!(error, StoreError::Constraint(_) | StoreError::TimedOut);
        let done = done.into_iter().map(|(job, _)| job);
        let jobs: Vec<Job> = done.chain(waiting.into_iter().flatten()).collect();
        if jobs.len() > 1 && is_of_one {
            return jobs.into_iter().for_each(|job| {
                job.ticket.wait_again();
                write_batch(watched, vec![job], None, sender, context);
            });
        }
        return jobs.into_iter().for_each(|job| job.refuse(error.clone()));
    }
    for notification in notifications {
        // There may be no receiver.
        let _ = sender.send(notification);
    }
    for (job, outcome) in done {
        job.work.finish(outcome);
    }
}

/// The work of one transaction.
struct Batch<'b> {
    watched: &'b Watched,
    context: (Clock, &'b OpenFile, &'b SchemaEpoch),
    waiting: VecDeque<Vec<Job>>,
    done: Vec<(Job, Result<(), StoreError>)>,
    /// Those of the work that was not rolled back.
    notifications: Vec<Notification>,
}

impl Batch<'_> {
    /// Takes the work that waits, as much as one transaction may have.
    fn take(&self, queue: &Queue) -> Vec<Job> {
        let arrived = std::iter::from_fn(|| queue.try_next());
        let arrived: Vec<Job> = arrived.take(MAX_SHARED.saturating_sub(self.done.len())).collect();
        arrived.iter().for_each(|job| queue.done(&job.tenant));
        arrived
    }

    /// Runs a set under a savepoint. Of a set that fails, the halves are run.
    fn write_set(&mut self, mut set: Vec<Job>) -> Result<(), StoreError> {
        let refused = match set.as_slice() {
            [only] if only.ticket.begin() => Vec::new(),
            [_] => std::mem::take(&mut set),
            _ => begin_shared(&mut set),
        };
        self.done.extend(refused.into_iter().map(|job| (job, Err(StoreError::TimedOut))));
        if set.is_empty() {
            return Ok(());
        }
        match self.run_set(&mut set) {
            Ok(Err(error)) if set.len() > 1 => {
                tracing::debug!(%error, "a set of commits is run in halves");
                for job in &set {
                    job.ticket.wait_again();
                }
                let half = set.split_off(set.len().div_ceil(2));
                self.waiting.push_front(half);
                self.waiting.push_front(set);
            }
            Ok(outcome) => {
                self.done.extend(set.into_iter().map(|job| (job, outcome.clone())));
            }
            Err(error) => {
                self.waiting.push_front(set);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Runs a set under a savepoint and returns its outcome, or why the transaction is over.
    fn run_set(&mut self, set: &mut [Job]) -> Result<Result<(), StoreError>, StoreError> {
        let (connection, (clock, file, _)) = (self.watched.database(), self.context);
        connection.prepare_cached("SAVEPOINT work")?.execute([])?;
        let mut transaction = Transaction { connection, clock, file, notifications: Vec::new() };
        let outcome = self.watched.run(set, &mut transaction);
        let notifications = transaction.notifications;
        if connection.is_autocommit() {
            // A statement that was stopped has rolled back the transaction.
            return Err(StoreError::TimedOut);
        }
        let is_wanted = || set.iter().all(|job| job.ticket.begin_commit());
        let outcome = outcome.and_then(|()| is_wanted().then_some(()).ok_or(StoreError::TimedOut));
        match outcome {
            Ok(()) => self.notifications.extend(notifications),
            Err(_) => drop(connection.prepare_cached("ROLLBACK TO work")?.execute([])?),
        }
        connection.prepare_cached("RELEASE work")?.execute([])?;
        Ok(outcome)
    }
}
