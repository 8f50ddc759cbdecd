//! Migrations beside programs that read and write the same tables: how long they wait, and what
//! their triggers and timeouts do.

use ablo_codegen::migrate::LockMode;
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Error, Plan, apply, current, drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Database as Scratch, Server, beside, schema};
use std::time::{Duration, Instant};

const STATE: &str = r#""state":{"type":"enum","enumValues":["a","b"],"isOptional":true,
  "isIndexed":false}"#;
const NUMBER: &str = r#""n":{"type":"number","format":"int32","isOptional":true,
  "isIndexed":false}"#;

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

fn before() -> Schema {
    tasks(&format!("{STATE},{NUMBER}"))
}

/// A value of the enum is removed, and a field becomes required.
fn after() -> Schema {
    let state = STATE.replace(r#""b""#, r#""c""#);
    let number = NUMBER.replace(r#""isOptional":true"#, r#""isOptional":false,"default":5"#);
    tasks(&format!("{state},{number}"))
}

/// Returns a database with the table `tasks` and this number of rows.
fn database(rows: usize) -> Scratch<'static> {
    let server = Server::shared().database();
    let mut session = open(&server.address());
    let plan = plan(&mut session, &before());
    apply(&mut session, &plan, Timeouts::default()).expect("the first migration");
    server
        .admin()
        .run(&format!(
            "INSERT INTO tasks (id, organization_id, state, n) SELECT 'n' || i, 'o' || i % 100, \
             CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, CASE WHEN i % 2 = 0 THEN i END \
             FROM generate_series(1, {rows}) i; ANALYZE tasks"
        ))
        .expect("the rows are inserted");
    server
}

fn open(address: &str) -> Database {
    Database::connect(address, "public").expect("the session opens")
}

fn plan(database: &mut Database, next: &Schema) -> Plan {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    let mut plan =
        plan_for(database, &diff, &Backfills::default(), true).expect("the plan is created");
    for needed in plan.body.approvals_needed.clone() {
        plan.approve(&needed.id, None).expect("the approval is needed");
    }
    plan
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> (&'static str, String) {
    let error = result.expect_err("the call is refused");
    (error.0[0].code.name, error.0[0].message.clone())
}

#[test]
fn writers_wait_for_less_than_half_a_second() {
    let long = std::env::var_os("ABLO_LONG").is_some();
    let rows = if long { 1_000_000 } else { 30_000 };
    for is_superuser in [true, false] {
        let server = database(rows);
        let address = match is_superuser {
            true => server.address().replace(server.owner(), "postgres"),
            false => server.address(),
        };
        let mut session = open(&address);
        let plan = plan(&mut session, &after());
        let write = "UPDATE tasks SET updated_at = now() WHERE organization_id = 'o' || # % 100 \
             AND id = 'n' || #";
        let began = Instant::now();
        let (longest, blocked) = beside(&server, write, || {
            apply(&mut session, &plan, Timeouts::default()).expect("the plan applies");
        });
        let total = began.elapsed();
        eprintln!(
            "{rows} rows, superuser: {is_superuser}: {total:?}, blocked {blocked:?}, \
             longest {longest:?}"
        );
        assert!(blocked < Duration::from_millis(500), "blocked for {blocked:?} of {total:?}");
        let mut admin = server.admin();
        let wrong = "SELECT count(*)::text FROM tasks WHERE state NOT IN ('a', 'c') OR n IS NULL";
        assert_eq!(admin.texts(wrong), ["0"]);
        assert_eq!(
            admin.texts("SELECT count(*)::text FROM tasks WHERE state = 'a' AND n <> 5"),
            [(rows / 2).to_string()]
        );
        assert_eq!(admin.texts("SELECT count(*)::text FROM pg_policy"), ["1"]);
        assert_eq!(drift(&mut session, &after(), true), Ok(Vec::new()));
    }
}

#[test]
fn batches_that_were_interrupted_are_continued() {
    let server = database(2_000);
    let mut admin = server.admin();
    // Ends the session in one of the batches.
    admin
        .run(
            "CREATE SEQUENCE runs; GRANT ALL ON SEQUENCE runs TO public; \
             CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('public.runs') = 700 THEN PERFORM pg_terminate_backend(pg_backend_pid()); \
             END IF; RETURN NEW; END $$; \
             CREATE TRIGGER stop BEFORE UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION stop()",
        )
        .expect("a trigger");
    let mut session = open(&server.address());
    let plan = plan(&mut session, &after());
    apply(&mut session, &plan, Timeouts::default()).expect_err("the session ended");
    let mut again = open(&server.address());
    ablo_migrate::finish(&mut again, Timeouts::default()).expect("the batches are continued");
    assert_eq!(admin.texts("SELECT count(*)::text FROM tasks WHERE state = 'b'"), ["0"]);
    assert_eq!(admin.texts("SELECT count(*)::text FROM pg_policy"), ["1"]);
    assert_eq!(drift(&mut again, &after(), true), Ok(Vec::new()));
}

#[test]
fn the_policy_of_batches_shows_rows_to_one_session() {
    let server = database(10);
    let mut migrating = server.session();
    // What a batch leaves if the server dies in it.
    migrating
        .run(
            "DO $$ BEGIN EXECUTE format('CREATE POLICY ablo_migrates ON tasks USING \
             (pg_backend_pid() = %s AND (SELECT extract(epoch FROM own.backend_start) FROM \
             pg_stat_get_activity(pg_backend_pid()) AS own) = %s)', pg_backend_pid(), 1.5); \
             END $$",
        )
        .expect("a policy");
    // A later session with the same process number has another start.
    assert_eq!(migrating.texts("SELECT count(*)::text FROM tasks"), ["0"]);
    let mut session = open(&server.address());
    let plan = plan(&mut session, &after());
    apply(&mut session, &plan, Timeouts::default()).expect("the plan applies");
    assert_eq!(server.admin().texts("SELECT count(*)::text FROM pg_policy"), ["1"]);
}

#[test]
fn readers_wait_for_one_attempt_and_the_holder_is_named() {
    let server = database(10);
    let mut holder = server.admin();
    holder.run("SET application_name = 'report'; BEGIN; SELECT 1 FROM tasks").expect("a lock");
    let pid = holder.texts("SELECT pg_backend_pid()::text").concat();
    let superuser = server.address().replace(server.owner(), "postgres");
    let mut session = open(&superuser);
    let added = r#","more":{"type":"string","isOptional":true,"isIndexed":false}"#;
    let plan = plan(&mut session, &tasks(&format!("{STATE},{NUMBER}{added}")));
    let timeouts = Timeouts { attempts: 3, ..Timeouts::default() };
    let mut result = None;
    let (longest, _) = beside(&server, "SELECT 1 FROM tasks WHERE id = '#'", || {
        result = Some(apply(&mut session, &plan, timeouts));
    });
    let (code, message) = refusal(result.expect("it ran"));
    assert_eq!(code, "ablo::migrate::busy");
    assert!(
        message.contains(&format!("process {pid} (postgres, report, idle in transaction)")),
        "{message}"
    );
    assert!(longest < Duration::from_millis(1_500), "a reader waited for {longest:?}");
}

#[test]
fn the_plan_says_how_long_each_table_is_locked() {
    let server = database(10);
    let mut session = open(&server.address());
    let body = plan(&mut session, &after()).body;
    let last = body.statements.iter().filter(|one| one.phase as u8 == 0).count();
    let in_transaction: Vec<_> = body.locks.iter().filter(|held| held.from <= last).collect();
    assert_eq!(in_transaction.len(), 1, "{in_transaction:?}");
    assert_eq!(in_transaction[0].mode, LockMode::AccessExclusive);
    assert_eq!(in_transaction[0].to, last);
    // No statement that holds a lock reads or updates rows.
    let scans = body.statements[..last].iter().filter(|statement| !statement.hazards.is_empty());
    assert_eq!(scans.count(), 0);
}

#[test]
fn triggers_find_their_objects_by_the_path_of_the_application() {
    let server = database(10);
    let mut owner = server.session();
    // From version 17, expressions of indexes have no search path of the session.
    let is_qualified =
        owner.texts("SELECT current_setting('server_version_num')")[0].as_str() >= "170000";
    let helper = if is_qualified { "public.helper" } else { "helper" };
    owner
        .run(&format!(
            "CREATE TABLE audit (id text); \
             CREATE FUNCTION written() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO audit VALUES (new.id); RETURN new; END $$; \
             CREATE TRIGGER written AFTER UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION written(); \
             CREATE FUNCTION helper(t text) RETURNS text LANGUAGE sql IMMUTABLE \
             AS $$ SELECT lower(t) $$; \
             CREATE FUNCTION norm(t text) RETURNS text LANGUAGE sql IMMUTABLE \
             AS $$ SELECT {helper}(t) $$; \
             CREATE INDEX by_hand ON tasks (norm(state))",
        ))
        .expect("the objects are created");
    server
        .admin()
        .run(
            "CREATE TABLE ddl (tag text); GRANT ALL ON ddl TO public; \
             CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO ddl VALUES (tg_tag); END $$; \
             CREATE EVENT TRIGGER noted ON ddl_command_end EXECUTE FUNCTION noted()",
        )
        .expect("an event trigger");
    let mut session = open(&server.address());
    let plan = plan(&mut session, &after());
    apply(&mut session, &plan, Timeouts::default()).expect("the plan applies");
    let mut admin = server.admin();
    assert_eq!(admin.texts("SELECT count(*)::text FROM tasks WHERE n IS NULL"), ["0"]);
    assert_eq!(admin.texts("SELECT (count(*) > 0)::text FROM audit"), ["true"]);
    assert_eq!(admin.texts("SELECT (count(*) > 0)::text FROM ddl"), ["true"]);
}

#[test]
fn timeouts_of_the_role_do_not_stop_a_migration() {
    let server = database(20_000);
    let owner = server.owner();
    let plan = plan(&mut open(&server.address()), &after());
    server
        .admin()
        .run(&format!(
            "ALTER ROLE {owner} SET statement_timeout = '20ms'; \
             ALTER ROLE {owner} SET idle_in_transaction_session_timeout = '20ms'; \
             ALTER ROLE {owner} SET lock_timeout = '1ms'"
        ))
        .expect("the settings of the role");
    let mut session = open(&server.address());
    apply(&mut session, &plan, Timeouts::default()).expect("the plan applies");
    let limit = session.ledger().map(|entries| entries.len());
    assert_eq!(limit, Ok(2));
}
