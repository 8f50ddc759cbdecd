//! Measuring side by side: every contender in every round, the least time of each.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Who does the same work.
pub struct Contender<'a> {
    pub name: &'static str,
    pub work: Box<dyn FnMut() -> u64 + 'a>,
}

pub fn contender<'a>(name: &'static str, work: impl FnMut() -> u64 + 'a) -> Contender<'a> {
    Contender { name, work: Box::new(work) }
}

/// The least nanoseconds a delta of each, over rounds in which all take turns.
pub fn measure(contenders: &mut [Contender<'_>], deltas: usize, rounds: usize) -> Vec<f64> {
    let repeat = (200 / deltas).max(1);
    let mut least = vec![Duration::MAX; contenders.len()];
    for round in 0..rounds + 2 {
        for (contender, least) in contenders.iter_mut().zip(&mut least) {
            let start = Instant::now();
            for _ in 0..repeat {
                black_box((contender.work)());
            }
            if round >= 2 {
                *least = (*least).min(start.elapsed());
            }
        }
    }
    least.iter().map(|time| time.as_nanos() as f64 / (repeat * deltas) as f64).collect()
}
