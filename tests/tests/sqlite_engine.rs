//! The engine and the plans of `ablo-migrate` on files of SQLite: failure, two at once, what moved, what drifted.

use ablo_codegen::migrate::{Phase, Statement};
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
const STATE: &str = r#""state":{"type":"enum","enumValues":["open","it's"],"isOptional":true,"isIndexed":false,"default":"open"}"#;

/// A folder with one file, which is not there yet.
struct File(TempDir);

impl File {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn address(&self) -> String {
        format!("sqlite:{}", self.0.path().join("app").display())
    }

    fn open(&self) -> Database {
        Database::connect(&self.address(), IfMissing::Create).expect("a session")
    }

    /// By hand.
    fn by_hand(&self) -> Connection {
        Connection::open(self.0.path().join("app")).expect("a connection")
    }

    fn run(&self, sql: &str) {
        self.by_hand().execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    fn tables(&self) -> Vec<String> {
        catalogue(&self.by_hand()).into_keys().collect()
    }
}

fn fixture(name: &str) -> Schema {
    let path = format!("{}/../fixtures/schemas/{name}/schema.json", env!("CARGO_MANIFEST_DIR"));
    schema(&std::fs::read_to_string(path).expect("a fixture"))
}

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},"identityRoles":[]}}"#
    ))
}

fn plan_to(database: &mut Database, next: &Schema) -> Plan {
    let prev = current(database, None, true).expect("a ledger or nothing").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("no hints, no faults");
    plan_for(database, &diff, &Backfills::default(), true).expect("a plan")
}

fn codes<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<&'static str> {
    result.expect_err("it is refused").0.iter().map(|finding| finding.code.name).collect()
}

fn record(statements: &[&str]) -> Record {
    let statement = |sql: &&str| Statement {
        sql: (*sql).to_owned(),
        phase: Phase::Transaction,
        cause: None,
        locks: Vec::new(),
        hazards: Vec::new(),
    };
    let schema = r#"{"v":3,"models":{},"identityRoles":[]}"#.to_owned();
    let statements = statements.iter().map(statement).collect();
    Record { from: None, to: "after".to_owned(), schema, foreign_keys: false, statements }
}

/// As an apply does it.
fn run(database: &mut Database, record: &Record) -> Result<Applied, Error> {
    database.lock(PATIENCE.migration_lock)?;
    let applied = database.apply(record, PATIENCE);
    database.unlock()?;
    applied
}

#[test]
fn a_failure_names_its_statement_and_changes_nothing() {
    let file = File::new();
    let mut database = file.open();
    let failing =
        record(&["CREATE TABLE a (id TEXT);", "INSERT INTO nowhere VALUES (1);", "SELECT 1;"]);
    let error = run(&mut database, &failing).expect_err("there is no such table");
    assert_eq!(error.0[0].code.name, "ablo::migrate::statement_failed");
    assert_eq!(
        error.0[0].message,
        "statement 2 of 3 of the transaction failed: no such table: nowhere"
    );
    assert_eq!((file.tables(), database.ledger()), (Vec::new(), Ok(Vec::new())));
    // The session is still good.
    let fine = record(&["CREATE TABLE a (id TEXT);"]);
    assert_eq!(run(&mut database, &fine), Ok(Applied { transaction: 1, after_commit: 0 }));
    let entries = database.ledger().expect("readable");
    assert_eq!((entries.len(), &entries[0].record, entries[0].state), (1, &fine, State::Done));
    assert_eq!(file.tables(), ["a", "ablo_migrations"]);
}

