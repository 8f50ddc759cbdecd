//! The law on SQLite: from any schema to any other, with rows, what results is what the next schema would make.

use ablo_codegen::shape::{TableShape, tables};
use ablo_tests::arbitrary::pair::{Pair, every_backfill, pair};
use ablo_tests::fixtures;
use ablo_tests::sqlite::{MigrationCase, quoted, run};
use proptest::prelude::*;
use proptest::test_runner::Config;
use rusqlite::Connection;

/// Refusals that rows can cause. The first two are beyond backfills.
const REFUSALS: [&str; 7] = [
    "duplicate_values",
    "foreign_key_broken",
    "required_field_added",
    "tenancy_column_added",
    "made_required",
    "value_unfit",
    "required_recreated",
];

/// Without rows it always arrives. With rows it arrives, or is refused with a reason and changes nothing; with a backfill
/// for every field only what no constant can mend is refused.
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

/// Every row is there where its model goes on, and has every value of a field whose type is what it was.
fn check_values(case: &MigrationCase, database: &Connection, name: &str) {
    let (diff, before, next) = (case.diff(), case.start(6), tables(&case.next));
    for was in tables(&case.prev) {
        let goes_on = diff.next_model(was.model.key.as_str());
        let Some(is) =
            goes_on.and_then(|model| next.iter().find(|table| table.model.key == model.key))
        else {
            continue;
        };
        let of = |database, table: &TableShape<'_>, column| values(database, table.name(), column);
        assert_eq!(of(&before, &was, "id"), of(database, is, "id"), "{name}: {}", is.name());
        for column in &is.columns {
            let Some(field) = column.field else { continue };
            let Some(old) = diff.prev_field(is.model.key.as_str(), field.name.as_str()) else {
                continue;
            };
            let same = old.kind == field.kind && old.facets.format == field.facets.format;
            let Some(old) = was
                .columns
                .iter()
                .find(|column| column.field.is_some_and(|held| held.name == old.name))
            else {
                continue;
            };
            let (old, new) = (of(&before, &was, old.name), of(database, is, column.name));
            let kept = old
                .iter()
                .zip(&new)
                .filter(|((_, old), _)| old != "NULL")
                .all(|(old, new)| old == new);
            assert!(!same || kept, "{name}: {}.{}: {old:?} {new:?}", is.name(), column.name);
        }
    }
}

/// The values of a column by id, as SQL has them.
fn values(database: &Connection, table: &str, column: &str) -> Vec<(String, String)> {
    let sql = format!("SELECT id, quote({}) FROM {} ORDER BY id", quoted(column), quoted(table));
    let mut select = database.prepare(&sql).expect("a query");
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

/// Everything in a database.
fn contents(database: &Connection) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
    let mut tables =
        database.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").expect("a query");
    let found = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let found: Vec<(String, Option<String>)> = found.map(|row| row.expect("a row")).collect();
    let made = found
        .into_iter()
        .filter_map(|(name, sql)| Some((name, sql.filter(|sql| sql.starts_with("CREATE TABLE"))?)));
    made.map(|(name, sql)| {
        let mut select =
            database.prepare(&format!("SELECT * FROM {}", quoted(&name))).expect("a query");
        let width = select.column_count();
        let rows =
            select.query_map([], |row| (0..width).map(|at| row.get(at)).collect()).expect("rows");
        (sql, rows.map(|row| row.expect("a row")).collect())
    })
    .collect()
}

#[test]
fn every_conformance_pair_arrives() {
    let (mut pairs, mut arrived) = (0, 0);
    for path in fixtures::find("conformance/generated", "expected.json") {
        let name = fixtures::name_of(&path);
        let text = |file: &str| fixtures::read(&path.with_file_name(file));
        if !path.with_file_name("prev.json").exists() {
            continue;
        }
        let given = |file: &str, nothing: &str| {
            let path = path.with_file_name(file);
            if path.exists() { fixtures::read(&path) } else { nothing.to_owned() }
        };
        let (hints, backfills) = (given("hints.json", "{}"), given("backfills.json", "[]"));
        pairs += 1;
        arrived +=
            usize::from(check(&text("prev.json"), &text("schema.json"), &hints, &backfills, &name));
    }
    assert!(pairs >= 20 && arrived == pairs, "{arrived} of {pairs}");
}

#[test]
fn the_history_of_umami_arrives() {
    let versions = fixtures::find("conformance/history/umami", "schema.json");
    assert!(versions.len() > 5, "{}", versions.len());
    let mut arrived = 0;
    for pair in versions.windows(2) {
        let name = fixtures::name_of(&pair[1]);
        arrived += usize::from(check(
            &fixtures::read(&pair[0]),
            &fixtures::read(&pair[1]),
            "{}",
            "[]",
            &name,
        ));
    }
    // One step refers to a table that it has just made: its rows are refused, whatever the backfills.
    assert_eq!(arrived, versions.len() - 2);
}

fn cases(quick: u32) -> Config {
    let cases = if std::env::var_os("ABLO_LONG").is_some() { 2_000 } else { quick };
    Config { cases, max_shrink_iters: 2_000, ..Config::default() }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn any_pair_arrives_or_says_why_not(pair in pair()) {
        let Pair { prev, next, hints, backfills } = &pair;
        check(&prev.to_string(), &next.to_string(), &hints.to_string(), &backfills.to_string(), "a pair");
    }
}
