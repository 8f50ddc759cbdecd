//! Applying plans on a server that others use: what is reported as applied exists and is valid, and
//! every state has a way on.

use ablo_codegen::migrate::{Effect, Phase, Statement};
use ablo_codegen::shape::Layout;
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Error, apply, current, drift, finish, plan_for, resume, skip, undo};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Database as Scratch, Server, schema};
use std::time::Duration;

const TIMEOUTS: Timeouts = Timeouts {
    migration_lock: Duration::from_secs(20),
    table_lock: Duration::from_millis(300),
    attempts: 2,
};

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const INDEXED: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":true}"#;
const UNIQUE: &str =
    r#""title":{"type":"string","isOptional":false,"isIndexed":false,"unique":true}"#;
const ROW: &str = "INSERT INTO tasks (id, organization_id, title) VALUES";

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn open(server: &Scratch<'_>) -> Database {
    Database::connect(&server.address(), "public").expect("the session opens")
}

/// Plans and applies a change, with every approval that it needs.
fn migrate(database: &mut Database, next: &Schema) -> Result<(), Error> {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    let mut plan = plan_for(database, &diff, &Backfills::default(), true)?;
    for needed in plan.body.approvals_needed.clone() {
        plan.approve(&needed.id, None).expect("the approval is needed");
    }
    apply(database, &plan, TIMEOUTS).map(drop)
}

/// Returns a database with the table `tasks`.
fn database(fields: &str) -> Scratch<'static> {
    let server = Server::shared().database();
    migrate(&mut open(&server), &tasks(fields)).expect("the first migration");
    server
}

fn finding<T: std::fmt::Debug>(result: Result<T, Error>) -> (&'static str, String) {
    let error = result.expect_err("the call is refused");
    (error.0[0].code.name, error.0[0].message.clone())
}

fn state(database: &mut Database) -> State {
    database.ledger().expect("the ledger is readable").last().expect("an entry").state
}

fn valid_indexes(server: &Scratch<'_>) -> Vec<String> {
    server.session().texts(
        "SELECT c.relname::text FROM pg_index JOIN pg_class c ON c.oid = indexrelid \
         WHERE indrelid = 'tasks'::regclass AND indisvalid AND NOT indisprimary \
         AND c.relname <> 'tasks_id_idx' ORDER BY 1",
    )
}

#[test]
fn an_index_build_that_a_transaction_delays_is_valid_or_an_error() {
    let server = database(TITLE);
    server.admin().run(&format!("{ROW} ('1', 'o', 't')")).expect("a row");
    let mut holder = server.session_of("postgres");
    // An old snapshot delays the last step of a concurrent build and no lock of the transaction.
    holder
        .run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM pg_class LIMIT 1")
        .expect("a snapshot");
    let mut database = open(&server);
    let (code, message) = finding(migrate(&mut database, &tasks(INDEXED)));
    assert_eq!(code, "ablo::migrate::after_commit_failed");
    assert!(message.contains("the lock is held by process"), "{message}");
    assert_eq!(valid_indexes(&server), [""; 0]);
    assert!(matches!(state(&mut database), State::AfterCommit(_)));
    // As long as the transaction is open, each run fails again.
    assert_eq!(finding(finish(&mut database, TIMEOUTS)).0, "ablo::migrate::after_commit_failed");
    holder.run("ROLLBACK").expect("the transaction ends");
    finish(&mut database, TIMEOUTS).expect("the invalid index is built again");
    assert_eq!(valid_indexes(&server), ["tasks_title_idx"]);
    assert_eq!(state(&mut database), State::Done);
}

#[test]
fn a_duplicate_that_appears_before_the_build_fails_every_run() {
    let server = database(TITLE);
    let mut admin = server.admin();
    admin.run(&format!("{ROW} ('1', 'o', 'same')")).expect("a row");
    // Another session could write it; here the transaction itself does, after its checks.
    admin
        .run(&format!(
            "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
             $$ BEGIN {ROW} ('2', 'o', 'same'); RETURN NULL; END $$; \
             CREATE TRIGGER again AFTER INSERT ON ablo_migrations EXECUTE FUNCTION again()"
        ))
        .expect("a trigger");
    let mut database = open(&server);
    let (code, message) = finding(migrate(&mut database, &tasks(UNIQUE)));
    assert_eq!(code, "ablo::migrate::after_commit_failed");
    assert!(message.contains("SQLSTATE 23505"), "{message}");
    for _ in 0..2 {
        let (code, message) = finding(finish(&mut database, TIMEOUTS));
        assert_eq!(code, "ablo::migrate::after_commit_failed");
        assert!(message.contains("SQLSTATE 23505"), "{message}");
        assert_eq!(valid_indexes(&server), [""; 0]);
    }
    admin.run("DELETE FROM tasks WHERE id = '2'").expect("the duplicate is deleted");
    finish(&mut database, TIMEOUTS).expect("the index is built");
    assert_eq!(valid_indexes(&server), ["tasks_title_key"]);
}

