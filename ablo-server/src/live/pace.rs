//! The rate of something on one connection.

use std::time::{Duration, Instant};

/// Allows a number of events per second on average, and as many at once.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    burst: Duration,
    /// When the events so far would have ended, had each taken the interval.
    until: Option<Instant>,
}

impl Pace {
    pub(super) fn new(per_second: usize) -> Self {
        let number = u32::try_from(per_second).unwrap_or(u32::MAX).max(1);
        let interval = Duration::from_secs(1) / number;
        Self { interval, burst: interval * (number - 1), until: None }
    }

    /// Returns how long to wait before one more event is allowed, which counts it.
    pub(super) fn next(&mut self, now: Instant) -> Duration {
        let wait = self.wait(now);
        self.until = Some(self.until.unwrap_or(now).max(now) + self.interval);
        wait
    }

    /// Counts an event if it is allowed now.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let is_allowed = self.wait(now).is_zero();
        if is_allowed {
            self.next(now);
        }
        is_allowed
    }

    fn wait(&self, now: Instant) -> Duration {
        let until = self.until.unwrap_or(now);
        until.saturating_duration_since(now).saturating_sub(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_beyond_the_rate_wait() {
        let (now, mut pace) = (Instant::now(), Pace::new(2));
        assert_eq!(pace.next(now), Duration::ZERO);
        assert_eq!(pace.next(now), Duration::ZERO);
        assert_eq!(pace.next(now), Duration::from_millis(500));
        assert_eq!(pace.next(now + Duration::from_secs(9)), Duration::ZERO);
    }

    #[test]
    fn refused_events_do_not_count() {
        let (now, mut pace) = (Instant::now(), Pace::new(1));
        assert!(pace.allows(now) && !pace.allows(now) && !pace.allows(now));
        assert!(pace.allows(now + Duration::from_secs(1)));
    }
}
