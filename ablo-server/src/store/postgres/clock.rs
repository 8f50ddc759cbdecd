//! The server's time: what it said a while ago comes in, the time now goes out, and never an earlier one than before.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

/// A clock that all processes on one server share, in microseconds since 1970.
#[derive(Debug)]
pub(super) struct ServerClock {
    started: Instant,
    /// The server's time when this clock was started.
    offset: AtomicI64,
    /// The latest time that was shown.
    shown: AtomicI64,
}

impl Default for ServerClock {
    fn default() -> Self {
        let local = jiff::Timestamp::now().as_microsecond();
        Self { started: Instant::now(), offset: AtomicI64::new(local), shown: AtomicI64::new(i64::MIN) }
    }
}

impl ServerClock {
    /// The time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        let now = self.offset.load(Ordering::Acquire).saturating_add(self.passed());
        let shown = self.shown.fetch_max(now, Ordering::AcqRel).max(now);
        jiff::Timestamp::from_microsecond(shown).unwrap_or(jiff::Timestamp::MAX)
    }

    /// How long this clock runs, in microseconds.
    pub(super) fn passed(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    /// Hears that the server said `said`, asked and answered at these places of [`Self::passed`].
    pub(super) fn set(&self, said: i64, asked: i64, answered: i64) {
        let between = asked.saturating_add(answered.saturating_sub(asked) / 2);
        self.offset.store(said.saturating_sub(between), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_server_and_never_goes_back() {
        let clock = ServerClock::default();
        let far = clock.now().as_microsecond() + 3_600_000_000;
        clock.set(far, clock.passed(), clock.passed());
        let ahead = clock.now();
        assert!(ahead.as_microsecond() >= far);
        clock.set(far - 1_800_000_000, clock.passed(), clock.passed());
        assert!(clock.now() >= ahead, "a clock that was set back waits");
    }
}
