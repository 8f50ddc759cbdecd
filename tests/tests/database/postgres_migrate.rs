//! The invariants of migrations on a real server: for any pair of schemas, migrating gives the
//! tables that provisioning the second schema gives.

use ablo_codegen::emit::sql::postgres::files;
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff, Hints, diff};
use ablo_schema::front::json;
use ablo_tests::arbitrary::cases;
use ablo_tests::arbitrary::pair::{every_backfill, pair};
use ablo_tests::postgres::invariants::{self, Outcome, ScratchEnv};
use ablo_tests::postgres::{Server, catalogue, provision_silently, schema};
use ablo_tests::type_changes::type_changes;
use proptest::prelude::*;
use proptest::test_runner::Config;
use std::path::{Path, PathBuf};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The inputs of a migration, read from its four files.
struct Case {
    prev: Schema,
    next: Schema,
    hints: Hints,
    backfills: Backfills,
}

impl Case {
    fn new(prev: &str, next: &str, hints: &str, backfills: &str) -> Self {
        let (prev, next) = (schema(prev), schema(next));
        let (hints, diagnostics) = json::read_hints(hints);
        let hints = hints.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        let (backfills, diagnostics) = json::read_backfills(backfills, &next);
        let backfills = backfills.unwrap_or_else(|| panic!("{diagnostics:#?}"));
        Self { prev, next, hints, backfills }
    }

    fn diff(&self) -> Diff<'_> {
        diff(Some(&self.prev), &self.next, &self.hints).unwrap_or_else(|error| panic!("{error:#?}"))
    }
}

fn pairs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/conformance/generated");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the vectors exist")
        .map(|entry| entry.expect("the entry is readable").path())
        .collect();
    found.sort();
    found
}

#[test]
fn conformance_pairs_satisfy_the_invariants() {
    let scratch = ScratchEnv::default();
    let mut faults = Vec::new();
    for count in [0, 7] {
        let mut refused = 0;
        for folder in pairs() {
            let [prev, next, hints, backfills] =
                ["prev.json", "schema.json", "hints.json", "backfills.json"]
                    .map(|name| read(&folder.join(name)));
            let case = Case::new(&prev, &next, &hints, &backfills);
            match scratch.check(&case.diff(), &case.backfills, count) {
                Err(fault) => {
                    faults.push(format!("{} with {count} rows: {fault}", folder.display()))
                }
                Ok(Outcome::Refused(code)) if count == 0 => {
                    faults.push(format!("{}: {code} without rows", folder.display()))
                }
                Ok(Outcome::Refused(code)) => {
                    refused += 1;
                    eprintln!("{} {code}", folder.display());
                }
                Ok(Outcome::Applied) => {}
            }
        }
        eprintln!("{count} rows: {refused} refused");
    }
    assert!(
        faults.is_empty(),
        "{} faults\n{}",
        faults.len(),
        faults.join("\n\n").chars().take(8000).collect::<String>()
    );
}

/// Runs the files that `migrate plan --offline` writes.
#[test]
fn migration_files_run_with_psql() {
    for folder in pairs() {
        let [prev, next, hints, backfills] =
            ["prev.json", "schema.json", "hints.json", "backfills.json"]
                .map(|name| read(&folder.join(name)));
        let case = Case::new(&prev, &next, &hints, &backfills);
        let diff = case.diff();
        let migration = invariants::migration(&diff, &case.prev, &case.next, &case.backfills);
        let files = files(&migration, &|at| diff.steps().get(at).map(ToString::to_string));
        let database = Server::shared().database();
        provision_silently(&mut database.session(), &case.prev);
        let output = tempfile::tempdir().expect("a temporary folder is created");
        for (name, text) in
            [("migrate.sql", &files.migrate), ("after-commit.sql", &files.after_commit)]
        {
            let path = output.path().join(name);
            std::fs::write(&path, text).expect("the file is written");
            assert_eq!(database.psql(&path).as_deref(), Ok(""), "{} {name}", folder.display());
        }
        let other = Server::shared().database();
        assert_eq!(
            catalogue(&mut database.session()),
            invariants::provisioned(&other, &case.next),
            "{}",
            folder.display()
        );
    }
}

/// Runs the fixtures whose SQL is under review as snapshots.
#[test]
fn fixture_diffs_satisfy_the_invariants() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/diffs");
    let mut fixtures: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the fixtures exist")
        .map(|entry| entry.expect("the entry is readable").path())
        .collect();
    fixtures.sort();
    let scratch = ScratchEnv::default();
    let (mut faults, mut checked) = (Vec::new(), 0);
    for folder in fixtures.iter().filter(|folder| folder.join("prev.json").exists()) {
        let read_or = |name: &str, default: &str| {
            std::fs::read_to_string(folder.join(name)).unwrap_or_else(|_| default.to_owned())
        };
        let (prev, next) = (read(&folder.join("prev.json")), read(&folder.join("next.json")));
        let case =
            Case::new(&prev, &next, &read_or("hints.json", "{}"), &read_or("backfills.json", "[]"));
        for count in [0, 5] {
            checked += 1;
            match scratch.check(&case.diff(), &case.backfills, count) {
                Ok(Outcome::Refused(code)) if count == 0 => {
                    faults.push(format!("{}: {code}", folder.display()))
                }
                Err(fault) => {
                    faults.push(format!("{} with {count} rows: {fault}", folder.display()))
                }
                Ok(_) => {}
            }
        }
    }
    assert!(checked >= 50);
    assert!(faults.is_empty(), "{} faults\n{}", faults.len(), faults.join("\n\n"));
}

#[test]
fn every_type_changes_to_every_other() {
    let scratch = ScratchEnv::default();
    for optional in [true, false] {
        let (prev, next) = type_changes(optional);
        // A required field needs a value for rows whose own value does not fit.
        let backfills = if optional { "[]".to_owned() } else { every_backfill(&next).to_string() };
        let case = Case::new(&prev.to_string(), &next.to_string(), "{}", &backfills);
        let outcome = scratch.check(&case.diff(), &case.backfills, 12);
        assert!(matches!(outcome, Ok(Outcome::Applied)), "optional: {optional}: {outcome:?}");
    }
}

proptest! {
    #![proptest_config(Config { max_shrink_iters: 200, ..cases(200) })]

    #[test]
    fn generated_pairs_satisfy_the_invariants(pair in pair()) {
        thread_local! { static SCRATCH: ScratchEnv<'static> = ScratchEnv::default(); }
        let [prev, next, hints, backfills] = [&pair.prev, &pair.next, &pair.hints,
            &pair.backfills].map(ToString::to_string);
        let case = Case::new(&prev, &next, &hints, &backfills);
        // Repeated renames may contradict each other. The diff reports them, so there is nothing to
        // migrate.
        prop_assume!(diff(Some(&case.prev), &case.next, &case.hints).is_ok());
        for count in [0, 6] {
            let outcome = SCRATCH.with(|scratch| scratch.check(&case.diff(), &case.backfills,
                count));
            match outcome {
                Err(fault) => prop_assert!(false, "{count} rows: {fault}"),
                Ok(Outcome::Refused(code)) => { prop_assert!(count > 0,
                    "{code} without rows"); eprintln!("{code}") }
                Ok(Outcome::Applied) => {}
            }
        }
    }
}