#[test]
fn a_migration_gives_its_own_reason() {
    let file = File::new();
    let mut database = file.open();
    let first = plan_to(&mut database, &tasks(NOTE));
    apply(&mut database, &first, PATIENCE).expect("it applies");
    file.run("INSERT INTO tasks (id, organization_id) VALUES ('it''s', 'o')");
    let next = tasks(&NOTE.replace(r#""isOptional":true"#, r#""isOptional":false"#));
    let plan = plan_to(&mut database, &next);
    let before = catalogue(&file.by_hand());
    let error = apply(&mut database, &plan, PATIENCE).expect_err("a row has no value");
    assert_eq!(error.0[0].code.name, "ablo::migrate::made_required");
    let message = &error.0[0].message;
    assert!(
        message.starts_with("statement ") && message.contains("note") && message.ends_with("it's"),
        "{message}"
    );
    assert_eq!(catalogue(&file.by_hand()), before);
    assert_eq!(database.ledger().expect("readable").len(), 1);
    // What somebody added by hand would go with the table.
    file.run("CREATE TRIGGER by_hand AFTER DELETE ON tasks BEGIN SELECT 1; END; UPDATE tasks SET note = 'n'");
    let plan = plan_to(&mut database, &next);
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::migrate::not_ours"]);
}

#[test]
fn a_file_without_tables_gets_every_fixture_and_then_nothing() {
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
        assert!(apply(&mut database, &plan, PATIENCE).expect("it is done").already_applied);
        assert_eq!(plan_to(&mut database, &next).body.statements, [], "{name}");
        // What was provisioned is what was migrated, but for the ledger.
        let provisioned = File::new();
        provisioned.run(&program(&next).transaction);
        let mut migrated = catalogue(&file.by_hand());
        migrated.remove("ablo_migrations");
        assert_eq!(migrated, catalogue(&provisioned.by_hand()), "{name}");
        assert_eq!(drift(&mut provisioned.open(), &next, true), Ok(Vec::new()), "{name}");
    }
}

#[test]
fn what_loses_values_is_counted_and_runs_only_when_it_is_approved() {
    let file = File::new();
    let mut database = file.open();
    let first = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    apply(&mut database, &first, PATIENCE).expect("it applies");
    file.run("INSERT INTO tasks (id, organization_id, title, note) VALUES ('1', 'o', 't', 'n'), ('2', 'o', 't', NULL)");
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
    plan.approve("loss:0", Some("ada")).expect("it is asked for");
    apply(&mut database, &plan, PATIENCE).expect("it is approved");
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
    assert_eq!(database.row_count("tasks").expect("a table").count, 2);
}

#[test]
fn a_plan_is_refused_when_the_database_moved() {
    let file = File::new();
    let mut database = file.open();
    let (one, other) =
        (plan_to(&mut database, &tasks(TITLE)), plan_to(&mut database, &tasks(NOTE)));
    apply(&mut database, &one, PATIENCE).expect("it applies");
    assert_eq!(codes(apply(&mut database, &other, PATIENCE)), ["ablo::migrate::schema_moved"]);
    let next = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    file.run("ALTER TABLE tasks ADD COLUMN by_hand TEXT");
    assert_eq!(codes(apply(&mut database, &next, PATIENCE)), ["ablo::migrate::database_moved"]);
    let (has, nothing) = (tasks(TITLE), Hints::default());
    let diff = diff(None, &has, &nothing).expect("no faults");
    let server =
        offline(&diff, &Backfills::default(), Dialect::Postgres, "public", true).expect("a plan");
    assert_eq!(codes(apply(&mut database, &server, PATIENCE)), ["ablo::migrate::plan_elsewhere"]);
    let elsewhere = offline(&diff, &Backfills::default(), Dialect::Sqlite, "public", true);
    assert_eq!(codes(elsewhere), ["ablo::migrate::options"]);
}

#[test]
fn two_applies_at_once_are_one_after_the_other() {
    let file = File::new();
    let plan = plan_to(&mut file.open(), &fixture("newsroom"));
    let run = || {
        let (mut database, plan) = (file.open(), plan.clone());
        std::thread::spawn(move || {
            apply(&mut database, &plan, Timeouts::default()).expect("it applies").already_applied
        })
    };
    let (one, other) = (run(), run());
    let mut done = [one.join().expect("it ends"), other.join().expect("it ends")];
    done.sort_unstable();
    assert_eq!(done, [false, true]);
    assert_eq!(file.open().ledger().expect("readable").len(), 1);
}

#[test]
fn a_writer_and_a_reader_are_waited_for_and_then_told() {
    let file = File::new();
    let mut database = file.open();
    let plan = plan_to(&mut database, &tasks(TITLE));
    let other = file.by_hand();
    other.execute_batch("CREATE TABLE other (id TEXT); BEGIN IMMEDIATE").expect("a writer");
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::database::locked"]);
    other.execute_batch("ROLLBACK; BEGIN; SELECT * FROM other").expect("a reader");
    assert_eq!(codes(apply(&mut database, &plan, PATIENCE)), ["ablo::migrate::busy"]);
    other.execute_batch("ROLLBACK; DROP TABLE other").expect("nobody");
    apply(&mut database, &plan, PATIENCE).expect("it is free");
}

#[test]
fn tables_without_a_ledger_need_a_baseline_that_fits() {
    let file = File::new();
    let (has, next) = (tasks(TITLE), tasks(&format!("{TITLE},{NOTE}")));
    file.run(&program(&has).transaction);
    let mut database = file.open();
    assert_eq!(codes(current(&mut database, None, true)), ["ablo::migrate::baseline_required"]);
    let expected = [
        "ablo::migrate::baseline_differs",
        "ablo::drift::column_missing",
        "ablo::drift::index_missing",
    ];
    assert_eq!(codes(current(&mut database, Some(&next), true)), expected);
    let prev = current(&mut database, Some(&has), true).expect("it fits").schema;
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("no faults");
    let plan = plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    apply(&mut database, &plan, PATIENCE).expect("it applies");
    assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()));
}

