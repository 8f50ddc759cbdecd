//! The migration engine and plans on SQLite files: failures, concurrency, changed databases and
//! drift.

use ablo_codegen::migrate::{Phase, Statement};
use ablo_codegen::shape::Layout;
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::sqlite::Database;
use ablo_migrate::{
    Applied, Dialect, Error, IfMissing, Plan, Session, Timeouts, apply, current, drift, offline,
    plan_for,
};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::schema;
use ablo_tests::sqlite::{catalogue, program};
use rusqlite::Connection;
use std::time::Duration;
use tempfile::TempDir;

const FIXTURES: [&str; 6] = [
    "descriptions",
    "field-facets",
    "newsroom",
    "no-fields",
    "obstacle-course",
    "redeclared-base-fields",
];

const PATIENCE: Timeouts = Timeouts {
    migration_lock: Duration::from_millis(300),
    table_lock: Duration::from_millis(100),
    attempts: 2,
};

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const NOTE: &str = r#""note":{"type":"string","isOptional":true,"isIndexed":true}"#;
const STATE: &str = r#""state":{"type":"enum","enumValues":["open","it's"],"isOptional":true,
  "isIndexed":false,"default":"open"}"#;

/// A temporary folder for one database file, which does not exist at first.
struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder is created"))
    }

    fn address(&self) -> String {
        format!("sqlite:{}", self.0.path().join("app").display())
    }

    fn open(&self) -> Database {
        Database::connect(&self.address(), IfMissing::Create).expect("the session opens")
    }

    /// Opens the file without the migration engine.
    fn connection(&self) -> Connection {
        Connection::open(self.0.path().join("app")).expect("the file opens")
    }

    fn run(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn tables(&self) -> Vec<String> {
        catalogue(&self.connection()).into_keys().collect()
    }
}

fn fixture(name: &str) -> Schema {
    let path = format!("{}/../fixtures/schemas/{name}/schema.json", env!("CARGO_MANIFEST_DIR"));
    schema(&std::fs::read_to_string(path).expect("the fixture is readable"))
}

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn plan_to(database: &mut Database, next: &Schema) -> Plan {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    plan_for(database, &diff, &Backfills::default(), true).expect("the plan is created")
}

fn codes<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<&'static str> {
    result.expect_err("the call is refused").0.iter().map(|finding| finding.code.name).collect()
}

fn record(statements: &[&str]) -> Record {
    let statement = |sql: &&str| Statement {
        sql: (*sql).to_owned(),
        phase: Phase::Transaction,
        cause: None,
        locks: Vec::new(),
        hazards: Vec::new(),
        effects: Vec::new(),
    };
    let schema = r#"{"v":3,"models":{},"identityRoles":[]}"#.to_owned();
    let statements = statements.iter().map(statement).collect();
    Record {
        from: None,
        to: "after".to_owned(),
        schema,
        foreign_keys: false,
        layout: Layout::CURRENT,
        accepted: Vec::new(),
        statements,
    }
}

/// Applies a record under the lock, as `apply` does.
fn run(database: &mut Database, record: &Record) -> Result<Applied, Error> {
    database.lock(PATIENCE.migration_lock)?;
    let applied = database.apply(record, &[], PATIENCE);
    database.unlock()?;
    applied
}

#[test]
fn a_failed_statement_is_named_and_rolls_everything_back() {
    let file = File::new();
    let mut database = file.open();
    let failing =
        record(&["CREATE TABLE a (id TEXT);", "INSERT INTO nowhere VALUES (1);", "SELECT 1;"]);
    let error = run(&mut database, &failing).expect_err("the table does not exist");
    assert_eq!(error.0[0].code.name, "ablo::migrate::statement_failed");
    assert_eq!(
        error.0[0].message,
        "statement 2 of 3 of the transaction failed: no such table: nowhere"
    );
    assert_eq!((file.tables(), database.ledger()), (Vec::new(), Ok(Vec::new())));
    // The session remains usable.
    let fine = record(&["CREATE TABLE a (id TEXT);"]);
    assert_eq!(run(&mut database, &fine), Ok(Applied { transaction: 1, after_commit: 0 }));
    let entries = database.ledger().expect("the database is readable");
    assert_eq!((entries.len(), &entries[0].record, entries[0].state), (1, &fine, State::Done));
    assert_eq!(file.tables(), ["a", "ablo_migrations"]);
}

