//! Decimals whose scale shrinks lose the values that do not fit, or are rounded if a hint says so.

use ablo_migrate::postgres::Database as Postgres;
use ablo_migrate::sqlite::Database as Sqlite;
use ablo_migrate::{Error, IfMissing, Plan, Session, Timeouts, apply, current, drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, diff};
use ablo_schema::front::json;
use ablo_tests::postgres::{Database as Scratch, Server, schema};
use rusqlite::Connection;
use tempfile::TempDir;

const ROUND: &str = r#"{ "round": [{ "model": "notes", "field": "v" }] }"#;

fn notes(precision: u16, scale: u16, more: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"notes":{{"relations":{{}},"fields":{{"v":{{"type":"string",
          "format":"decimal","precision":{precision},"scale":{scale},"isIndexed":false{more}}}}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn before() -> Schema {
    notes(10, 4, OPTIONAL)
}

fn after() -> Schema {
    notes(6, 2, OPTIONAL)
}

const OPTIONAL: &str = r#","isOptional":true"#;

/// A database of either kind with the table `notes`.
enum Place {
    Postgres(Scratch<'static>),
    Sqlite(TempDir),
}

impl Place {
    /// Returns both kinds with these values in `notes`, one per row.
    fn both(values: &[String]) -> [Self; 2] {
        let places = [
            Place::Postgres(Server::shared().database()),
            Place::Sqlite(TempDir::new().expect("a folder")),
        ];
        for place in &places {
            let mut session = place.session();
            let first = plan(&mut *session, &before(), "{}", "[]").expect("a plan");
            apply(&mut *session, &first, Timeouts::default()).expect("the plan applies");
            let rows = values.iter().enumerate();
            let rows = rows.map(|(at, value)| format!("('{at:04}', 'o', {value})"));
            let rows = rows.collect::<Vec<_>>().join(", ");
            place.run(&format!("INSERT INTO notes (id, organization_id, v) VALUES {rows}"));
        }
        places
    }

    fn session(&self) -> Box<dyn Session> {
        match self {
            Place::Postgres(server) => {
                // A role that sees every row counts them.
                let superuser = server.address().replace(server.owner(), "postgres");
                Box::new(Postgres::connect(&superuser, "public").expect("a session"))
            }
            Place::Sqlite(folder) => {
                let address = format!("sqlite:{}", folder.path().join("app.db").display());
                Box::new(Sqlite::connect(&address, IfMissing::Create).expect("a session"))
            }
        }
    }

    fn file(folder: &TempDir) -> Connection {
        Connection::open(folder.path().join("app.db")).expect("a file")
    }

    fn run(&self, sql: &str) {
        match self {
            Place::Postgres(server) => server.admin().run(sql).expect("a statement"),
            Place::Sqlite(folder) => Self::file(folder).execute_batch(sql).expect("a statement"),
        }
    }

    /// Returns the values in the order of their rows.
    fn values(&self) -> Vec<String> {
        let sql = "SELECT coalesce(CAST(v AS text), 'none') FROM notes ORDER BY id";
        match self {
            Place::Postgres(server) => server.admin().texts(sql),
            Place::Sqlite(folder) => {
                let file = Self::file(folder);
                let mut query = file.prepare(sql).expect("a query");
                let rows = query.query_map([], |row| row.get(0)).expect("rows");
                rows.collect::<Result<_, _>>().expect("texts")
            }
        }
    }
}

/// Returns a plan with all approvals.
fn plan(
    database: &mut dyn Session,
    next: &Schema,
    hints: &str,
    backfills: &str,
) -> Result<Plan, Error> {
    let prev = current(database, None).expect("the current schema is known").schema;
    let hints = json::read_hints(hints).0.expect("valid hints");
    let backfills: Backfills = json::read_backfills(backfills, next).0.expect("valid backfills");
    let diff = diff(prev.as_ref(), next, &hints).expect("the hints fit");
    let mut plan = plan_for(database, &diff, &backfills, true)?;
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("an approval"));
    Ok(plan)
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| format!("'{value}'")).collect()
}

#[test]
fn digits_are_rounded_where_a_hint_says_so() {
    let mut values = texts(&["1.0050", "1.0049", "-1.0050", "-0.0040", "1.25", "9999.9949"]);
    values.push("NULL".to_owned());
    for place in Place::both(&values) {
        let mut session = place.session();
        let plan = plan(&mut *session, &after(), ROUND, "[]").expect("a plan");
        let needed = &plan.body.approvals_needed;
        assert_eq!((needed.len(), needed[0].rows), (1, Some(5)), "{needed:?}");
        assert!(needed[0].what.contains("rounded to the digits"), "{needed:?}");
        apply(&mut *session, &plan, Timeouts::default()).expect("the plan applies");
        let expected = ["1.01", "1.00", "-1.01", "0.00", "1.25", "9999.99", "none"];
        assert_eq!(place.values(), expected);
        assert_eq!(drift(&mut *session, &after(), true), Ok(Vec::new()));
    }
}

#[test]
fn a_value_that_is_too_large_when_rounded_stops_the_migration() {
    const DEFAULT: &str = r#","isOptional":false,"default":"0""#;
    for (next, backfills) in [
        (after(), "[]"),
        (after(), r#"[{"model":"notes","field":"v","value":"7"}]"#),
        (notes(6, 2, DEFAULT), "[]"),
    ] {
        for place in Place::both(&texts(&["1.0050", "9999.9950"])) {
            let mut session = place.session();
            let plan = plan(&mut *session, &next, ROUND, backfills).expect("a plan");
            let error = apply(&mut *session, &plan, Timeouts::default()).expect_err("too large");
            assert_eq!(error.0[0].code.name, "ablo::migrate::value_unfit", "{error}");
            assert_eq!(place.values(), ["1.0050", "9999.9950"]);
        }
    }
}

#[test]
fn without_the_hint_values_with_more_digits_are_lost_after_an_approval() {
    for place in Place::both(&texts(&["1.0050", "9999.9999", "123456.0", "1.25"])) {
        let mut session = place.session();
        let plan = plan(&mut *session, &after(), "{}", "[]").expect("a plan");
        assert_eq!(plan.body.approvals_needed[0].rows, Some(3));
        let report = plan.body.report.to_string();
        assert!(report.contains("round decimals with a hint"), "{report}");
        apply(&mut *session, &plan, Timeouts::default()).expect("the plan applies");
        assert_eq!(place.values(), ["none", "none", "none", "1.25"]);
    }
}

#[test]
fn both_databases_round_alike() {
    // Digits near a carry, of both signs and all lengths.
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed >> 33
    };
    let digit = |next: &mut dyn FnMut() -> u64| ["9", "9", "0", "4", "5", "1"][next() as usize % 6];
    let mut values: Vec<String> = Vec::new();
    for _ in 0..300 {
        let whole: String = (0..1 + next() % 3).map(|_| digit(&mut next)).collect();
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction: String = (0..1 + next() % 4).map(|_| digit(&mut next)).collect();
        let sign = if next() % 2 == 0 { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { &whole };
        values.push(format!("'{sign}{whole}.{fraction}'"));
    }
    let places = Place::both(&values);
    for scale in [3, 1, 0] {
        let mut all = Vec::new();
        for place in &places {
            let mut session = place.session();
            let next = notes(10 - (4 - scale), scale, OPTIONAL);
            let plan = plan(&mut *session, &next, ROUND, "[]").expect("a plan");
            apply(&mut *session, &plan, Timeouts::default()).expect("the plan applies");
            let number = |text: &String| text.parse::<f64>().expect("a number");
            all.push(place.values().iter().map(number).collect::<Vec<_>>());
        }
        assert_eq!(all[0], all[1], "{scale}");
    }
}

#[test]
fn wider_decimals_are_not_rewritten() {
    let [postgres, _] = Place::both(&texts(&["1.0050", "-123456.5"]));
    let Place::Postgres(server) = &postgres else { unreachable!("the first is PostgreSQL") };
    let file = "SELECT pg_relation_filenode('notes')::text";
    let before = server.admin().texts(file);
    for next in [notes(14, 4, OPTIONAL), schema(UNBOUNDED)] {
        let mut session = postgres.session();
        let plan = plan(&mut *session, &next, "{}", "[]").expect("a plan");
        assert!(plan.body.statements.iter().all(|one| one.hazards.is_empty()));
        apply(&mut *session, &plan, Timeouts::default()).expect("the plan applies");
        assert_eq!(drift(&mut *session, &next, true), Ok(Vec::new()));
    }
    assert_eq!(server.admin().texts(file), before);
    assert_eq!(postgres.values(), ["1.0050", "-123456.5000"]);
}

const UNBOUNDED: &str = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{"v":{"type":"string",
  "format":"decimal","isIndexed":false,"isOptional":true}}}},"identityRoles":[]}"#;

#[test]
fn counts_of_lost_values_are_exact_on_both_databases() {
    for place in Place::both(&texts(&["1.0050", "1.5", "2", "7.25", "300"])) {
        let text = r#"{"v":3,"models":{"notes":{"relations":{},"fields":{"v":{"type":"number",
          "format":"int8","isIndexed":false,"isOptional":true}}}},"identityRoles":[]}"#;
        let mut session = place.session();
        let plan = plan(&mut *session, &schema(text), "{}", "[]").expect("a plan");
        let rows: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.rows).collect();
        assert_eq!(rows, [Some(4)]);
    }
}
