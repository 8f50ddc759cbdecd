//! Objects of a file that refer to a changed table are found when the migration is planned.

use ablo_migrate::sqlite::Database;
use ablo_migrate::{Error, IfMissing, Plan, Timeouts, apply, current, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_schema::front::json;
use ablo_tests::postgres::schema;
use rusqlite::Connection;
use tempfile::TempDir;

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;

fn number(name: &str, optional: bool) -> String {
    format!(
        r#""{name}":{{"type":"number","isOptional":{optional},"isIndexed":true,"format":"int32"}}"#
    )
}

fn model(name: &str, fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"{name}":{{"fields":{{{TITLE},{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn plan(database: &mut Database, next: &Schema, hints: &Hints) -> Result<Plan, Error> {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, hints).expect("valid hints");
    let mut plan = plan_for(database, &diff, &Backfills::default(), true)?;
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("an approval"));
    Ok(plan)
}

/// Plans a migration of `notes` in a file with objects that were added by hand. A plan that is made
/// has to apply and to leave them intact: `uses` runs them.
fn planned(by_hand: &str, next: &Schema, hints: &str, uses: &str) -> Result<(), Vec<String>> {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("app.db");
    let address = format!("sqlite:{}", path.display());
    let mut database = Database::connect(&address, IfMissing::Create).expect("a session");
    let none = Hints::default();
    let first = plan(&mut database, &model("notes", &number("n", true)), &none).expect("a plan");
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    let file = Connection::open(&path).expect("a connection");
    let row = "INSERT INTO notes (id, organization_id, title, n) VALUES ('1', 'o', 't', 1);";
    file.execute_batch(&format!("{row} {by_hand}")).expect("the objects are created");
    let hints = json::read_hints(hints).0.expect("valid hints");
    let plan = plan(&mut database, next, &hints)
        .map_err(|error| error.0.iter().map(|one| format!("{one}")).collect::<Vec<_>>())?;
    apply(&mut database, &plan, Timeouts::default())
        .unwrap_or_else(|error| panic!("{by_hand}: a plan was made, and {error}"));
    file.execute_batch(uses).unwrap_or_else(|error| panic!("{by_hand}: {uses}: {error}"));
    Ok(())
}

const KEY: &str = "CREATE TABLE att (id INTEGER PRIMARY KEY, o TEXT, note TEXT, \
    FOREIGN KEY (o, note) REFERENCES notes (organization_id, id) ON DELETE CASCADE);";
const TRIGGER: &str = "CREATE TABLE log (x); CREATE TRIGGER other AFTER INSERT ON log \
    BEGIN UPDATE notes SET n = 9 WHERE id = new.x; END;";
const VIEW: &str = "CREATE VIEW vn AS SELECT id, n FROM notes;";

/// Uses the objects above.
const USES: &str = "PRAGMA foreign_keys = ON; INSERT INTO att VALUES (1, 'o', '1'); \
    INSERT INTO log VALUES ('1'); SELECT * FROM vn;";

#[test]
fn a_renamed_table_is_not_taken_away_from_other_objects() {
    let hints = r#"{ "models": [{ "from": "notes", "to": "pages" }] }"#;
    let all = format!("{KEY} {TRIGGER} {VIEW}");
    // Also if the table is rebuilt.
    for optional in [true, false] {
        let next = model("pages", &number("n", optional));
        assert_eq!(planned(&all, &next, hints, USES), Ok(()));
        assert_eq!(planned(&all, &next, hints, "DELETE FROM pages"), Ok(()));
    }
    // Objects that do not refer to it are no obstacle.
    let next = model("pages", &number("n", true));
    let other = "CREATE TABLE log (x); CREATE VIEW v AS SELECT x FROM log;";
    assert_eq!(planned(other, &next, hints, "SELECT * FROM v"), Ok(()));
}

#[test]
fn a_renamed_column_is_not_taken_away_from_other_objects() {
    let hints = r#"{ "fields": [{ "model": "notes", "from": "n", "to": "m" }] }"#;
    let next = model("notes", &number("m", true));
    let all = format!("{KEY} {TRIGGER} {VIEW}");
    assert_eq!(planned(&all, &next, hints, USES), Ok(()));
    let uses = "INSERT INTO log VALUES ('1'); SELECT m FROM vn WHERE m = 9;";
    assert_eq!(planned(&all, &next, hints, uses), Ok(()));
    let view = "CREATE VIEW v AS SELECT title FROM notes;";
    assert_eq!(planned(view, &next, hints, "SELECT * FROM v"), Ok(()));
}

#[test]
fn what_sqlite_does_not_rename_is_refused() {
    let hints = r#"{ "models": [{ "from": "notes", "to": "pages" }] }"#;
    let next = model("pages", &number("n", true));
    // SQLite renames nothing as long as one object is broken.
    let broken = format!("{VIEW} CREATE VIEW broken AS SELECT * FROM nowhere;");
    let found = planned(&broken, &next, hints, "").expect_err("a broken view");
    assert!(found[0].contains("error in view broken"), "{found:?}");
    // The name is taken by a table that is not ours.
    let taken = format!("{VIEW} CREATE TABLE pages (x);");
    let found = planned(&taken, &next, hints, "").expect_err("a taken name");
    assert!(found[0].contains("pages"), "{found:?}");
}

#[test]
fn every_part_that_a_rebuild_would_lose_is_named_at_once() {
    let by_hand = "ALTER TABLE notes ADD COLUMN mine TEXT; CREATE INDEX my_index ON notes (n); \
        CREATE TRIGGER my_trigger AFTER INSERT ON notes BEGIN SELECT 1; END;";
    let next = model("notes", &number("n", false));
    let found = planned(by_hand, &next, "{}", "").expect_err("three parts");
    for part in ["mine", "my_index", "my_trigger"] {
        assert!(found.iter().any(|one| one.contains(&format!(": {part} ["))), "{part}: {found:?}");
    }
    assert!(found.iter().all(|one| one.contains("ablo::migrate::not_ours")), "{found:?}");
    // Other tables, triggers and views still find the rebuilt table.
    assert_eq!(planned(&format!("{KEY} {TRIGGER} {VIEW}"), &next, "{}", USES), Ok(()));
}

#[test]
fn a_dropped_column_is_not_taken_away_from_other_objects() {
    let next = model("notes", &number("m", true));
    let hints = r#"{ "drops": { "fields": [{ "model": "notes", "field": "n" }] } }"#;
    let found = planned(VIEW, &next, hints, "").expect_err("a view");
    assert!(found[0].starts_with("the view `vn` would be broken"), "{found:?}");
}
