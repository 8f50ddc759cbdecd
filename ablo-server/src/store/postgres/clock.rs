//! The server's time: what it said a while ago comes in, the time now goes out, and never an earlier one than before.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A clock that all processes on one server share, in microseconds since 1970. Where the server's is set forward it is at once; where
/// that is set back it goes at half its pace until the two meet, so that it never goes back and leases still end.
#[derive(Debug)]
pub(super) struct ServerClock {
    started: Instant,
    /// The server's time when this clock was started.
    offset: AtomicI64,
    /// Since when, on this clock's own count, and from which time it has gone slowly.
    slow: Mutex<(i64, i64)>,
}

impl Default for ServerClock {
    fn default() -> Self {
        let local = jiff::Timestamp::now().as_microsecond();
        Self {
            started: Instant::now(),
            offset: AtomicI64::new(local),
            slow: Mutex::new((0, i64::MIN)),
        }
    }
}

impl ServerClock {
    /// The time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.at(self.passed())
    }

    fn at(&self, passed: i64) -> jiff::Timestamp {
        let server = self.offset.load(Ordering::Acquire).saturating_add(passed);
        let (since, from) = *self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let slowly = from.saturating_add(passed.saturating_sub(since) / 2);
        jiff::Timestamp::from_microsecond(server.max(slowly)).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How long this clock runs, in microseconds.
    pub(super) fn passed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Hears that the server said `said`, asked and answered at these places of [`Self::passed`].
    pub(super) fn set(&self, said: i64, asked: i64, answered: i64) {
        let between = asked.saturating_add(answered.saturating_sub(asked) / 2);
        // What was shown until now is where it goes on, whatever the server says.
        let shown = self.at(answered).as_microsecond();
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = (answered, shown);
        self.offset.store(said.saturating_sub(between), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn it_follows_the_server_and_never_goes_back() {
        let clock = ServerClock::default();
        let far = clock.now().as_microsecond() + HOUR;
        clock.set(far, clock.passed(), clock.passed());
        let ahead = clock.now();
        assert!(ahead.as_microsecond() >= far, "it is set forward with the server");
        clock.set(far - HOUR / 2, clock.passed(), clock.passed());
        assert!(clock.now() >= ahead, "and is not set back");
    }

    #[test]
    fn a_lease_ends_after_the_server_was_set_back() {
        let clock = ServerClock::default();
        let (start, at) = (clock.at(0).as_microsecond(), 1_000_000);
        clock.set(start - HOUR, at, at);
        let set_back = clock.at(at).as_microsecond();
        assert_eq!(clock.at(at + 4_000_000).as_microsecond() - set_back, 2_000_000, "half as fast");
        // After twice as long as it was set back, both show the same.
        let later = at + 3 * HOUR;
        assert_eq!(clock.at(later).as_microsecond(), start - HOUR - at + later + at - at);
    }
}
