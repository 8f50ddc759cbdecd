//! Exponential backoff with bounded jitter, for everything that repeats an attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// The delays between attempts that fail.
///
/// A delay doubles with each failure, from the first delay to the maximum. It is then shortened by
/// up to half at random, so that peers that failed together do not retry together.
///
/// ```
/// # use ablo_wire::Backoff;
/// # use std::time::Duration;
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(100));
/// assert_eq!(backoff.delay(3, 0.5), Duration::from_millis(300));
/// assert_eq!(backoff.delay(40, 0.0), Duration::from_secs(5));
///
/// let waited = backoff.fail();
/// assert!(waited > Duration::from_millis(50) && waited <= Duration::from_millis(100));
/// assert_eq!(backoff.failures(), 1);
/// backoff.reset();
/// assert_eq!(backoff.failures(), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    /// Creates a backoff without failures. Delays are at most `first` after the first failure and
    /// never more than `max`.
    pub const fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, failures: 0 }
    }

    /// Counts a failure and returns the delay before the next attempt.
    pub fn fail(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.delay(self.failures, random())
    }

    /// Forgets all failures, after an attempt that succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Returns the number of failures since the last success.
    pub const fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns the delay after a number of failures. `random` is from 0, for the whole delay, to 1,
    /// for half of it.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.saturating_mul(factor).min(self.max);
        // Not `clamp`, which keeps NaN.
        let random = if random > 0.0 { random.min(1.0) } else { 0.0 };
        full.mul_f64(1.0 - random / 2.0)
    }
}

/// Returns a number from 0 to 1. The keys of `RandomState` are random, and differ in each call.
fn random() -> f64 {
    f64::from(RandomState::new().hash_one(0_u8) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_maximum_and_vary_by_at_most_half() {
        let (first, max) = (Duration::from_millis(4), Duration::from_millis(50));
        let mut backoff = Backoff::new(first, max);
        for full in [4, 8, 16, 32, 50, 50] {
            let full = Duration::from_millis(full);
            let delay = backoff.fail();
            assert!(full / 2 <= delay && delay <= full, "{delay:?} of {full:?}");
        }
        let delays: Vec<Duration> = (0..50).map(|_| Backoff::new(first, max).fail()).collect();
        assert!(delays.iter().any(|delay| *delay != delays[0]), "every delay is {:?}", delays[0]);
        // The count of failures does not overflow.
        assert_eq!(backoff.delay(u32::MAX, 0.0), max);
        assert_eq!(Backoff::new(max, first).fail().max(first), first);
    }
}