#[test]
fn a_code_raised_by_the_migration_is_reported() {
    let file = File::new();
    let mut database = file.open();
    let first = plan_to(&mut database, &tasks(NOTE));
    apply(&mut database, &first, PATIENCE).expect("the plan applies");
    file.run("INSERT INTO tasks (id, organization_id) VALUES ('it''s', 'o')");
    let next = tasks(&NOTE.replace(r#""isOptional":true"#, r#""isOptional":false"#));
    let plan = plan_to(&mut database, &next);
    let before = catalogue(&file.connection());
    let error = apply(&mut database, &plan, PATIENCE).expect_err("a row has no value");
    assert_eq!(error.0[0].code.name, "ablo::migrate::made_required");
    let message = &error.0[0].message;
    assert!(
        message.starts_with("statement ") && message.contains("note") && message.ends_with("it's"),
        "{message}"
    );
    assert_eq!(catalogue(&file.connection()), before);
    assert_eq!(database.ledger().expect("the database is readable").len(), 1);
    // Rebuilding the table would drop the trigger that was added by hand.
    file.run(
        "CREATE TRIGGER by_hand AFTER DELETE ON tasks BEGIN SELECT 1; END; UPDATE tasks \
        SET note = 'n'",
    );
    let prev = tasks(NOTE);
    let diff = diff(Some(&prev), &next, &Hints::default()).expect("there are no hints");
    let planned = plan_for(&mut database, &diff, &Backfills::default(), true);
    assert_eq!(codes(planned), ["ablo::migrate::not_ours"]);
}

#[test]
fn an_empty_file_is_migrated_to_every_fixture_once() {
    for name in FIXTURES {
        let file = File::new();
        let mut database = file.open();
        let next = fixture(name);
        let plan = plan_to(&mut database, &next);
        assert_eq!(Plan::read(&plan.to_json()).as_ref(), Ok(&plan), "{name}");
        let outcome =
            apply(&mut database, &plan, PATIENCE).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!outcome.already_applied);
        assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()), "{name}");
        assert!(
            apply(&mut database, &plan, PATIENCE)
                .expect("the plan was applied before")
                .already_applied
        );
        assert_eq!(plan_to(&mut database, &next).body.statements, [], "{name}");
        // Apart from the ledger, migrating and provisioning give the same catalog.
        let provisioned = File::new();
        provisioned.run(&program(&next).transaction);
        let mut migrated = catalogue(&file.connection());
        migrated.remove("ablo_migrations");
        assert_eq!(migrated, catalogue(&provisioned.connection()), "{name}");
        assert_eq!(drift(&mut provisioned.open(), &next, true), Ok(Vec::new()), "{name}");
    }
}

#[test]
fn a_lossy_plan_counts_rows_and_requires_approval() {
    let file = File::new();
    let mut database = file.open();
    let first = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    apply(&mut database, &first, PATIENCE).expect("the plan applies");
    file.run(
        "INSERT INTO tasks (id, organization_id, title, note) \
        VALUES ('1', 'o', 't', 'n'), ('2', 'o', 't', NULL)",
    );
    let mut plan = plan_to(&mut database, &tasks(TITLE));
    assert_eq!((plan.body.rows["tasks"].count, plan.body.rows["tasks"].exact), (2, true));
    let needed: Vec<_> =
        plan.body.approvals_needed.iter().map(|needed| (needed.id.as_str(), needed.rows)).collect();
    assert_eq!(needed, [("loss:0", Some(1))]);
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::migrate::approval_missing"]);
    let tampered = plan
        .to_json()
        .replace("DROP COLUMN", "DROP  COLUMN")
        .replace("\"count\": 2", "\"count\": 0");
    assert_eq!(codes(Plan::read(&tampered)), ["ablo::migrate::plan_changed"]);
    plan.approve("loss:0", Some("ada")).expect("the approval is needed");
    apply(&mut database, &plan, PATIENCE).expect("the plan is approved");
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
    assert_eq!(database.row_count("tasks").expect("the table exists").count, 2);
}

