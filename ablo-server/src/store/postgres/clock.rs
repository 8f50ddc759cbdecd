//! The server's time, extrapolated between queries and never decreasing.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// A clock that all processes on one server share, in microseconds since 1970. If the server's
/// clock is set forward, this clock follows at once. If that is set back, this clock runs at half
/// speed until both agree, so it never goes back and leases still expire.
#[derive(Debug)]
pub(super) struct ServerClock {
    started: Instant,
    /// The server's time when this clock was started.
    offset: AtomicI64,
    /// Start of the half-speed phase: the elapsed time, and the time shown then.
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
    /// Returns the time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.at(self.elapsed())
    }

    fn at(&self, passed: i64) -> jiff::Timestamp {
        let server = self.offset.load(Ordering::Acquire).saturating_add(passed);
        let (since, from) = *self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let slowly = from.saturating_add(passed.saturating_sub(since) / 2);
        jiff::Timestamp::from_microsecond(server.max(slowly)).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Returns how long this clock has been running, in microseconds.
    pub(super) fn elapsed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Records the server's time `server`, requested and received at these values of
    /// [`Self::elapsed`].
    pub(super) fn set(&self, server: i64, sent: i64, received: i64) {
        let midpoint = sent.saturating_add(received.saturating_sub(sent) / 2);
        // The clock continues from the time shown so far.
        let shown = self.at(received).as_microsecond();
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = (received, shown);
        self.offset.store(server.saturating_sub(midpoint), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn clock_follows_the_server_and_never_goes_back() {
        let clock = ServerClock::default();
        let far = clock.now().as_microsecond() + HOUR;
        clock.set(far, clock.elapsed(), clock.elapsed());
        let ahead = clock.now();
        assert!(ahead.as_microsecond() >= far, "the clock follows the server forward");
        clock.set(far - HOUR / 2, clock.elapsed(), clock.elapsed());
        assert!(clock.now() >= ahead, "the clock never goes back");
    }

    #[test]
    fn a_lease_ends_after_the_server_was_set_back() {
        let clock = ServerClock::default();
        let (start, at) = (clock.at(0).as_microsecond(), 1_000_000);
        clock.set(start - HOUR, at, at);
        let set_back = clock.at(at).as_microsecond();
        assert_eq!(
            clock.at(at + 4_000_000).as_microsecond() - set_back,
            2_000_000,
            "the clock runs at half speed"
        );
        // Both agree after twice the time by which the server was set back.
        let later = at + 3 * HOUR;
        assert_eq!(clock.at(later).as_microsecond(), start - HOUR - at + later + at - at);
    }
}
