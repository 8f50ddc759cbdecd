//! Prints the table of docs/design/performance.md: the time of each step relative to serde_json
//! parsing the same bytes, and the peak memory. Rounds of all steps alternate, so that all share
//! slow phases of the machine.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, front::json};
use ablo_tests::synthetic;
use peak_alloc::PeakAlloc;
use serde_json::{Map, Value};
use std::hint::black_box;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const STEPS: usize = 11;

fn names() -> Vec<&'static str> {
    let mut names = vec!["serde_json::Value", "parse + check", "hash"];
    names.extend(targets().iter().map(|target| target.id()));
    names.push("all together");
    names
}

fn timed<T>(min: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *min = (*min).min(start.elapsed());
    done
}

/// Returns the minimum time of each step over all rounds.
fn measure(text: &str, rounds: usize) -> [Duration; STEPS] {
    let mut min = [Duration::MAX; STEPS];
    for _ in 0..rounds {
        drop(timed(&mut min[0], || serde_json::from_str::<Value>(black_box(text)).expect("JSON")));
        let start = Instant::now();
        let schema =
            timed(&mut min[1], || json::read(black_box(text)).schema.expect("a valid schema"));
        let hashes = timed(&mut min[2], || Hashes::of(&schema));
        let input = Input::new(&schema, &hashes);
        let mut files = Files::default();
        for (at, target) in targets().iter().enumerate() {
            let emitter = target.configure(&Map::new()).expect("default options");
            timed(&mut min[3 + at], || emitter.emit(&input, &mut files));
        }
        min[STEPS - 1] = min[STEPS - 1].min(start.elapsed());
        black_box(files);
    }
    min
}

/// Compiles all targets in memory, like the command.
fn compile(text: &str) {
    let schema = json::read(text).schema.expect("a valid schema");
    let hashes = Hashes::of(&schema);
    let input = Input::new(&schema, &hashes);
    let mut files = Files::default();
    for target in targets() {
        target.configure(&Map::new()).expect("default options").emit(&input, &mut files);
    }
    black_box(files);
}

fn main() {
    // `cargo test --benches` runs one small round.
    let sizes: &[usize] =
        if std::env::args().any(|argument| argument == "--bench") { &SIZES } else { &SIZES[..1] };
    let mut columns = Vec::new();
    let mut peaks = Vec::new();
    for size in sizes {
        let text = synthetic::document(*size);
        columns.push(measure(&text, (20_000 / size).clamp(5, 200)));
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        compile(&text);
        peaks.push((MEMORY.peak_usage() - before) >> 10);
    }
    let header: Vec<String> = sizes.iter().map(|size| format!("{size} models")).collect();
    println!("| step | {} | growth, 1,000 to 10,000 |", header.join(" | "));
    println!("|---|{}---|", "---|".repeat(sizes.len()));
    for (step, name) in names().iter().enumerate() {
        let ratios: Vec<String> = columns
            .iter()
            .map(|column| format!("{:.2}", column[step].as_secs_f64() / column[0].as_secs_f64()))
            .collect();
        let growth = match columns.as_slice() {
            [.., thousand, ten] => {
                format!("{:.1}", ten[step].as_secs_f64() / thousand[step].as_secs_f64())
            }
            _ => "–".to_owned(),
        };
        println!("| {name} | {} | {growth} |", ratios.join(" | "));
    }
    let peaks: Vec<String> = peaks.iter().map(|peak| format!("{peak} KiB")).collect();
    println!("| peak of live memory, all together | {} | |", peaks.join(" | "));
    let base: Vec<String> =
        columns.iter().map(|column| format!("{:.2} ms", column[0].as_secs_f64() * 1e3)).collect();
    println!("| (serde_json::Value took) | {} | |", base.join(" | "));
}
