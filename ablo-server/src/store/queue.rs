//! Work that waits for a thread: organisations take turns, and none occupies all threads.

use super::ticket::Ticket;
use super::{Tenant, Work};
use crate::error::StoreError;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Maximum number of units of work that share a transaction; the first one waits for the last.
pub(super) const MAX_SHARED: usize = 128;

/// A unit of work with what is needed to run it.
pub(super) struct Job {
    pub(super) tenant: Tenant,
    pub(super) work: Box<dyn Work>,
    pub(super) ticket: Arc<Ticket>,
    /// How often it has been run.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL retries"))]
    pub(super) runs: u32,
    /// The number of units that may share its transaction, with itself.
    pub(super) most: usize,
}

impl Job {
    pub(super) fn new(tenant: Tenant, work: Box<dyn Work>, ticket: Arc<Ticket>) -> Self {
        Self { tenant, work, ticket, runs: 0, most: MAX_SHARED }
    }

    /// Returns whether other work may share its transaction.
    pub(super) fn is_shareable(&mut self) -> bool {
        self.most > 1 && self.work.shareable().is_some()
    }

    pub(super) fn refuse(self, error: StoreError) {
        self.work.finish(Err(error));
    }
}

/// Begins work that shares a transaction, and returns the units that are no longer wanted. A caller
/// that leaves does not stop the work of others, so each waits for the outcome.
pub(super) fn begin_shared(set: &mut Vec<Job>) -> Vec<Job> {
    let begin = |job: &mut Job| job.ticket.begin() && job.ticket.begin_commit();
    set.extract_if(.., |job| !begin(job)).collect()
}

/// How much work one organisation may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// The number of units that run at once for an organisation.
    pub(super) running: usize,
    /// The number of units that run at once for no organisation.
    pub(super) global: usize,
}

/// A queue that several threads share.
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    share: Share,
}

#[derive(Default)]
struct State {
    lanes: BTreeMap<Tenant, Lane>,
    /// The tenants with waiting work, in the order of their turns.
    turns: VecDeque<Tenant>,
    /// Work that waits for a time before it waits for a thread.
    later: Vec<(Instant, Job)>,
    waiting: usize,
    closed: bool,
}

/// The work of one tenant.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Job>,
    running: usize,
}

impl State {
    fn push(&mut self, job: Job) {
        let lane = self.lanes.entry(job.tenant.clone()).or_default();
        if lane.waiting.is_empty() {
            self.turns.push_back(job.tenant.clone());
        }
        lane.waiting.push_back(job);
        self.waiting += 1;
    }

    fn push_front(&mut self, job: Job) {
        let lane = self.lanes.entry(job.tenant.clone()).or_default();
        if lane.waiting.is_empty() {
            self.turns.push_back(job.tenant.clone());
        }
        lane.waiting.push_front(job);
        self.waiting += 1;
    }

    /// Returns the place in `turns` of the next tenant that has a share left.
    fn next_turn(&self, share: Share) -> Option<usize> {
        self.turns.iter().position(|tenant| {
            let limit = match tenant {
                Tenant::Organization(_) => share.running,
                Tenant::Global => share.global,
            };
            self.lanes.get(tenant).is_some_and(|lane| lane.running < limit)
        })
    }

    /// Takes the next unit of the tenant whose turn it is and that has a share left.
    fn take(&mut self, share: Share) -> Option<Job> {
        let at = self.next_turn(share)?;
        let tenant = self.turns.remove(at)?;
        let lane = self.lanes.get_mut(&tenant)?;
        let job = lane.waiting.pop_front()?;
        lane.running += 1;
        self.waiting -= 1;
        if !lane.waiting.is_empty() {
            self.turns.push_back(tenant);
        }
        Some(job)
    }

