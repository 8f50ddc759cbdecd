//! The engine of `ablo-migrate` on a real server, with migrations made by hand: failure, breaking off, locks and two at once.

use ablo_codegen::migrate::{Phase, Statement};
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Applied, Database, Timeouts};
use ablo_migrate::{Error, finish};
use ablo_tests::postgres::{Server, Session};
use std::time::Duration;

const PATIENCE: Timeouts = Timeouts {
    migration_lock: Duration::from_secs(20),
    table_lock: Duration::from_millis(200),
    attempts: 2,
};

fn statement(phase: Phase, sql: &str) -> Statement {
    Statement { sql: sql.to_owned(), phase, cause: None, locks: Vec::new(), hazards: Vec::new() }
}

fn record(transaction: &[&str], after_commit: &[&str]) -> Record {
    let of = |phase, all: &[&str]| all.iter().map(|sql| statement(phase, sql)).collect::<Vec<_>>();
    let statements =
        [of(Phase::Transaction, transaction), of(Phase::AfterCommit, after_commit)].concat();
    let schema = r#"{"v":3,"models":{},"identityRoles":[]}"#.to_owned();
    Record { from: None, to: "after".to_owned(), schema, foreign_keys: false, statements }
}

fn open(address: &str) -> Database {
    Database::connect(address, "public").expect("a session")
}

fn only(error: Error) -> (&'static str, String) {
    assert_eq!(error.0.len(), 1, "{error}");
    (error.0[0].code.name, error.0[0].message.clone())
}

fn tables(session: &mut Session) -> Vec<String> {
    session.texts(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1",
    )
}

#[test]
fn a_migration_is_applied_and_recorded() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let record = record(
        &["CREATE TABLE public.a (id text);"],
        &["CREATE INDEX CONCURRENTLY i ON public.a (id);"],
    );
    assert_eq!(database.apply(&record, PATIENCE), Ok(Applied { transaction: 1, after_commit: 1 }));
    let entries = database.ledger().expect("a ledger");
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0].record, entries[0].state), (&record, State::Done));
    assert_eq!(database.catalog().expect("tables").tables.keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn a_failure_names_its_statement_and_changes_nothing() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let failing = record(&["CREATE TABLE public.a (id text);", "SELECT 1/0;", "SELECT 1;"], &[]);
    let (code, message) = only(database.apply(&failing, PATIENCE).expect_err("division by zero"));
    assert_eq!(code, "ablo::migrate::statement_failed");
    assert_eq!(
        message,
        "statement 2 of 3 of the transaction failed, SQLSTATE 22012: division by zero"
    );
    assert_eq!(tables(&mut server.session()), [""; 0]);
    assert_eq!(database.ledger(), Ok(Vec::new()));
    // The session is still good.
    assert!(database.apply(&record(&["CREATE TABLE public.a (id text);"], &[]), PATIENCE).is_ok());
}

#[test]
fn a_migration_gives_its_own_reason() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    for reason in [
        "required_field_added",
        "made_required",
        "value_unfit",
        "required_recreated",
        "tenancy_column_added",
        "backfill_without_target",
        "duplicate_values",
    ] {
        let code = format!("ablo::migrate::{reason}");
        let sql = format!("DO $$ BEGIN RAISE EXCEPTION '{code} public.tasks.due'; END $$;");
        let (found, message) =
            only(database.apply(&record(&[&sql], &[]), PATIENCE).expect_err("it raises"));
        assert_eq!(found, code);
        assert!(message.contains("public.tasks.due") && message.contains("P0001"), "{message}");
    }
}

#[test]
fn what_waits_for_the_commit_fails_before_it() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let record = record(
        &[
            "CREATE TABLE public.a (id text PRIMARY KEY, a text REFERENCES public.a (id) DEFERRABLE INITIALLY DEFERRED);",
            "INSERT INTO public.a VALUES ('x', 'nobody');",
        ],
        &[],
    );
    let (code, message) = only(database.apply(&record, PATIENCE).expect_err("an orphan"));
    assert_eq!(code, "ablo::migrate::statement_failed");
    assert!(message.contains("SQLSTATE 23503"), "{message}");
    assert_eq!(tables(&mut server.session()), [""; 0]);
}

/// Ends its own session the first time it runs, wherever that is.
const FATAL: &str = "DO $$ BEGIN IF nextval('public.runs') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END $$;";

