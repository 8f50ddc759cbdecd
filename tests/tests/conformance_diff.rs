//! The conformance vectors of the diff: the reference's steps in its order, and what it warns of.

use ablo_schema::diff::{self, Hints, Step};
use ablo_schema::{Schema, front::json};
use ablo_tests::fixtures;
use serde_json::Value;
use std::path::{Path, PathBuf};

const REFERENCE_STEPS: [&str; 7] =
    ["create_model", "rename_model", "add_field", "rename_field", "alter_field", "drop_field", "drop_model"];

/// A vector with steps, and what goes into it.
struct Vector {
    name: String,
    prev: Option<Schema>,
    next: Schema,
    hints: Hints,
    expected: Value,
}

fn schema(path: &Path) -> Schema {
    json::read(&fixtures::read(path)).schema.expect("vectors are valid")
}

/// The schema before: beside the next one, or the point of history before it.
fn prev_of(folder: &Path) -> Option<PathBuf> {
    let beside = folder.join("prev.json");
    if beside.exists() {
        return Some(beside);
    }
    let number: usize = folder.file_name()?.to_str()?.parse().ok()?;
    let before = folder.with_file_name(format!("{:03}", number.checked_sub(1)?)).join("schema.json");
    before.exists().then_some(before)
}

fn vectors() -> Vec<Vector> {
    let all = fixtures::find("conformance", "expected.json").into_iter().filter_map(|path| {
        let expected: Value = serde_json::from_str(&fixtures::read(&path)).expect("vectors are JSON");
        expected.get("steps")?;
        let folder = path.parent()?;
        let hints = folder.join("hints.json");
        let hints = if hints.exists() { fixtures::read(&hints) } else { "{}".to_owned() };
        let (hints, said) = json::read_hints(&hints);
        Some(Vector {
            name: fixtures::name_of(&path),
            prev: prev_of(folder).map(|path| schema(&path)),
            next: schema(&folder.join("schema.json")),
            hints: hints.unwrap_or_else(|| panic!("{}: {said:?}", path.display())),
            expected,
        })
    });
    let all: Vec<Vector> = all.collect();
    assert!(all.len() >= 52, "only {} vectors have steps", all.len());
    all
}

fn is_reference(step: &Step<'_>) -> bool {
    REFERENCE_STEPS.contains(&step.kind())
}

#[test]
fn the_references_steps_stand_in_its_order() {
    for vector in vectors() {
        let diff = diff::diff(vector.prev.as_ref(), &vector.next, &vector.hints)
            .unwrap_or_else(|said| panic!("{}: {said:?}", vector.name));
        let steps: Vec<String> =
            diff.steps().iter().filter(|step| is_reference(step)).map(|step| step.to_value().to_json()).collect();
        let expected = vector.expected["steps"].as_array().expect("steps are a list");
        assert_eq!(steps, expected.iter().map(Value::to_string).collect::<Vec<_>>(), "{}", vector.name);
    }
}