#[test]
fn a_plan_is_refused_when_the_database_changed() {
    let file = File::new();
    let mut database = file.open();
    let (first, second) =
        (plan_to(&mut database, &tasks(TITLE)), plan_to(&mut database, &tasks(NOTE)));
    apply(&mut database, &first, PATIENCE).expect("the plan applies");
    assert_eq!(codes(apply(&mut database, &second, PATIENCE)), ["ablo::migrate::schema_moved"]);
    let next = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    file.run("ALTER TABLE tasks ADD COLUMN by_hand TEXT");
    assert_eq!(codes(apply(&mut database, &next, PATIENCE)), ["ablo::migrate::database_moved"]);
    let (schema, hints) = (tasks(TITLE), Hints::default());
    let diff = diff(None, &schema, &hints).expect("there are no hints");
    let postgres_plan = offline(&diff, &Backfills::default(), Dialect::Postgres, "public", true)
        .expect("the plan is created");
    assert_eq!(
        codes(apply(&mut database, &postgres_plan, PATIENCE)),
        ["ablo::migrate::plan_elsewhere"]
    );
    let elsewhere = offline(&diff, &Backfills::default(), Dialect::Sqlite, "public", true);
    assert_eq!(codes(elsewhere), ["ablo::migrate::options"]);
}

#[test]
fn concurrent_applies_are_serialised() {
    let file = File::new();
    let plan = plan_to(&mut file.open(), &fixture("newsroom"));
    let run = || {
        let (mut database, plan) = (file.open(), plan.clone());
        std::thread::spawn(move || {
            apply(&mut database, &plan, Timeouts::default())
                .expect("the plan applies")
                .already_applied
        })
    };
    let (one, other) = (run(), run());
    let mut done = [one.join().expect("the thread ends"), other.join().expect("the thread ends")];
    done.sort_unstable();
    assert_eq!(done, [false, true]);
    assert_eq!(file.open().ledger().expect("the database is readable").len(), 1);
}

#[test]
fn locks_are_waited_for_and_reported_after_the_timeout() {
    let file = File::new();
    let mut database = file.open();
    let plan = plan_to(&mut database, &tasks(TITLE));
    let connection = file.connection();
    connection
        .execute_batch("CREATE TABLE other (id TEXT); BEGIN IMMEDIATE")
        .expect("the write transaction begins");
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::database::locked"]);
    connection
        .execute_batch("ROLLBACK; BEGIN; SELECT * FROM other")
        .expect("the read transaction begins");
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::migrate::busy"]);
    connection.execute_batch("ROLLBACK; DROP TABLE other").expect("the read transaction ends");
    apply(&mut database, &plan, PATIENCE).expect("the plan applies");
}

#[test]
fn tables_without_a_ledger_need_a_matching_baseline() {
    let file = File::new();
    let (has, next) = (tasks(TITLE), tasks(&format!("{TITLE},{NOTE}")));
    file.run(&program(&has).transaction);
    let mut database = file.open();
    assert_eq!(codes(current(&mut database, None)), ["ablo::migrate::baseline_required"]);
    let expected = [
        "ablo::migrate::baseline_differs",
        "ablo::drift::column_missing",
        "ablo::drift::index_missing",
    ];
    assert_eq!(codes(current(&mut database, Some(&next))), expected);
    let prev = current(&mut database, Some(&has)).expect("the baseline matches").schema;
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("there are no hints");
    let plan =
        plan_for(&mut database, &diff, &Backfills::default(), true).expect("the plan is created");
    apply(&mut database, &plan, PATIENCE).expect("the plan applies");
    assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()));
}

/// Recreates the table with part of its definition replaced.
fn rewrite_table(file: &File, from: &str, to: &str) {
    let connection = file.connection();
    let text: String = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'tasks'", [], |row| row.get(0))
        .expect("the table exists");
    assert!(text.contains(from), "{from} is not in {text}");
    let index: String = connection
        .query_row(
            "SELECT group_concat(sql, ';') FROM sqlite_schema \
             WHERE type = 'index' AND sql NOT NULL",
            [],
            |row| row.get(0),
        )
        .expect("the indexes are readable");
    connection
        .execute_batch(&format!("DROP TABLE tasks; {}; {index}", text.replace(from, to)))
        .expect("the table is recreated");
}