    /// Moves work whose time has come to its lane. Returns the time of the next one.
    fn wake(&mut self, now: Instant) -> Option<Instant> {
        while let Some(at) = self.later.iter().position(|(time, _)| *time <= now || self.closed) {
            let (_, job) = self.later.swap_remove(at);
            self.push(job);
        }
        self.later.iter().map(|(time, _)| *time).min()
    }
}

impl Queue {
    pub(super) fn new(share: Share) -> Self {
        Self { state: Mutex::default(), changed: Condvar::new(), share }
    }

    /// Adds work, unless as much as `limits` allow is waiting: of the organisation, and in total.
    pub(super) fn push(&self, job: Job, (own, total): (usize, usize)) {
        let mut state = self.lock();
        let refusal = if state.closed {
            Some(StoreError::Unavailable("the store is closed".to_owned()))
        } else if job.tenant != Tenant::Global
            && (state.waiting >= total
                || state.lanes.get(&job.tenant).is_some_and(|lane| lane.waiting.len() >= own))
        {
            Some(StoreError::Overloaded)
        } else {
            None
        };
        match refusal {
            Some(error) => {
                drop(state);
                job.refuse(error);
            }
            None => {
                state.push(job);
                drop(state);
                self.changed.notify_one();
            }
        }
    }

    /// Adds work that was run before and is run again at a time.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL retries"))]
    pub(super) fn push_later(&self, job: Job, at: Instant) {
        self.lock().later.push((at, job));
        self.changed.notify_one();
    }

