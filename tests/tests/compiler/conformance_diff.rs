//! The conformance vectors of the diff: the reference's steps, in its order, and its findings.

use ablo_schema::diff::{self, Backfills, Diff, Hints, Step};
use ablo_schema::{Schema, front::json};
use ablo_tests::fixtures;
use serde_json::Value;
use std::path::{Path, PathBuf};

const REFERENCE_STEPS: [&str; 7] = [
    "create_model",
    "rename_model",
    "add_field",
    "rename_field",
    "alter_field",
    "drop_field",
    "drop_model",
];

/// A vector with steps, and the inputs of its diff.
struct Vector {
    name: String,
    prev: Option<Schema>,
    next: Schema,
    hints: Hints,
    backfills: Backfills,
    expected: Value,
}

impl Vector {
    fn diff(&self) -> Diff<'_> {
        diff::diff(self.prev.as_ref(), &self.next, &self.hints)
            .unwrap_or_else(|diagnostics| panic!("{}: {diagnostics:?}", self.name))
    }
}

fn schema(path: &Path) -> Schema {
    json::read(&fixtures::read(path)).schema.expect("vectors are valid")
}

/// Returns the path of the previous schema: next to the new one, or the preceding version in a
/// history.
fn prev_of(folder: &Path) -> Option<PathBuf> {
    let sibling = folder.join("prev.json");
    if sibling.exists() {
        return Some(sibling);
    }
    let number: usize = folder.file_name()?.to_str()?.parse().ok()?;
    let preceding =
        folder.with_file_name(format!("{:03}", number.checked_sub(1)?)).join("schema.json");
    preceding.exists().then_some(preceding)
}

fn vectors() -> Vec<Vector> {
    let all = fixtures::find("conformance", "expected.json").into_iter().filter_map(|path| {
        let expected: Value =
            serde_json::from_str(&fixtures::read(&path)).expect("vectors are JSON");
        expected.get("steps")?;
        let folder = path.parent()?;
        let hints = folder.join("hints.json");
        let hints = if hints.exists() { fixtures::read(&hints) } else { "{}".to_owned() };
        let (hints, hint_diagnostics) = json::read_hints(&hints);
        let next = schema(&folder.join("schema.json"));
        let backfills = folder.join("backfills.json");
        let backfills =
            if backfills.exists() { fixtures::read(&backfills) } else { "[]".to_owned() };
        let (backfills, backfill_diagnostics) = json::read_backfills(&backfills, &next);
        Some(Vector {
            name: fixtures::name_of(&path),
            prev: prev_of(folder).map(|path| schema(&path)),
            next,
            hints: hints.unwrap_or_else(|| panic!("{}: {hint_diagnostics:?}", path.display())),
            backfills: backfills
                .unwrap_or_else(|| panic!("{}: {backfill_diagnostics:?}", path.display())),
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
fn steps_match_the_reference_in_order() {
    for vector in vectors() {
        let diff = vector.diff();
        let steps: Vec<String> = diff
            .steps()
            .iter()
            .filter(|step| is_reference(step))
            .map(|step| step.to_value().to_json())
            .collect();
        let expected = vector.expected["steps"].as_array().expect("steps are a list");
        assert_eq!(
            steps,
            expected.iter().map(Value::to_string).collect::<Vec<_>>(),
            "{}",
            vector.name
        );
    }
}

const REFERENCE_CODES: [&str; 7] = [
    "drop_model",
    "drop_field",
    "risky_cast",
    "lossy_recreate",
    "enum_value_removed",
    "required_field_added",
    "made_required",
];

/// Returns code, model and field of each finding that the reference knows, sorted.
fn codes(findings: &Value) -> Vec<[String; 3]> {
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let all = findings.as_array().expect("findings are a list").iter();
    let all = all.filter(|finding| {
        finding["code"].as_str().is_some_and(|code| REFERENCE_CODES.contains(&code))
    });
    let mut all: Vec<_> =
        all.map(|finding| ["code", "model", "field"].map(|name| text(finding, name))).collect();
    all.sort();
    all
}

#[test]
fn findings_match_the_reference() {
    let mut seen = std::collections::BTreeSet::new();
    for vector in vectors() {
        let report = vector.diff().report(&vector.backfills).to_value().to_json();
        let report: Value = serde_json::from_str(&report).expect("a report is JSON");
        for list in ["warnings", "blockers", "unresolvedBlockers"] {
            let ours = codes(&report[list]);
            assert_eq!(ours, codes(&vector.expected[list]), "{}: {list}", vector.name);
            seen.extend(ours.into_iter().map(|[code, ..]| code));
        }
        assert_eq!(report["autoApplicable"], vector.expected["autoApplicable"], "{}", vector.name);
        for list in ["blockers", "unresolvedBlockers"] {
            let all = report[list].as_array().expect("a list").len();
            assert_eq!(
                all,
                codes(&report[list]).len(),
                "{}: all blockers are known to the reference",
                vector.name
            );
        }
    }
    assert_eq!(seen.len(), REFERENCE_CODES.len(), "every code is seen: {seen:?}");
}
