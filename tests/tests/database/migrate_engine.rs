//! The migration engine on a real server, with handwritten migrations: failures, interruptions,
//! locks and concurrency.

use ablo_codegen::migrate::{Phase, Statement};
use ablo_codegen::shape::Layout;
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Applied, Database, Timeouts};
use ablo_migrate::{Error, finish};
use ablo_tests::postgres::{Server, Session};
use std::time::{Duration, Instant};

const PATIENCE: Timeouts = Timeouts {
    migration_lock: Duration::from_secs(20),
    table_lock: Duration::from_millis(200),
    attempts: 2,
};

fn statement(phase: Phase, sql: &str) -> Statement {
    Statement {
        sql: sql.to_owned(),
        phase,
        cause: None,
        locks: Vec::new(),
        hazards: Vec::new(),
        effects: Vec::new(),
    }
}

fn record(transaction: &[&str], after_commit: &[&str]) -> Record {
    let of = |phase, sql: &[&str]| sql.iter().map(|sql| statement(phase, sql)).collect::<Vec<_>>();
    let statements =
        [of(Phase::Transaction, transaction), of(Phase::AfterCommit, after_commit)].concat();
    let schema = r#"{"v":3,"models":{},"identityRoles":[]}"#.to_owned();
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

fn open(address: &str) -> Database {
    Database::connect(address, "public").expect("the session opens")
}

fn single_finding(error: Error) -> (&'static str, String) {
    assert_eq!(error.0.len(), 1, "{error}");
    (error.0[0].code.name, error.0[0].message.clone())
}

fn tables(session: &mut Session) -> Vec<String> {
    session.texts(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
         AND relnamespace = 'public'::regnamespace ORDER BY 1",
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
    assert_eq!(
        database.apply(&record, &[], PATIENCE),
        Ok(Applied { transaction: 1, after_commit: 1 })
    );
    let entries = database.ledger().expect("the ledger is readable");
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0].record, entries[0].state), (&record, State::Done));
    assert_eq!(
        database.catalog().expect("the tables are readable").tables.keys().collect::<Vec<_>>(),
        ["a"]
    );
}

#[test]
fn a_failed_statement_is_named_and_rolls_everything_back() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let failing = record(&["CREATE TABLE public.a (id text);", "SELECT 1/0;", "SELECT 1;"], &[]);
    let (code, message) =
        single_finding(database.apply(&failing, &[], PATIENCE).expect_err("division by zero"));
    assert_eq!(code, "ablo::migrate::statement_failed");
    assert_eq!(
        message,
        "statement 2 of 3 of the transaction failed, SQLSTATE 22012: division by zero"
    );
    assert_eq!(tables(&mut server.session()), [""; 0]);
    assert_eq!(database.ledger(), Ok(Vec::new()));
    // The session remains usable.
    assert!(
        database.apply(&record(&["CREATE TABLE public.a (id text);"], &[]), &[], PATIENCE).is_ok()
    );
}

#[test]
fn a_code_raised_by_the_migration_is_reported() {
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
        let (found, message) = single_finding(
            database
                .apply(&record(&[&sql], &[]), &[], PATIENCE)
                .expect_err("the statement raises the code"),
        );
        assert_eq!(found, code);
        assert!(message.contains("public.tasks.due") && message.contains("P0001"), "{message}");
    }
}

#[test]
fn deferred_constraints_fail_before_the_commit() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let record = record(
        &[
            "CREATE TABLE public.a (id text PRIMARY KEY, a text \
             REFERENCES public.a (id) DEFERRABLE INITIALLY DEFERRED);",
            "INSERT INTO public.a VALUES ('x', 'missing');",
        ],
        &[],
    );
    let (code, message) = single_finding(
        database.apply(&record, &[], PATIENCE).expect_err("the foreign key is violated"),
    );
    assert_eq!(code, "ablo::migrate::statement_failed");
    assert!(message.contains("SQLSTATE 23503"), "{message}");
    assert_eq!(tables(&mut server.session()), [""; 0]);
}

/// Terminates its own session the first time it runs.
const TERMINATE_SESSION: &str = "DO $$ BEGIN IF nextval('public.runs') = 1 THEN PERFORM \
    pg_terminate_backend(pg_backend_pid()); END IF; END $$;";