#[test]
fn a_value_that_an_index_cannot_have_fails_every_run() {
    let server = database(TITLE);
    let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)";
    server.admin().run(&format!("{ROW} ('1', 'o', {long})")).expect("a row");
    let mut database = open(&server);
    for _ in 0..2 {
        let code = match state(&mut database) {
            State::Done => finding(migrate(&mut database, &tasks(INDEXED))).0,
            State::AfterCommit(_) => finding(finish(&mut database, TIMEOUTS)).0,
        };
        assert_eq!(code, "ablo::migrate::after_commit_failed");
        assert_eq!(valid_indexes(&server), [""; 0]);
    }
}

#[test]
fn a_taken_name_is_reported_before_anything_changes() {
    for (taken, found) in [
        ("CREATE INDEX tasks_title_key ON tasks (id)", "CREATE INDEX tasks_title_key"),
        ("CREATE INDEX tasks_title_key ON tasks (title)", "CREATE INDEX tasks_title_key"),
        ("CREATE TABLE tasks_title_key (x int)", "the table public.tasks_title_key"),
        ("CREATE VIEW tasks_title_key AS SELECT 1 AS x", "the view public.tasks_title_key"),
    ] {
        let server = database(TITLE);
        server.session().run(taken).expect("the object is created");
        let mut database = open(&server);
        let (code, message) = finding(migrate(&mut database, &tasks(UNIQUE)));
        assert_eq!(code, "ablo::migrate::name_taken", "{taken}");
        assert!(message.contains(found), "{message}");
        assert_eq!(database.ledger().expect("the ledger is readable").len(), 1);
    }
    // An index that is the wanted one is taken over.
    let server = database(TITLE);
    let index = "CREATE UNIQUE INDEX tasks_title_key ON tasks (organization_id, title)";
    server.session().run(index).expect("the index is created");
    migrate(&mut open(&server), &tasks(UNIQUE)).expect("the index is there");
    assert_eq!(valid_indexes(&server), ["tasks_title_key"]);
}

#[test]
fn a_statement_without_its_effect_is_no_success() {
    let of = |phase, sql: &str| Statement {
        sql: sql.to_owned(),
        phase,
        cause: None,
        locks: Vec::new(),
        hazards: Vec::new(),
        effects: vec![Effect::Table { name: "late".to_owned() }],
    };
    let record = |statements| Record {
        from: None,
        to: "after".to_owned(),
        schema: "{}".to_owned(),
        foreign_keys: false,
        layout: Layout::CURRENT,
        accepted: Vec::new(),
        statements,
    };
    let server = Server::shared().database();
    let mut database = open(&server);
    let first = record(vec![of(Phase::Transaction, "SELECT 1;")]);
    let (code, message) = finding(database.apply(&first, &[], TIMEOUTS));
    assert_eq!(code, "ablo::migrate::effect_missing");
    assert!(message.ends_with("ran, but the table `late` does not exist"), "{message}");
    assert_eq!(database.ledger(), Ok(Vec::new()));
    let later = record(vec![of(Phase::AfterCommit, "CREATE TABLE IF NOT EXISTS late ();")]);
    server.admin().run("CREATE VIEW late AS SELECT 1 AS x").expect("a view");
    let (code, _) = finding(database.apply(&later, &[], TIMEOUTS));
    assert_eq!(code, "ablo::migrate::name_taken");
    server.admin().run("DROP VIEW late").expect("the view is dropped");
    let vanishing = record(vec![
        of(Phase::AfterCommit, "CREATE TABLE IF NOT EXISTS late ();"),
        Statement { effects: Vec::new(), ..of(Phase::AfterCommit, "DROP TABLE late;") },
    ]);
    let (code, message) = finding(database.apply(&vanishing, &[], TIMEOUTS));
    assert_eq!(
        (code, &*message),
        ("ablo::migrate::effect_missing", "statement 1 ran, but the table `late` does not exist")
    );
    // The next run repeats the statement whose effect is missing.
    assert_eq!(state(&mut database), State::AfterCommit(0));
    skip_to_the_end(&mut database);
}

