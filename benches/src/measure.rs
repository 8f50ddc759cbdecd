//! Measures all contenders in every round and takes the minimum time of each.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// One implementation of the measured work.
pub struct Contender<'a> {
    pub name: &'static str,
    pub work: Box<dyn FnMut() -> u64 + 'a>,
}

pub fn contender<'a>(name: &'static str, work: impl FnMut() -> u64 + 'a) -> Contender<'a> {
    Contender { name, work: Box::new(work) }
}

/// Returns the minimum nanoseconds per delta of each contender.
pub fn measure(contenders: &mut [Contender<'_>], deltas: usize, rounds: usize) -> Vec<f64> {
    let repeat = (200 / deltas).max(1);
    let mut fastest = vec![Duration::MAX; contenders.len()];
    for round in 0..rounds + 2 {
        for (contender, fastest) in contenders.iter_mut().zip(&mut fastest) {
            let start = Instant::now();
            for _ in 0..repeat {
                black_box((contender.work)());
            }
            if round >= 2 {
                *fastest = (*fastest).min(start.elapsed());
            }
        }
    }
    fastest.iter().map(|time| time.as_nanos() as f64 / (repeat * deltas) as f64).collect()
}
