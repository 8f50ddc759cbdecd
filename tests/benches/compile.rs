//! Benchmarks each compiler step at four schema sizes. `ratios` prints the same as one table.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, Schema, front::json};
use ablo_tests::synthetic;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Map, Value};
use std::hint::black_box;
use std::time::Duration;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

fn schema_of(text: &str) -> Schema {
    json::read(text).schema.expect("a valid schema")
}

fn compile(c: &mut Criterion) {
    for size in SIZES {
        let text = synthetic::document(size);
        let schema = schema_of(&text);
        let hashes = Hashes::of(&schema);
        let input = Input::new(&schema, &hashes);
        let mut group = c.benchmark_group("compile");
        group
            .sample_size(10)
            .measurement_time(Duration::from_secs(3))
            .warm_up_time(Duration::from_millis(500));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("serde_json", size), |b| {
            b.iter(|| serde_json::from_str::<Value>(black_box(&text)).map(drop));
        });
        group.bench_function(BenchmarkId::new("parse+check", size), |b| {
            b.iter(|| schema_of(black_box(&text)))
        });
        group.bench_function(BenchmarkId::new("hash", size), |b| {
            b.iter(|| Hashes::of(black_box(&schema)))
        });
        for target in targets() {
            let emitter = target.configure(&Map::new()).expect("default options");
            group.bench_function(BenchmarkId::new(target.id(), size), |b| {
                b.iter(|| {
                    let mut files = Files::default();
                    emitter.emit(black_box(&input), &mut files);
                    files
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, compile);
criterion_main!(benches);