/// Leaves out statements until the migration is finished.
fn skip_to_the_end(database: &mut Database) {
    for _ in 0..5 {
        if skip(database, "the table is not needed", TIMEOUTS).is_ok() {
            break;
        }
    }
    assert_eq!(state(database), State::Done);
}

/// Makes `tasks` a partitioned table, in which no index can be built concurrently.
const PARTITIONED: &str = "ALTER TABLE tasks RENAME TO old; \
    CREATE TABLE tasks (LIKE old INCLUDING DEFAULTS INCLUDING CONSTRAINTS) \
      PARTITION BY LIST (organization_id); \
    ALTER TABLE tasks ADD PRIMARY KEY (organization_id, id); DROP TABLE old; \
    CREATE INDEX tasks_id_idx ON tasks (organization_id, id COLLATE \"C\"); \
    CREATE TABLE tasks_rest PARTITION OF tasks DEFAULT; \
    ALTER TABLE tasks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; \
    CREATE POLICY tenant_isolation ON tasks \
      USING (organization_id = current_setting('app.current_org_id', true))";

#[test]
fn an_unfinished_migration_is_resumed_with_a_reason() {
    let server = database(TITLE);
    let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)";
    server.admin().run(&format!("{ROW} ('1', 'o', {long})")).expect("a row");
    let mut database = open(&server);
    let nothing = finding(resume(&mut database, "to try", TIMEOUTS)).0;
    assert_eq!(nothing, "ablo::migrate::nothing_unfinished");
    migrate(&mut database, &tasks(INDEXED)).expect_err("the value is too long");
    server.admin().run("DELETE FROM tasks").expect("the row is deleted");
    resume(&mut database, "the row is gone", TIMEOUTS).expect("the index is built");
    assert_eq!(valid_indexes(&server), ["tasks_title_idx"]);
    let ledger = database.ledger().expect("the ledger is readable");
    let note = &ledger[1].notes[0];
    assert_eq!((note.action.as_str(), &*note.reason), ("resumed", "the row is gone"));
    assert!(note.at.ends_with(&format!(" by {}", server.owner())), "{}", note.at);
}

#[test]
fn a_statement_that_cannot_succeed_is_skipped_with_a_reason() {
    let server = database(TITLE);
    let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)";
    server.admin().run(&format!("{ROW} ('1', 'o', {long})")).expect("a row");
    let mut database = open(&server);
    migrate(&mut database, &tasks(INDEXED)).expect_err("the value is too long");
    skip(&mut database, "searched elsewhere", TIMEOUTS).expect("the index is left out");
    assert_eq!(state(&mut database), State::Done);
    let ledger = database.ledger().expect("the ledger is readable");
    assert_eq!(ledger[1].notes[0].reason, "searched elsewhere");
    // The difference remains visible.
    let found = drift(&mut database, &tasks(INDEXED), true).expect("the database is readable");
    assert_eq!(found[0].code.name, "ablo::drift::index_missing");
}

#[test]
fn a_migration_that_lost_nothing_is_undone() {
    const MORE: &str = r#","n":{"type":"string","isOptional":true,"isIndexed":false}"#;
    let server = database(TITLE);
    let long = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i)";
    server.admin().run(&format!("{ROW} ('1', 'o', {long})")).expect("a row");
    let superuser = server.address().replace(server.owner(), "postgres");
    let mut database = Database::connect(&superuser, "public").expect("the session opens");
    let next = tasks(&format!("{INDEXED}{MORE}"));
    migrate(&mut database, &next).expect_err("the value is too long");
    // A value in the new column would be lost.
    server.admin().run("UPDATE tasks SET n = 'x'").expect("a value");
    let (code, message) = finding(undo(&mut database, "not needed", TIMEOUTS));
    assert_eq!(code, "ablo::migrate::undo_refused");
    assert!(message.contains("1 rows"), "{message}");
    server.admin().run("UPDATE tasks SET n = NULL").expect("no value");
    undo(&mut database, "not needed", TIMEOUTS).expect("nothing is lost");
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
    let ledger = database.ledger().expect("the ledger is readable");
    assert_eq!(ledger.len(), 3);
    assert!(ledger.iter().all(|entry| entry.state == State::Done));
    assert_eq!(
        (&ledger[1].notes[0].reason[..], &ledger[2].record.to),
        ("not needed", &ledger[0].record.to)
    );
    // Other migrations can follow.
    migrate(&mut database, &tasks(&format!("{TITLE}{MORE}"))).expect("the next migration");
}

