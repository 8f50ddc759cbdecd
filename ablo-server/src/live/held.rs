//! Commits of older clients whose refusal is held back.
//!
//! A 0.9 client sends a commit again at once, without end, while its refusal is retryable. So the
//! coordinator tries again itself, and after some time refuses with a code that is not retryable.

use super::pace::Pace;
use ablo_wire::{CommitFrame, ErrorCode, Maybe, Operation, Verb};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// How long a refusal is held back. The 0.9 client gives up after 15 s.
const HOLD: Duration = Duration::from_secs(12);
/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(500);
/// The number of commits of a connection whose refusal is held back.
const MAX_HELD: usize = 64;
/// The number of re-sent commits per second of a connection.
const RESENT_PER_SECOND: usize = 2;
/// The number of refused commits that are recognised when they are sent again.
const MAX_REFUSED: usize = 256;

/// A commit whose refusal is held back.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) frame: CommitFrame,
    /// When it is refused for good.
    pub(super) until: Instant,
    next: Instant,
}

impl Held {
    pub(super) fn new(frame: CommitFrame, now: Instant) -> Self {
        Self { frame, until: now + HOLD, next: now }
    }

    fn rows(&self) -> impl Iterator<Item = (&str, &str)> {
        self.frame.operations.iter().filter_map(|operation| match &operation.id {
            Maybe::Value(id) => Some((operation.model.as_str(), id.as_str())),
            _ => None,
        })
    }

    /// Returns whether the client sends the commit again without end after a refusal
    /// (docs/protocol/commits.md §7).
    pub(super) fn is_repeated_after(&self, code: &str) -> bool {
        let is_plain_update = |operation: &Operation| {
            operation.verb == Verb::Update && !matches!(operation.read_at, Maybe::Value(_))
        };
        ErrorCode::from(code.to_owned()).retryable()
            && self.frame.operations.iter().any(is_plain_update)
    }
}

/// The refused commits of a connection.
#[derive(Debug)]
pub(super) struct RefusedCommits {
    held: VecDeque<Held>,
    refused: BTreeMap<String, Instant>,
    resent: Pace,
}

impl Default for RefusedCommits {
    fn default() -> Self {
        let resent = Pace::new(RESENT_PER_SECOND);
        Self { held: VecDeque::new(), refused: BTreeMap::new(), resent }
    }
}

impl RefusedCommits {
    /// Returns whether a commit is being held, so that its answer is still to come.
    pub(super) fn holds(&self, frame: &CommitFrame) -> bool {
        frame.client_tx_id.is_some()
            && self.held.iter().any(|held| held.frame.client_tx_id == frame.client_tx_id)
    }

    /// Returns whether an earlier commit that is held writes a row of this one, which must not
    /// overtake it.
    pub(super) fn precede(&self, next: &Held) -> bool {
        let earlier = self.held.iter().filter(|held| held.until <= next.until);
        earlier.into_iter().any(|held| held.rows().any(|row| next.rows().any(|own| own == row)))
    }

    /// Returns whether one more refusal can be held back.
    pub(super) fn has_capacity(&self) -> bool {
        self.held.len() < MAX_HELD
    }

    /// Holds back the refusal of a commit.
    pub(super) fn hold(&mut self, mut held: Held, now: Instant) {
        held.next = (now + RETRY).min(held.until);
        self.held.push_back(held);
    }

    /// Returns when the next commit is tried again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.iter().map(|held| held.next).min()
    }

    /// Takes the earliest commit that is tried again now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Held> {
        let due = self.held.iter().enumerate().filter(|(_, held)| held.next <= now);
        let at = due.min_by_key(|(_, held)| held.until)?.0;
        self.held.remove(at)
    }

    /// Remembers that a commit was refused.
    pub(super) fn refuse(&mut self, id: Option<&String>, now: Instant) {
        if self.refused.len() >= MAX_REFUSED {
            self.refused.retain(|_, at| now.saturating_duration_since(*at) < HOLD);
        }
        if let Some(id) = id.filter(|_| self.refused.len() < MAX_REFUSED) {
            self.refused.insert(id.clone(), now);
        }
    }

    /// Returns how long to wait before a commit is handled: a re-sent one has its turn twice per
    /// second.
    pub(super) fn delay(&mut self, id: Option<&String>, now: Instant) -> Duration {
        match id.is_some_and(|id| self.refused.contains_key(id)) {
            true => self.resent.next(now),
            false => Duration::ZERO,
        }
    }
}