/// The text of the table with something else in it.
fn rewritten(file: &File, from: &str, to: &str) {
    let connection = file.by_hand();
    let text: String = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'tasks'", [], |row| row.get(0))
        .expect("a table");
    assert!(text.contains(from), "{from} is not in {text}");
    let index: String = connection
        .query_row(
            "SELECT group_concat(sql, ';') FROM sqlite_schema WHERE type = 'index' AND sql NOT NULL",
            [],
            |row| row.get(0),
        )
        .expect("indexes");
    connection
        .execute_batch(&format!("DROP TABLE tasks; {}; {index}", text.replace(from, to)))
        .expect("another table");
}

#[test]
fn what_was_changed_by_hand_is_found_with_what_mends_it() {
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
        // Spelled otherwise it is the same.
        ("\"title\" TEXT NOT NULL", "title text /* CHECK (1) */\n not  null", &[]),
    ];
    for (edit, instead, wanted) in edits {
        let file = File::new();
        file.run(&program(&next).transaction);
        if instead.is_empty() && edit != "STRICT" {
            file.run(edit);
        } else {
            rewritten(&file, edit, instead);
        }
        let mut database = Database::connect(&file.address(), IfMissing::Fail).expect("a session");
        let found = drift(&mut database, &next, true).expect("readable");
        let names: Vec<_> = found.iter().map(|difference| difference.code.name).collect();
        let wanted: Vec<_> = wanted.iter().map(|what| format!("ablo::drift::{what}")).collect();
        assert_eq!(names, wanted, "{edit}: {found:?}");
        let mends: Vec<_> = found.iter().filter_map(|difference| difference.fix.clone()).collect();
        if edit.contains("tasks_note_idx") {
            assert_eq!(mends.len(), found.len(), "{edit}");
        }
        // The statements mend it: nothing is left.
        if !mends.is_empty() && mends.len() == found.len() {
            file.run(&mends.concat());
            assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()), "{mends:?}");
        }
    }
}

#[test]
fn a_foreign_key_is_missed_and_one_that_is_looked_at_too_early_too() {
    let next = fixture("newsroom");
    let text = program(&next).transaction;
    let keyless = |line: &str| match line.split_once(" REFERENCES ") {
        Some((before, key)) => format!("{before}{}\n", if key.ends_with(',') { "," } else { "" }),
        None => format!("{line}\n"),
    };
    for (changed, what) in [
        (text.lines().map(keyless).collect(), "ablo::drift::foreign_key_missing"),
        (text.replace(" DEFERRABLE INITIALLY DEFERRED", ""), "ablo::drift::definition"),
    ] {
        assert_ne!(changed, text);
        let file = File::new();
        file.run(&changed);
        let found = drift(&mut file.open(), &next, true).expect("readable");
        assert!(
            !found.is_empty() && found.iter().all(|difference| difference.code.name == what),
            "{found:?}"
        );
    }
}

#[test]
fn what_is_no_database_is_told() {
    let file = File::new();
    assert_eq!(
        codes(Database::connect(&file.address(), IfMissing::Fail)),
        ["ablo::database::file_unreadable"]
    );
    let mut nothing =
        Database::connect(&file.address(), IfMissing::TreatAsEmpty).expect("nothing is there");
    assert_eq!(nothing.ledger(), Ok(Vec::new()));
    assert!(!file.0.path().join("app").exists());
    std::fs::write(file.0.path().join("app"), "not a database, however long it is, and it is")
        .expect("a file");
    assert_eq!(
        codes(Database::connect(&file.address(), IfMissing::Create)),
        ["ablo::database::not_a_database"]
    );
    let other = File::new();
    let mut database = other.open();
    run(&mut database, &record(&[])).expect("an entry");
    other.run("UPDATE ablo_migrations SET record = '{}'");
    assert_eq!(codes(database.ledger()), ["ablo::ledger::unreadable"]);
}
