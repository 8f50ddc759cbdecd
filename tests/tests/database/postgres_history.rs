//! Migrates a server with rows in every table through the history of a real application.

use ablo_migrate::rows::id;
use ablo_schema::Schema;
use ablo_schema::diff::{Hints, Step, diff};
use ablo_schema::front::json::read_backfills;
use ablo_schema::schema::{Field, FieldKind, Model};
use ablo_tests::postgres::invariants::{Outcome, ScratchEnv};
use ablo_tests::postgres::schema;
use serde_json::{Value, json};
use std::path::Path;

const ROWS: usize = 4;

/// Returns a value for a required field: the id of a row for a foreign key, any value of the type
/// otherwise.
fn value(model: &Model, field: &Field) -> Value {
    match &field.kind {
        FieldKind::String
            if model.belongs_to().any(|relation| relation.foreign_key == field.name) =>
        {
            id(0).into()
        }
        FieldKind::String => "it's filled".into(),
        FieldKind::Number => 7.into(),
        FieldKind::Boolean => true.into(),
        FieldKind::Date => "2020-02-29T12:30:00Z".into(),
        FieldKind::Enum(values) => (*values[0]).into(),
        FieldKind::Json => json!({ "it's": [1, null] }),
    }
}

/// Returns a backfill for every required field of the steps.
fn backfills(next: &Schema, steps: &[Step<'_>]) -> String {
    let backfills = steps.iter().filter_map(|step| {
        let model = next.model(step.model()?)?;
        let field = model.field(step.field()?).filter(|field| !field.optional)?;
        Some(json!({ "model": model.key.as_str(), "field": field.name.as_str(),
            "value": value(model, field) }))
    });
    let mut backfills: Vec<Value> = backfills.collect();
    backfills.dedup();
    Value::from(backfills).to_string()
}

#[test]
fn every_umami_version_migrates_to_the_next() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/conformance/history/umami");
    let mut versions: Vec<_> = std::fs::read_dir(folder)
        .expect("the history folder exists")
        .map(|entry| entry.expect("the entry is readable").path())
        .collect();
    versions.sort();
    assert!(versions.len() >= 23);
    let read = |path: &Path| {
        schema(&std::fs::read_to_string(path.join("schema.json")).expect("the schema is readable"))
    };
    let scratch = ScratchEnv::default();
    let mut prev = read(&versions[0]);
    scratch.provision(&prev, ROWS);
    for version in &versions[1..] {
        let next = read(version);
        let changed = diff(Some(&prev), &next, &Hints::default())
            .unwrap_or_else(|error| panic!("{error:#?}"));
        let (values, diagnostics) = read_backfills(&backfills(&next, changed.steps()), &next);
        let values = values.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        match scratch.migrate(&changed, &values) {
            Ok(Outcome::Applied) => {}
            other => panic!("{}: {other:?}", version.display()),
        }
        scratch.fill(&next, ROWS);
        prev = next;
    }
}