    /// Waits for the next unit of work. Returns `None` when the queue is closed and empty.
    pub(super) fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            let wake = state.wake(Instant::now());
            if let Some(job) = state.take(self.share) {
                // A thread that leaves wakes one other, if there is more to do, instead of all.
                if state.closed && state.waiting == 0 {
                    self.changed.notify_all();
                } else if state.next_turn(self.share).is_some() || !state.later.is_empty() {
                    self.changed.notify_one();
                }
                return Some(job);
            }
            if state.closed && state.waiting == 0 {
                return None;
            }
            state = match wake {
                Some(at) => {
                    let wait = at.saturating_duration_since(Instant::now());
                    let waited = self.changed.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Returns the next unit of work, if there is one.
    pub(super) fn try_next(&self) -> Option<Job> {
        self.lock().take(self.share)
    }

    /// Returns the next units of a tenant that may share the transaction of a unit, which has
    /// `number` units, in their order.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite takes all units"))]
    pub(super) fn take_shareable(&self, first: &Job, number: usize) -> Vec<Job> {
        let mut state = self.lock();
        let (mut taken, mut most) = (Vec::new(), first.most);
        if let Some(lane) = state.lanes.get_mut(&first.tenant) {
            while let Some(next) = lane.waiting.front_mut()
                && next.is_shareable()
                && number + taken.len() < most.min(next.most)
            {
                most = most.min(next.most);
                taken.extend(lane.waiting.pop_front());
            }
            if lane.waiting.is_empty() {
                state.turns.retain(|tenant| *tenant != first.tenant);
            }
        }
        state.waiting -= taken.len();
        taken
    }

    /// Returns work to the front of its tenant's queue, in its order.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "only PostgreSQL retries"))]
    pub(super) fn put_back(&self, jobs: Vec<Job>) {
        let mut state = self.lock();
        for job in jobs.into_iter().rev() {
            state.push_front(job);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the turn of a unit that a tenant ran.
    pub(super) fn done(&self, tenant: &Tenant) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(tenant) {
            lane.running = lane.running.saturating_sub(1);
            if lane.running == 0 && lane.waiting.is_empty() {
                state.lanes.remove(tenant);
            }
        }
        let is_next_ready = state.next_turn(self.share).is_some();
        drop(state);
        if is_next_ready {
            self.changed.notify_one();
        }
    }

    /// Refuses new work. The threads end when all work is done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("share", &self.share).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Connection;
    use std::sync::mpsc;
    use std::time::Duration;

    struct Named(mpsc::Sender<Result<(), StoreError>>);

    impl Work for Named {
        fn run(&mut self, _: &mut dyn Connection) -> Result<(), StoreError> {
            Ok(())
        }

        fn finish(self: Box<Self>, outcome: Result<(), StoreError>) {
            let _ = self.0.send(outcome);
        }
    }

    const SHARE: Share = Share { running: 2, global: usize::MAX };

    fn of(name: &str) -> Tenant {
        Tenant::Organization(name.to_owned())
    }

    fn push(queue: &Queue, tenant: Tenant) -> mpsc::Receiver<Result<(), StoreError>> {
        let (done, outcome) = mpsc::channel();
        let ticket = Arc::new(Ticket::new(Instant::now() + Duration::from_secs(60)));
        queue.push(Job::new(tenant, Box::new(Named(done)), ticket), (4, 6));
        outcome
    }

    fn names(queue: &Queue, number: usize) -> Vec<Tenant> {
        (0..number).filter_map(|_| queue.try_next()).map(|job| job.tenant).collect()
    }

    #[test]
    fn organisations_take_turns_and_leave_threads_to_others() {
        let queue = Queue::new(SHARE);
        for _ in 0..4 {
            push(&queue, of("busy"));
        }
        push(&queue, of("calm"));
        assert_eq!(names(&queue, 2), [of("busy"), of("calm")]);
        assert_eq!(names(&queue, 3), [of("busy")], "its share is used up");
        queue.done(&of("busy"));
        assert_eq!(names(&queue, 1), [of("busy")]);
    }

    #[test]
    fn work_of_no_organisation_is_neither_limited_nor_refused() {
        let queue = Queue::new(SHARE);
        for organization in ["a", "b"] {
            for _ in 0..4 {
                push(&queue, of(organization));
            }
        }
        let refused = push(&queue, of("c"));
        assert_eq!(refused.try_recv(), Ok(Err(StoreError::Overloaded)), "6 are waiting");
        let kept = push(&queue, Tenant::Global);
        assert!(kept.try_recv().is_err());
        assert!(names(&queue, 9).contains(&Tenant::Global));
    }

    #[test]
    fn one_organisation_cannot_fill_the_queue() {
        let queue = Queue::new(SHARE);
        let outcomes: Vec<_> = (0..5).map(|_| push(&queue, of("busy"))).collect();
        assert_eq!(outcomes[4].try_recv(), Ok(Err(StoreError::Overloaded)));
        assert!(push(&queue, of("calm")).try_recv().is_err());
    }

    /// A lost wake-up would leave work behind, and the test would not end.
    #[test]
    fn threads_do_all_work_and_end() {
        let queue = Queue::new(Share { running: 1, global: 1 });
        let done = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(mut job) = queue.next() {
                        queue.done(&job.tenant);
                        job.runs += 1;
                        match job.runs {
                            1 => queue.push_later(job, Instant::now()),
                            _ => drop(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed)),
                        }
                    }
                });
            }
            for at in 0..3000 {
                let ticket = Arc::new(Ticket::new(Instant::now() + Duration::from_secs(60)));
                let work = Box::new(Named(mpsc::channel().0));
                queue.push(Job::new(of(["a", "b", "c"][at % 3]), work, ticket), (3000, 9000));
            }
            queue.close();
        });
        assert_eq!(done.into_inner(), 3000);
    }

    #[test]
    fn postponed_work_waits_and_is_done_before_the_end() {
        let queue = Queue::new(SHARE);
        push(&queue, of("one"));
        let job = queue.next().expect("work");
        queue.done(&job.tenant);
        queue.push_later(job, Instant::now() + Duration::from_secs(3600));
        assert!(queue.try_next().is_none());
        queue.close();
        let job = queue.next().expect("the postponed work");
        queue.done(&job.tenant);
        assert!(queue.next().is_none());
    }
}