#[test]
fn the_next_run_completes_after_a_session_ended_at_any_statement() {
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
        session.run("CREATE SEQUENCE public.runs").expect("the sequence is created");
        let (mut in_transaction, mut after_commit) = (transaction.to_vec(), after.to_vec());
        match at.checked_sub(in_transaction.len() + 1) {
            None => in_transaction.insert(at, TERMINATE_SESSION),
            Some(at) => after_commit.insert(at, TERMINATE_SESSION),
        }
        let record = record(&in_transaction, &after_commit);
        let error =
            open(&server.address()).apply(&record, &[], PATIENCE).expect_err("the session ended");
        assert!(!error.0.is_empty());
        let mut again = open(&server.address());
        let committed = !again.ledger().expect("the ledger is readable").is_empty();
        assert_eq!(committed, at > transaction.len(), "position {at}");
        assert_eq!(tables(&mut session).len(), if committed { 4 } else { 0 }, "position {at}");
        if committed {
            assert!(finish(&mut again, PATIENCE).expect("the migration is finished") > 0);
        } else {
            again.apply(&record, &[], PATIENCE).expect("the migration applies");
        }
        assert_eq!(
            again
                .ledger()
                .expect("the ledger is readable")
                .iter()
                .map(|entry| entry.state)
                .collect::<Vec<_>>(),
            [State::Done]
        );
        assert_eq!(tables(&mut session), ["a", "ablo_migrations", "b", "c"], "position {at}");
        let indexes = session.texts(
            "SELECT relname::text FROM pg_class \
            JOIN pg_index ON oid = indexrelid \
            WHERE indisvalid AND relname IN ('i', 'j') ORDER BY 1",
        );
        assert_eq!(indexes, ["i", "j"], "position {at}");
        assert_eq!(finish(&mut again, PATIENCE), Ok(0));
    }
}

#[test]
fn the_next_run_resumes_at_the_failed_statement_after_the_commit() {
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
    let (code, message) =
        single_finding(database.apply(&record, &[], PATIENCE).expect_err("a value is duplicated"));
    assert_eq!(code, "ablo::migrate::after_commit_failed");
    assert!(
        message.starts_with("statement 2 of 2 of the after-commit phase failed, SQLSTATE 23505"),
        "{message}"
    );
    assert_eq!(database.ledger().expect("the ledger is readable")[0].state, State::AfterCommit(1));
    let mut session = server.session();
    session.run("DELETE FROM public.a").expect("the duplicates are deleted");
    session.run("DROP INDEX public.u").expect("the invalid index is dropped");
    assert_eq!(finish(&mut database, PATIENCE), Ok(1));
}

#[test]
fn a_locked_table_is_waited_for_and_reported_after_the_timeout() {
    let server = Server::shared().database();
    let mut session = server.session();
    session.run("CREATE TABLE public.a (id text)").expect("the table is created");
    session.run("BEGIN; LOCK TABLE public.a").expect("the table is locked");
    let mut database = open(&server.address());
    let change = record(&["ALTER TABLE public.a ADD COLUMN b text;"], &[]);
    let (code, message) =
        single_finding(database.apply(&change, &[], PATIENCE).expect_err("the table is locked"));
    assert_eq!(code, "ablo::migrate::busy");
    assert!(
        message.contains("statement 1 of 1") && message.contains("SQLSTATE 55P03"),
        "{message}"
    );
    let waiting = std::thread::spawn(move || {
        database.apply(&change, &[], Timeouts { attempts: 8, ..PATIENCE })
    });
    let mut observer = server.session();
    let start = Instant::now();
    while observer.texts("SELECT count(*)::text FROM pg_locks WHERE NOT granted") == ["0"] {
        assert!(start.elapsed() < Duration::from_secs(10), "the migration waits");
    }
    session.run("ROLLBACK").expect("the lock is released");
    assert_eq!(
        waiting.join().expect("the thread ends"),
        Ok(Applied { transaction: 1, after_commit: 0 })
    );
}

#[test]
fn a_held_lock_is_reported_with_its_holder() {
    let server = Server::shared().database();
    let (mut holder, mut waiter) = (open(&server.address()), open(&server.address()));
    holder.lock(Duration::ZERO).expect("the lock is free");
    let (code, message) =
        single_finding(waiter.lock(Duration::from_millis(300)).expect_err("the lock is held"));
    assert_eq!(code, "ablo::database::locked");
    assert!(message.contains(server.owner()) && message.contains("ablo migrate"), "{message}");
    // Each schema of a database has its own lock.
    server.session().run("CREATE SCHEMA elsewhere").expect("a schema");
    let mut elsewhere =
        Database::connect(&server.address(), "elsewhere").expect("the session opens");
    elsewhere.lock(Duration::ZERO).expect("the lock is free");
    holder.unlock().expect("the lock is released");
    waiter.lock(Duration::ZERO).expect("the lock is free");
}

#[test]
fn an_unreachable_server_is_reported_without_the_password() {
    let error = Database::connect("postgres://me:secret@127.0.0.1:1/d?connect_timeout=2", "public")
        .map(drop);
    let (code, message) = single_finding(error.expect_err("no server listens on the port"));
    assert_eq!(code, "ablo::database::connection_failed");
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn an_edited_ledger_is_refused() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    database
        .apply(&record(&["CREATE TABLE public.a (id text);"], &[]), &[], PATIENCE)
        .expect("the migration applies");
    for (edit, word) in [("state = 'half'", "half"), ("record = '{}'", "missing field")] {
        server
            .session()
            .run(&format!("UPDATE public.ablo_migrations SET {edit}"))
            .expect("the ledger is edited");
        let (code, message) = single_finding(database.ledger().expect_err("the ledger was edited"));
        assert_eq!(code, "ablo::ledger::unreadable");
        assert!(message.contains(word), "{message}");
    }
}
