//! The invariants of migrations on SQLite: for any pair of schemas, migrating gives the tables of
//! the next schema.

use ablo_codegen::shape::{TableShape, tables};
use ablo_tests::arbitrary::cases;
use ablo_tests::arbitrary::pair::{Pair, every_backfill, pair};
use ablo_tests::fixtures;
use ablo_tests::sqlite::{MigrationCase, quoted, run};
use ablo_tests::type_changes::type_changes;
use proptest::prelude::*;
use rusqlite::Connection;

/// Refusals that rows can cause. No backfill avoids the first two.
const REFUSALS: [&str; 7] = [
    "duplicate_values",
    "foreign_key_broken",
    "required_field_added",
    "tenancy_column_added",
    "made_required",
    "value_unfit",
    "required_recreated",
];

/// Migrates without rows, which always succeeds, and with rows, which succeeds or is refused
/// without a change. With a backfill for every field, only the first two refusals may occur.
/// Returns whether the last migration succeeded.
fn check(prev: &str, next: &str, hints: &str, backfills: &str, name: &str) -> bool {
    let case = MigrationCase::new(prev, next, hints, backfills);
    let migration = case.migration();
    let empty = case.start(0);
    run(&empty, &migration).unwrap_or_else(|error| panic!("{name}: {error}"));
    case.check_migrated(&empty, name);

    check_with_rows(&case, name, &REFUSALS);
    let document = serde_json::from_str(next).expect("a document");
    let case = MigrationCase::new(prev, next, hints, &every_backfill(&document).to_string());
    check_with_rows(&case, name, &REFUSALS[..2])
}

fn check_with_rows(case: &MigrationCase, name: &str, refusals: &[&str]) -> bool {
    let database = case.start(6);
    let before = contents(&database);
    match run(&database, &case.migration()) {
        Ok(()) => {
            case.check_migrated(&database, name);
            check_values(case, &database, name);
            true
        }
        Err(error) => {
            assert!(
                refusals.iter().any(|code| error.contains(&format!("ablo::migrate::{code}: "))),
                "{name}: {error}"
            );
            assert_eq!(contents(&database), before, "{name}: a refusal changed something");
            false
        }
    }
}

/// Checks that every row of a remaining model exists, and that values of fields with an unchanged
/// type are the same.
fn check_values(case: &MigrationCase, database: &Connection, name: &str) {
    let (diff, before, next) = (case.diff(), case.start(6), tables(&case.next));
    for old_table in tables(&case.prev) {
        let next_model = diff.next_model(old_table.model.key.as_str());
        let Some(new_table) =
            next_model.and_then(|model| next.iter().find(|table| table.model.key == model.key))
        else {
            continue;
        };
        let of = |database, table: &TableShape<'_>, column| values(database, table.name(), column);
        assert_eq!(
            of(&before, &old_table, "id"),
            of(database, new_table, "id"),
            "{name}: {}",
            new_table.name()
        );
        for column in &new_table.columns {
            let Some(field) = column.field else { continue };
            let Some(old) = diff.prev_field(new_table.model.key.as_str(), field.name.as_str())
            else {
                continue;
            };
            let same_type = old.kind == field.kind && old.facets.format == field.facets.format;
            let Some(old) = old_table
                .columns
                .iter()
                .find(|column| column.field.is_some_and(|held| held.name == old.name))
            else {
                continue;
            };
            let (old, new) =
                (of(&before, &old_table, old.name), of(database, new_table, column.name));
            let kept = old
                .iter()
                .zip(&new)
                .filter(|((_, old), _)| old != "NULL")
                .all(|(old, new)| old == new);
            assert!(
                !same_type || kept,
                "{name}: {}.{}: {old:?} {new:?}",
                new_table.name(),
                column.name
            );
        }
    }
}

/// Returns the values of a column by id, as SQL literals.
fn values(database: &Connection, table: &str, column: &str) -> Vec<(String, String)> {
    let sql = format!("SELECT id, quote({}) FROM {} ORDER BY id", quoted(column), quoted(table));
    let mut select = database.prepare(&sql).expect("a query");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Returns the definition and rows of every table.
fn contents(database: &Connection) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
    let mut tables =
        database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").expect("a query");
    let found = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let found: Vec<(String, Option<String>)> = found.map(|row| row.expect("a row")).collect();
    let tables = found
        .into_iter()
        .filter_map(|(name, sql)| Some((name, sql.filter(|sql| sql.starts_with("CREATE TABLE"))?)));
    tables
        .map(|(name, sql)| {
            let mut select =
                database.prepare(&format!("SELECT * FROM {}", quoted(&name))).expect("a query");
            let width = select.column_count();
            let rows = select
                .query_map([], |row| (0..width).map(|at| row.get(at)).collect())
                .expect("rows");
            (sql, rows.map(|row| row.expect("a row")).collect())
        })
        .collect()
}

#[test]
fn every_conformance_pair_migrates() {
    let (mut pairs, mut migrated) = (0, 0);
    for path in fixtures::find("conformance/generated", "expected.json") {
        let name = fixtures::name_of(&path);
        let text = |file: &str| fixtures::read(&path.with_file_name(file));
        if !path.with_file_name("prev.json").exists() {
            continue;
        }
        let read_or = |file: &str, default: &str| {
            let path = path.with_file_name(file);
            if path.exists() { fixtures::read(&path) } else { default.to_owned() }
        };
        let (hints, backfills) = (read_or("hints.json", "{}"), read_or("backfills.json", "[]"));
        pairs += 1;
        migrated +=
            usize::from(check(&text("prev.json"), &text("schema.json"), &hints, &backfills, &name));
    }
    assert!(pairs >= 20 && migrated == pairs, "{migrated} of {pairs}");
}

#[test]
fn the_umami_history_migrates() {
    let versions = fixtures::find("conformance/history/umami", "schema.json");
    assert!(versions.len() > 5, "{}", versions.len());
    let mut migrated = 0;
    for pair in versions.windows(2) {
        let name = fixtures::name_of(&pair[1]);
        migrated += usize::from(check(
            &fixtures::read(&pair[0]),
            &fixtures::read(&pair[1]),
            "{}",
            "[]",
            &name,
        ));
    }
    // One step adds a key to a table that it has just created: no backfill can satisfy it.
    assert_eq!(migrated, versions.len() - 2);
}

#[test]
fn every_type_changes_to_every_other() {
    for optional in [true, false] {
        let (prev, next) = type_changes(optional);
        let name = format!("optional: {optional}");
        assert!(check(&prev.to_string(), &next.to_string(), "{}", "[]", &name), "{name}");
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_pair_migrates_or_is_refused_with_a_code(pair in pair()) {
        let Pair { prev, next, hints, backfills } = &pair;
        check(&prev.to_string(), &next.to_string(), &hints.to_string(), &backfills.to_string(),
            "a pair");
    }
}