#[test]
fn drift_is_reported_with_the_statement_that_fixes_it() {
    let next = tasks(&format!("{TITLE},{NOTE},{STATE}"));
    let edits: [(&str, &str, &[&str]); 16] = [
        ("DROP TABLE tasks", "", &["table_missing"]),
        ("DROP INDEX tasks_note_idx", "", &["index_missing"]),
        (
            "DROP INDEX tasks_note_idx; ALTER TABLE tasks DROP COLUMN note",
            "",
            &["column_missing", "index_missing"],
        ),
        ("ALTER TABLE tasks DROP COLUMN title", "", &["column_missing"]),
        ("ALTER TABLE tasks ADD COLUMN more TEXT", "", &["column_extra"]),
        ("CREATE INDEX more ON tasks (lower(title))", "", &["index_extra"]),
        ("CREATE UNIQUE INDEX more ON tasks (title)", "", &["index_extra"]),
        ("\"title\" TEXT NOT NULL", "\"title\" BLOB NOT NULL", &["column_type"]),
        ("\"title\" TEXT NOT NULL", "\"title\" TEXT", &["column_null"]),
        ("DEFAULT 'open'", "DEFAULT 'it''s'", &["column_default"]),
        ("'it''s'", "'it''s', 'x'", &["check_missing", "check_extra"]),
        (
            "\"title\" TEXT NOT NULL",
            "\"title\" TEXT NOT NULL CHECK (title <> '')",
            &["check_extra"],
        ),
        ("\"title\" TEXT NOT NULL", "\"title\" TEXT NOT NULL COLLATE NOCASE", &["definition"]),
        ("STRICT", "", &["definition"]),
        ("\"note\" TEXT", "\"note\" TEXT REFERENCES tasks (id)", &["foreign_key_extra"]),
        // Another spelling of the same definition is no drift.
        ("\"title\" TEXT NOT NULL", "title text /* CHECK (1) */\n not  null", &[]),
    ];
    for (edit, replacement, expected) in edits {
        let file = File::new();
        file.run(&program(&next).transaction);
        if replacement.is_empty() && edit != "STRICT" {
            file.run(edit);
        } else {
            rewrite_table(&file, edit, replacement);
        }
        let mut database =
            Database::connect(&file.address(), IfMissing::Fail).expect("the session opens");
        let found = drift(&mut database, &next, true).expect("the database is readable");
        let names: Vec<_> = found.iter().map(|difference| difference.code.name).collect();
        let expected: Vec<_> = expected.iter().map(|code| format!("ablo::drift::{code}")).collect();
        assert_eq!(names, expected, "{edit}: {found:?}");
        let fixes: Vec<_> = found.iter().filter_map(|difference| difference.fix.clone()).collect();
        if edit.contains("tasks_note_idx") {
            assert_eq!(fixes.len(), found.len(), "{edit}");
        }
        // The suggested statements remove the drift.
        if !fixes.is_empty() && fixes.len() == found.len() {
            file.run(&fixes.concat());
            assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()), "{fixes:?}");
        }
    }
}

#[test]
fn missing_and_immediate_foreign_keys_are_reported() {
    let next = fixture("newsroom");
    let text = program(&next).transaction;
    let without_key = |line: &str| match line.split_once(" REFERENCES ") {
        // A check stands in for a key of its own, so that the commas stay right.
        Some((before, key)) => {
            let before = if before.starts_with("  FOREIGN KEY") { "  CHECK (1)" } else { before };
            format!("{before}{}\n", if key.ends_with(',') { "," } else { "" })
        }
        None => format!("{line}\n"),
    };
    for (changed, code) in [
        (text.lines().map(without_key).collect(), "ablo::drift::foreign_key_missing"),
        (text.replace(" DEFERRABLE INITIALLY DEFERRED", ""), "ablo::drift::definition"),
    ] {
        assert_ne!(changed, text);
        let file = File::new();
        file.run(&changed);
        let found = drift(&mut file.open(), &next, true).expect("the database is readable");
        assert!(
            found.iter().any(|difference| difference.code.name == code)
                && found
                    .iter()
                    .all(|one| [code, "ablo::drift::check_extra"].contains(&one.code.name)),
            "{found:?}"
        );
    }
}

#[test]
fn missing_and_invalid_files_are_reported() {
    let file = File::new();
    assert_eq!(
        codes(Database::connect(&file.address(), IfMissing::Fail)),
        ["ablo::database::file_unreadable"]
    );
    let mut empty = Database::connect(&file.address(), IfMissing::TreatAsEmpty)
        .expect("a missing file reads as empty");
    assert_eq!(empty.ledger(), Ok(Vec::new()));
    assert!(!file.0.path().join("app").exists());
    std::fs::write(file.0.path().join("app"), "not a database, however long it is, and it is")
        .expect("the file is written");
    assert_eq!(
        codes(Database::connect(&file.address(), IfMissing::Create)),
        ["ablo::database::not_a_database"]
    );
    let other = File::new();
    let mut database = other.open();
    run(&mut database, &record(&[])).expect("the record is applied");
    other.run("UPDATE ablo_migrations SET record = '{}'");
    assert_eq!(codes(database.ledger()), ["ablo::ledger::unreadable"]);
}
