//! Crashes the server at every boundary between statements: no partial state remains, and the next
//! run completes.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, migrate, provision};
use ablo_codegen::migrate::{Phase, Statement};
use ablo_codegen::shape::Layout;
use ablo_migrate::finish;
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{CrashingServer, Server};

const BEFORE: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"relations":{},"fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "size":{"type":"string","isOptional":true,"isIndexed":false},
    "state":{"type":"enum","isOptional":true,"isIndexed":false,"enumValues":["open","lost"]},
    "place":{"type":"string","isOptional":true,"isIndexed":false},
    "deskId":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
pub(crate) const AFTER: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"relations":{},"fields":{"name":{"type":"string","isOptional":false,"isIndexed":false,
  "unique":true}}},
  "reports":{"fields":{
    "headline":{"type":"string","isOptional":false,"isIndexed":true,"renamedFrom":"title"},
    "size":{"type":"number","isOptional":true,"isIndexed":false},
    "mood":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["calm","tense"],
    "default":"calm"},
    "state":{"type":"enum","isOptional":true,"isIndexed":false,"enumValues":["open","done"]},
    "place":{"type":"string","isOptional":false,"isIndexed":false,"default":"here"},
    "deskId":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
   "foreignKeyColumn":"desk_id","options":{"fk":true}}}}}}"#;

/// Number of rows in `reports`.
pub(crate) const ROWS: i64 = 400;

pub(crate) fn schema(text: &str) -> Schema {
    ablo_schema::front::json::read(text).schema.expect("the schema is valid")
}

fn options() -> PostgresOptions {
    PostgresOptions { foreign_keys: true, ..PostgresOptions::default() }
}

pub(crate) fn record() -> Record {
    let (before, after) = (schema(BEFORE), schema(AFTER));
    let changes = diff(Some(&before), &after, &Hints::default()).expect("there are no hints");
    let migration = migrate(&changes, Some(&before), &after, &Backfills::default(), &options())
        .expect("the options are valid");
    Record {
        from: None,
        to: "after".to_owned(),
        schema: AFTER.to_owned(),
        foreign_keys: true,
        layout: Layout::CURRENT,
        accepted: Vec::new(),
        statements: migration.statements,
    }
}

/// Creates a database with rows in both tables.
pub(crate) fn populate(server: &CrashingServer, name: &str) {
    server
        .session("postgres")
        .expect("the session opens")
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .expect("the database is created");
    fill(&mut server.session(name).expect("the session opens"));
}

/// Creates the tables and their rows, as a superuser.
pub(crate) fn fill(session: &mut postgres::Client) {
    let program = provision(&schema(BEFORE), &options()).expect("the options are valid");
    session.batch_execute(&program.transaction).expect("the tables are created");
    session
        .batch_execute(&format!(
            "INSERT INTO desks (id, organization_id, name) SELECT 'd' || n, 'o', 'Desk ' || n \
             FROM generate_series(0, 9) n;
             INSERT INTO reports (id, organization_id, title, size, state, desk_id)
                 SELECT 'r' || n, 'o', 'Report ' || n, n::text, \
                 CASE WHEN n % 2 = 0 THEN 'open' ELSE 'lost' END, 'd' || n % 10 \
                 FROM generate_series(1, {ROWS}) n"
        ))
        .expect("the rows are inserted");
}

/// Returns whether all rows are in their old or all in their new state, and panics otherwise.
pub(crate) fn rows(server: &CrashingServer, name: &str) -> &'static str {
    let mut session = server.session(name).expect("the session opens");
    let complete = |session: &mut postgres::Client, sql: &str| -> bool {
        let found = session.query_one(sql, &[]);
        found.is_ok_and(|row| row.get::<_, i64>(0) == ROWS)
    };
    let old = complete(
        &mut session,
        "SELECT count(*) FROM reports WHERE title LIKE 'Report %' AND size ~ '^[0-9]+$'",
    );
    let new = complete(
        &mut session,
        "SELECT count(*) FROM reports WHERE headline = 'Report ' || size::text AND mood = 'calm' \
         AND id = 'r' || size::text",
    );
    match (old, new) {
        (true, false) => "old",
        (false, true) => "new",
        _ => panic!("{name}: rows are lost or partially migrated"),
    }
}

