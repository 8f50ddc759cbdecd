//! A program that uses a database while something else runs.

use super::Database;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Runs a statement with the numbers 1 to 1000 until the work is done. Returns the longest time of
/// a run, and the sum of those that took longer than 40 ms.
///
/// # Panics
/// Panics if the statement fails.
pub fn beside(server: &Database<'_>, statement: &str, work: impl FnOnce()) -> (Duration, Duration) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let program = scope.spawn(|| {
            let mut session = server.admin();
            let (mut longest, mut blocked, mut number) = (Duration::ZERO, Duration::ZERO, 0);
            while !is_done.load(Ordering::Relaxed) {
                number = number % 1000 + 1;
                let began = Instant::now();
                session.run(&statement.replace('#', &number.to_string())).expect("it succeeds");
                let took = began.elapsed();
                longest = longest.max(took);
                if took > Duration::from_millis(40) {
                    blocked += took;
                }
            }
            (longest, blocked)
        });
        work();
        is_done.store(true, Ordering::Relaxed);
        program.join().expect("the program ends")
    })
}