#[test]
fn an_index_of_a_partitioned_table_is_built() {
    let server = database(TITLE);
    server.session().run(PARTITIONED).expect("the table is partitioned");
    server.admin().run(&format!("{ROW} ('1', 'o', 't')")).expect("a row");
    let mut database = open(&server);
    migrate(&mut database, &tasks(INDEXED)).expect("the index is built");
    assert_eq!(valid_indexes(&server), ["tasks_title_idx"]);
}

const ENUM: &str = r#","e":{"type":"enum","enumValues":["a","b"],"isOptional":true,
  "isIndexed":false}"#;

#[test]
fn what_a_migration_drops_is_found_by_its_meaning() {
    let next = tasks(&format!("{TITLE}{}", ENUM.replace(r#""b""#, r#""c""#)));
    let renamed = "ALTER INDEX tasks_title_idx RENAME TO my_index; \
        ALTER TABLE tasks RENAME CONSTRAINT tasks_e_check TO my_check; \
        ALTER INDEX tasks_pkey RENAME TO pk_tasks";
    let server = database(&format!("{INDEXED}{ENUM}"));
    server.session().run(renamed).expect("the objects are renamed");
    let mut database = open(&server);
    migrate(&mut database, &next).expect("the objects get their names back");
    assert_eq!(valid_indexes(&server), [""; 0]);
    server.admin().run(&format!("{ROW} ('1', 'o', 't')")).expect("a row");
    server.admin().run("UPDATE tasks SET e = 'c'").expect("a new value");
    server.admin().run("UPDATE tasks SET e = 'b'").expect_err("a removed value");
    assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()));
}

#[test]
fn what_was_dropped_by_hand_stops_a_migration_before_it_begins() {
    let next = tasks(&format!("{TITLE}{}", ENUM.replace(r#""b""#, r#""c""#)));
    let server = database(&format!("{INDEXED}{ENUM}"));
    let dropped = "DROP INDEX tasks_title_idx; ALTER TABLE tasks DROP CONSTRAINT tasks_e_check";
    server.session().run(dropped).expect("the objects are dropped");
    let mut database = open(&server);
    let error = migrate(&mut database, &next).expect_err("the table differs");
    let codes: Vec<&str> = error.0.iter().map(|finding| finding.code.name).collect();
    let missing = ["ablo::drift::check_missing", "ablo::drift::index_missing"];
    assert_eq!((codes[0], &codes[1..]), ("ablo::migrate::drifted", &missing[..]));
}

#[test]
fn an_approval_states_how_many_rows_lose_something() {
    const MORE: &str = r#",
      "n":{"type":"number","format":"int32","isOptional":true,"isIndexed":false},
      "t":{"type":"string","isOptional":true,"isIndexed":false},
      "d":{"type":"string","format":"decimal","precision":9,"scale":3,"isOptional":true,
        "isIndexed":false}"#;
    let server = database(&format!("{TITLE}{ENUM}{MORE}"));
    let superuser = server.address().replace(server.owner(), "postgres");
    let counted = |next: &str| {
        let mut database = Database::connect(&superuser, "public").expect("the session opens");
        let prev = current(&mut database, None).expect("the current schema is known").schema;
        let next = tasks(next);
        let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("there are no hints");
        let plan = plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
        let needed = plan.body.approvals_needed;
        needed.iter().map(|needed| needed.rows).collect::<Vec<_>>()
    };
    let enumeration = format!("{TITLE}{}{MORE}", ENUM.replace(r#""b""#, r#""c""#));
    let narrower = format!("{TITLE}{ENUM}{}", MORE.replace("int32", "int16"));
    let number = MORE.replacen(r#""t":{"type":"string""#, r#""t":{"type":"number""#, 1);
    let number = format!("{TITLE}{ENUM}{number}");
    let digits = format!("{TITLE}{ENUM}{}", MORE.replace(r#""scale":3"#, r#""scale":2"#));
    for next in [&enumeration, &narrower, &number, &digits] {
        assert_eq!(counted(next), [Some(0)], "{next}");
    }
    let rows = "INSERT INTO tasks (id, organization_id, title, e, n, t, d) \
        SELECT i::text, 'o', 't', CASE WHEN i % 5 = 0 THEN 'b' ELSE 'a' END, i * 1000, \
        CASE WHEN i % 10 = 0 THEN 'x' ELSE '1' END, i + 0.001 * (i % 2) \
        FROM generate_series(1, 100) i";
    server.admin().run(rows).expect("the rows are inserted");
    assert_eq!(counted(&enumeration), [Some(20)]);
    assert_eq!(counted(&narrower), [Some(68)]);
    assert_eq!(counted(&number), [Some(10)]);
    assert_eq!(counted(&digits), [Some(50)]);
}