#[test]
fn the_next_run_completes_after_a_server_crash_at_any_statement() {
    let mut server = CrashingServer::start();
    let record = record();
    let in_transaction =
        record.statements.iter().filter(|statement| statement.phase == Phase::Transaction).count();
    assert!(
        in_transaction >= 4 && record.statements.len() - in_transaction >= 3,
        "both phases have several statements"
    );
    // There is also a boundary after the last statement of each phase.
    let last = record.statements.len() + 1;
    // The long run covers every boundary, the short one only the ends of both phases.
    let long = std::env::var_os("ABLO_LONG").is_some();
    for at in
        (0..=last).filter(|at| long || [0, in_transaction, in_transaction + 1, last].contains(at))
    {
        let name = format!("killed_{at}");
        populate(&server, &name);
        let mut crashing = record.clone();
        let (phase, index) = match at <= in_transaction {
            true => (Phase::Transaction, at),
            false => (Phase::AfterCommit, at - 1),
        };
        let sql = CrashingServer::crash_statement();
        crashing.statements.insert(
            index,
            Statement {
                sql,
                phase,
                cause: None,
                locks: Vec::new(),
                hazards: Vec::new(),
                effects: Vec::new(),
            },
        );
        server.rearm();
        let mut database =
            Database::connect(&server.address(&name), "public").expect("the session opens");
        let error =
            database.apply(&crashing, &[], Timeouts::default()).expect_err("the server crashed");
        let code = error.0.first().expect("the error has a finding").code.name;
        assert!(
            code.starts_with("ablo::database::") || code.starts_with("ablo::migrate::"),
            "{code}"
        );
        drop(database);
        server.restart();
        let mut again =
            Database::connect(&server.address(&name), "public").expect("the session opens");
        let committed = !again.ledger().expect("the ledger is readable").is_empty();
        assert_eq!(committed, at > in_transaction, "position {at}");
        assert_eq!(rows(&server, &name), if committed { "new" } else { "old" }, "position {at}");
        if committed {
            assert!(
                finish(&mut again, Timeouts::default()).expect("the migration is finished") > 0
            );
        } else {
            again.apply(&record, &[], Timeouts::default()).expect("the migration applies");
        }
        assert_eq!(rows(&server, &name), "new", "position {at}");
        assert!(
            again
                .ledger()
                .expect("the ledger is readable")
                .iter()
                .all(|entry| entry.state == State::Done)
        );
        assert_eq!(
            ablo_migrate::drift(&mut again, &schema(AFTER), true),
            Ok(Vec::new()),
            "position {at}"
        );
        let mut session = server.session(&name).expect("the session opens");
        let unfinished = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
        assert_eq!(
            session.query_one(unfinished, &[]).expect("the query returns a count").get::<_, i64>(0),
            0,
            "position {at}"
        );
    }
}

#[test]
fn the_next_run_completes_after_a_session_ended_at_any_statement_of_a_plan() {
    let record = record();
    let in_transaction =
        record.statements.iter().filter(|statement| statement.phase == Phase::Transaction).count();
    let long = std::env::var_os("ABLO_LONG").is_some();
    for at in (0..=record.statements.len()).filter(|at| long || at % 4 == 0) {
        // The owner sees no row of its own, because row security is forced.
        let place = Server::shared().database();
        let mut admin = place.admin();
        fill(admin.client());
        let owned = format!(
            "ALTER TABLE desks OWNER TO {0}; ALTER TABLE reports OWNER TO {0}; \
             CREATE SEQUENCE runs OWNED BY NONE; GRANT ALL ON SEQUENCE runs TO public",
            place.owner()
        );
        admin.run(&owned).expect("the owner is set");
        let phase = if at <= in_transaction { Phase::Transaction } else { Phase::AfterCommit };
        let sql = "DO $$ BEGIN IF nextval('public.runs') = 1 THEN PERFORM \
            pg_terminate_backend(pg_backend_pid()); END IF; END $$;"
            .to_owned();
        let mut ending = record.clone();
        ending.statements.insert(
            at,
            Statement {
                sql,
                phase,
                cause: None,
                locks: Vec::new(),
                hazards: Vec::new(),
                effects: Vec::new(),
            },
        );
        let open = || Database::connect(&place.address(), "public").expect("the session opens");
        open().apply(&ending, &[], Timeouts::default()).expect_err("the session ended");
        let mut again = open();
        let ledger = again.ledger().expect("the ledger is readable");
        assert_eq!(ledger.is_empty(), at <= in_transaction, "position {at}");
        if ledger.is_empty() {
            again.apply(&record, &[], Timeouts::default()).expect("the migration applies");
        } else {
            assert!(matches!(ledger[0].state, State::AfterCommit(_)), "position {at}");
            finish(&mut again, Timeouts::default()).expect("the migration is finished");
        }
        let drift = ablo_migrate::drift(&mut again, &schema(AFTER), true);
        assert_eq!(drift, Ok(Vec::new()), "position {at}");
        let complete = "SELECT count(*)::text FROM reports \
             WHERE headline = 'Report ' || size::text AND mood = 'calm' AND place = 'here' \
             AND (state = 'open') IS NOT DISTINCT FROM CASE WHEN size::int % 2 = 0 THEN true END";
        assert_eq!(admin.texts(complete), [ROWS.to_string()], "position {at}");
        let policies = "SELECT count(*)::text FROM pg_policy WHERE polname = 'ablo_migrates'";
        assert_eq!(admin.texts(policies), ["0"], "position {at}");
    }
}