#[test]
fn a_session_that_ends_anywhere_leaves_what_the_next_run_completes() {
    let transaction = [
        "CREATE TABLE public.a (id text);",
        "CREATE TABLE public.b (id text);",
        "CREATE TABLE public.c (id text);",
    ];
    let after = [
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON public.a (id);",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS j ON public.b (id);",
    ];
    for at in 0..=transaction.len() + after.len() + 1 {
        let server = Server::shared().database();
        let mut session = server.session();
        session.run("CREATE SEQUENCE public.runs").expect("a sequence");
        let (mut one, mut other) = (transaction.to_vec(), after.to_vec());
        match at.checked_sub(one.len() + 1) {
            None => one.insert(at, FATAL),
            Some(at) => other.insert(at, FATAL),
        }
        let record = record(&one, &other);
        let error =
            open(&server.address()).apply(&record, PATIENCE).expect_err("the session ended");
        assert!(!error.0.is_empty());
        let mut again = open(&server.address());
        let begun = !again.ledger().expect("readable").is_empty();
        assert_eq!(begun, at > transaction.len(), "position {at}");
        assert_eq!(tables(&mut session).len(), if begun { 4 } else { 0 }, "position {at}");
        if begun {
            assert!(finish(&mut again, PATIENCE).expect("the rest") > 0);
        } else {
            again.apply(&record, PATIENCE).expect("all of it");
        }
        assert_eq!(
            again.ledger().expect("readable").iter().map(|entry| entry.state).collect::<Vec<_>>(),
            [State::Done]
        );
        assert_eq!(tables(&mut session), ["a", "ablo_migrations", "b", "c"], "position {at}");
        let indexes = session.texts("SELECT relname::text FROM pg_class JOIN pg_index ON oid = indexrelid WHERE indisvalid AND relname IN ('i', 'j') ORDER BY 1");
        assert_eq!(indexes, ["i", "j"], "position {at}");
        assert_eq!(finish(&mut again, PATIENCE), Ok(0));
    }
}

#[test]
fn a_statement_after_the_commit_that_fails_is_where_the_next_run_goes_on() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let after = [
        "CREATE INDEX CONCURRENTLY i ON public.a (id);",
        "CREATE UNIQUE INDEX CONCURRENTLY u ON public.a (id);",
    ];
    let record = record(
        &["CREATE TABLE public.a (id text);", "INSERT INTO public.a VALUES ('x'), ('x');"],
        &after,
    );
    let (code, message) = only(database.apply(&record, PATIENCE).expect_err("a duplicate"));
    assert_eq!(code, "ablo::migrate::after_commit_failed");
    assert!(
        message.starts_with("statement 2 of 2 of the after-commit phase failed, SQLSTATE 23505"),
        "{message}"
    );
    assert_eq!(database.ledger().expect("readable")[0].state, State::AfterCommit(1));
    let mut session = server.session();
    session.run("DELETE FROM public.a").expect("mended");
    session.run("DROP INDEX public.u").expect("the index that broke off");
    assert_eq!(finish(&mut database, PATIENCE), Ok(1));
}

#[test]
fn a_table_that_stays_locked_is_reported_and_one_that_comes_free_is_waited_for() {
    let server = Server::shared().database();
    let mut session = server.session();
    session.run("CREATE TABLE public.a (id text)").expect("a table");
    session.run("BEGIN; LOCK TABLE public.a").expect("a lock");
    let mut database = open(&server.address());
    let change = record(&["ALTER TABLE public.a ADD COLUMN b text;"], &[]);
    let (code, message) = only(database.apply(&change, PATIENCE).expect_err("it is locked"));
    assert_eq!(code, "ablo::migrate::busy");
    assert!(
        message.contains("statement 1 of 1") && message.contains("SQLSTATE 55P03"),
        "{message}"
    );
    let waiting =
        std::thread::spawn(move || database.apply(&change, Timeouts { attempts: 8, ..PATIENCE }));
    std::thread::sleep(Duration::from_millis(500));
    session.run("ROLLBACK").expect("the lock is free");
    assert_eq!(waiting.join().expect("it ends"), Ok(Applied { transaction: 1, after_commit: 0 }));
}

#[test]
fn who_holds_the_lock_is_told() {
    let server = Server::shared().database();
    let (mut one, mut other) = (open(&server.address()), open(&server.address()));
    one.lock(Duration::ZERO).expect("it is free");
    let (code, message) = only(other.lock(Duration::from_millis(300)).expect_err("it is taken"));
    assert_eq!(code, "ablo::database::locked");
    assert!(message.contains(server.owner()) && message.contains("ablo migrate"), "{message}");
    // Another schema of the same database has a lock of its own.
    let mut apart = Database::connect(&server.address(), "elsewhere").expect("a session");
    apart.lock(Duration::ZERO).expect("it is free");
    one.unlock().expect("it was ours");
    other.lock(Duration::ZERO).expect("it is free now");
}

#[test]
fn a_server_that_is_not_there_is_told_without_the_password() {
    let error = Database::connect("postgres://me:secret@127.0.0.1:1/d?connect_timeout=2", "public")
        .map(drop);
    let (code, message) = only(error.expect_err("nobody listens"));
    assert_eq!(code, "ablo::database::connection_failed");
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn a_ledger_that_was_edited_is_not_believed() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    database
        .apply(&record(&["CREATE TABLE public.a (id text);"], &[]), PATIENCE)
        .expect("it applies");
    for (edit, word) in [("state = 'half'", "half"), ("record = '{}'", "missing field")] {
        server
            .session()
            .run(&format!("UPDATE public.ablo_migrations SET {edit}"))
            .expect("an edit");
        let (code, message) = only(database.ledger().expect_err("it was edited"));
        assert_eq!(code, "ablo::ledger::unreadable");
        assert!(message.contains(word), "{message}");
    }
}
