//! Benchmarks the diff of two large schemas with about 5 % of the fields changed or renamed. The
//! time per model must not grow with the number of models.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, files, migrate};
use ablo_schema::diff::{self, Backfills};
use ablo_schema::front::json;
use ablo_tests::synthetic;
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value, json};
use std::hint::black_box;

/// Returns the next document and its hints: every twentieth field has its index toggled or is
/// renamed.
fn edited(document: &str) -> (String, String) {
    let mut document: Value = serde_json::from_str(document).expect("JSON");
    let mut hints = Vec::new();
    let mut count = 0_usize;
    for (key, model) in document["models"].as_object_mut().expect("models") {
        let foreign_keys: Vec<String> = model["relations"]
            .as_object()
            .expect("relations")
            .values()
            .filter_map(|relation| relation["foreignKey"].as_str().map(str::to_owned))
            .collect();
        let fields = std::mem::take(model["fields"].as_object_mut().expect("fields"));
        let mut edited = Map::new();
        for (name, mut field) in fields {
            count += 1;
            let renamed = format!("{name}Next");
            if count.is_multiple_of(40) && !foreign_keys.contains(&name) {
                hints.push(json!({ "model": key, "from": name, "to": renamed }));
                edited.insert(renamed, field);
                continue;
            }
            if count.is_multiple_of(20) {
                field["isIndexed"] = (field["isIndexed"] != true).into();
            }
            edited.insert(name, field);
        }
        model["fields"] = edited.into();
    }
    (document.to_string(), json!({ "fields": hints }).to_string())
}

fn compare(c: &mut Criterion) {
    // `cargo test --benches` runs one small schema.
    let sizes: &[usize] =
        if std::env::args().any(|argument| argument == "--bench") { &[500, 5_000] } else { &[20] };
    for size in sizes {
        let text = synthetic::document(*size);
        let (next, hints) = edited(&text);
        let prev = json::read(&text).schema.expect("a valid schema");
        let next = json::read(&next).schema.expect("a valid schema");
        let hints = json::read_hints(&hints).0.expect("valid hints");
        c.bench_function(&format!("diff/{size}"), |bench| {
            bench.iter(|| {
                diff::diff(Some(black_box(&prev)), black_box(&next), &hints).expect("valid hints")
            });
        });
        let diff = diff::diff(Some(&prev), &next, &hints).expect("valid hints");
        assert!(diff.steps().len() >= *size / 20, "only {} steps", diff.steps().len());
        let lower = || {
            let (backfills, options) = (
                Backfills::default(),
                PostgresOptions { foreign_keys: true, ..PostgresOptions::default() },
            );
            let migration =
                migrate(&diff, Some(&prev), &next, &backfills, &options).expect("valid options");
            files(&migration, &|_| None)
        };
        assert!(lower().migrate.len() > *size * 20);
        c.bench_function(&format!("lower/{size}"), |bench| bench.iter(|| black_box(lower())));
        c.bench_function(&format!("report/{size}"), |bench| {
            bench.iter(|| black_box(&diff).report(&Backfills::default()));
        });
    }
}

criterion_group! { name = diffs; config = Criterion::default().sample_size(20); targets = compare }
criterion_main!(diffs);
