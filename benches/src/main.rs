//! Benchmarks of the delta codecs and their peers, in one run.
//!
//! `cargo run --release --manifest-path benches/Cargo.toml`

mod binary;
mod data;
mod json;
mod measure;
mod models;
mod peers;
mod proto;

/// With the system allocator, large batches would mostly measure page faults.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let only = std::env::args().nth(1);
    if let Some(what) = only.as_deref().and_then(|only| only.strip_prefix("loop:")) {
        return profile(what);
    }
    let wanted = |name: &str| only.as_deref().is_none_or(|only| name.contains(only));
    if wanted("binary") {
        binary::run();
    }
    if wanted("json") {
        json::run();
    }
}

/// Runs one of our codecs in a loop, for a profiler. The argument is
/// `loop:<decode|touch|encode|to-binary|from-binary>-<weather|fields>`.
fn profile(what: &str) {
    use ablo::{Deltas, Naming};
    let kind = if what.ends_with("weather") { data::Kind::Weather } else { data::Kind::Fields20 };
    let order = if what.contains("shuffled") { data::Order::Shuffled } else { data::Order::Schema };
    let text = data::batch(kind, order, 1000);
    let read = || Deltas::read(&models::SCHEMA, &text).expect("valid input");
    let rounds =
        std::env::var("ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3000);
    let ours = read();
    let bytes = ours.to_binary(Naming::SameSchema);
    let mut best = u128::MAX;
    for _ in 0..rounds {
        let start = std::time::Instant::now();
        match what.split('-').next() {
            Some("decode") => drop(std::hint::black_box(read())),
            Some("touch") => drop(std::hint::black_box(json::touch(&ours))),
            Some("encode") => drop(std::hint::black_box(ours.write_json(Vec::new()))),
            Some("to") => drop(std::hint::black_box(ours.to_binary(Naming::SameSchema))),
            _ => drop(std::hint::black_box(Deltas::read_binary(&models::SCHEMA, &bytes))),
        }
        best = best.min(start.elapsed().as_nanos());
    }
    println!("{what}: {} ns per delta", best as f64 / 1000.0);
}
