//! Tables of an earlier release get the keys and indexes of this one.

use ablo_codegen::shape::Layout;
use ablo_migrate::ledger::TABLE;
use ablo_migrate::{
    IfMissing, Session, Timeouts, apply, connect, current, drift, migrate_to, plan_for,
};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{self, Server, schema};
use ablo_tests::sqlite;
use rusqlite::Connection;
use tempfile::TempDir;

/// Rows of two organisations with every kind of reference, and an optional one that is absent.
const ROWS: &str = "\
    INSERT INTO tags (id, label) VALUES ('new', 'New');
    INSERT INTO teams (id, organization_id, name) VALUES ('t1', 'acme', 'A'), ('t2', 'bell', 'A');
    INSERT INTO decks (id, organization_id, title, team_id, copied_from_id, tag_id) VALUES
      ('d1', 'acme', 'one', 't1', NULL, 'new'), ('d2', 'acme', 'two', 't1', 'd1', NULL),
      ('d3', 'bell', 'three', 't2', NULL, NULL);
    INSERT INTO slides (id, body, deck_id, team_id) VALUES
      ('s1', 'first', 'd1', 't1'), ('s2', 'second', 'd3', NULL);";

/// The same id in another organisation.
const SAME_ID: &str = "INSERT INTO teams (id, organization_id, name) VALUES ('t1', 'bell', 'B')";

/// A reference to a row of another organisation.
const CROSSING: &str = "INSERT INTO decks (id, organization_id, title, team_id) VALUES \
    ('d9', 'bell', 'nine', 't3')";

/// Rows that the values of a parent-isolated table depend on are unique in the whole table.
const PARENT_ID: &str = "INSERT INTO decks (id, organization_id, title, team_id) VALUES \
    ('d1', 'bell', 'again', 't2')";

fn fixture(file: &str) -> String {
    let path = format!("{}/../fixtures/earlier/first-layout/{file}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the fixture is readable")
}

fn model() -> Schema {
    schema(&fixture("schema.json"))
}

/// Migrates to the same schema, from the schema of the ledger or else from a baseline.
fn migrate(session: &mut dyn Session, baseline: Option<&Schema>) -> usize {
    let next = model();
    let prev = current(session, baseline).expect("a known state").schema;
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("no hints");
    let plan = plan_for(session, &diff, &Backfills::default(), true).expect("a plan");
    assert_eq!(plan.body.layout, Layout::CURRENT);
    assert!(plan.body.approvals_needed.is_empty(), "{:?}", plan.body.approvals_needed);
    let statements = plan.body.statements.len();
    apply(session, &plan, Timeouts::default()).expect("the plan is applied");
    statements
}

fn no_drift(session: &mut dyn Session) {
    let drift = drift(session, &model(), true).expect("the catalog is readable");
    assert!(drift.is_empty(), "{drift:#?}");
}

/// A SQLite file of the earlier release, with its ledger if `recorded` is set.
fn file(recorded: bool) -> (TempDir, String) {
    let folder = TempDir::new().expect("a temporary folder");
    let path = folder.path().join("app.db");
    let connection = Connection::open(&path).expect("a file");
    sqlite::apply(&connection, &fixture("sqlite.sql"));
    connection.execute_batch(ROWS).expect("rows");
    if recorded {
        let create = "(id INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, from_hash TEXT, \
             to_hash TEXT NOT NULL, record TEXT NOT NULL) STRICT";
        connection.execute_batch(&format!("CREATE TABLE {TABLE} {create}")).expect("a ledger");
        let insert =
            format!("INSERT INTO {TABLE} VALUES (1, '', NULL, json_extract(?1, '$.to'), ?1)");
        connection.execute(&insert, [fixture("record.json")]).expect("an entry");
    }
    let address = format!("sqlite:{}", path.display());
    (folder, address)
}

#[test]
fn a_sqlite_file_gets_keys_with_the_organisation() {
    for recorded in [true, false] {
        let (folder, address) = file(recorded);
        let mut session = connect(&address, "main", IfMissing::Fail).expect("a session");
        let earlier = drift(&mut *session, &model(), true).expect("the catalog is readable");
        let is_key = |code: &str| code == "ablo::drift::primary_key";
        assert_eq!(earlier.iter().filter(|one| is_key(one.code.name)).count(), 2, "{earlier:#?}");
        drop(session);
        let mut session = connect(&address, "main", IfMissing::Create).expect("a session");
        assert!(migrate(&mut *session, (!recorded).then(model).as_ref()) > 0);
        no_drift(&mut *session);
        assert_eq!(migrate(&mut *session, None), 0, "the second run is empty");
        drop(session);

        let connection = Connection::open(folder.path().join("app.db")).expect("the file");
        connection.execute_batch("PRAGMA foreign_keys = ON").expect("a pragma");
        let count = |sql: &str| -> i64 {
            connection.query_row(sql, [], |row| row.get(0)).expect("a number")
        };
        assert_eq!(count("SELECT count(*) FROM decks JOIN teams ON teams.id = team_id"), 3);
        assert_eq!(count("SELECT count(*) FROM slides"), 2);
        connection.execute_batch(SAME_ID).expect("ids are of one organisation");
        connection
            .execute_batch(
                "INSERT INTO teams (id, organization_id, name) VALUES ('t3', 'acme', 'C')",
            )
            .expect("a row");
        let refused = connection.execute_batch(CROSSING).expect_err("the team is not in bell");
        assert!(refused.to_string().contains("FOREIGN KEY"), "{refused}");
        let refused = connection.execute_batch(PARENT_ID).expect_err("slides refer to decks");
        assert!(refused.to_string().contains("UNIQUE constraint failed: decks.id"), "{refused}");
        let fresh = sqlite::database();
        sqlite::apply(&fresh, &sqlite::program(&model()).transaction);
        let mut found = sqlite::catalogue(&connection);
        found.remove(TABLE);
        assert_eq!(found, sqlite::catalogue(&fresh));
    }
}

#[test]
fn a_postgres_database_gets_keys_with_the_organisation() {
    for recorded in [true, false] {
        let database = Server::shared().database();
        let mut admin = database.session();
        admin.run(&fixture("postgres.sql").replace("CONCURRENTLY ", "")).expect("the tables");
        let unforced = ["teams", "decks", "slides"]
            .map(|table| format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;"));
        let forced = unforced.concat().replace("NO FORCE", "FORCE");
        for sql in [&unforced.concat(), ROWS, &forced] {
            admin.run(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        }
        if recorded {
            admin
                .run(&format!(
                    "CREATE TABLE {TABLE} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                     applied_at timestamptz NOT NULL DEFAULT now(), from_hash text, \
                     to_hash text NOT NULL, record text NOT NULL, state text NOT NULL, \
                     position integer NOT NULL); \
                     INSERT INTO {TABLE} (to_hash, record, state, position) \
                     SELECT r->>'to', r::text, 'done', 0 \
                     FROM (SELECT $json${}$json$::json) AS record (r)",
                    fixture("record.json")
                ))
                .expect("a ledger");
        }
        let mut session =
            connect(&database.address(), "public", IfMissing::Fail).expect("a session");
        assert!(migrate(&mut *session, (!recorded).then(model).as_ref()) > 0);
        assert!(session.warnings().is_empty());
        no_drift(&mut *session);
        assert_eq!(migrate(&mut *session, None), 0, "the second run is empty");

        let fresh = Server::shared().database();
        postgres::provision_silently(&mut fresh.session(), &model());
        let mut found = postgres::catalogue(&mut admin);
        let found = found.get_mut("public").expect("the schema");
        found.remove(TABLE);
        assert_eq!(*found, postgres::catalogue(&mut fresh.session())["public"]);

        admin.run(&unforced.concat()).expect("every row is visible");
        let joined = "SELECT count(*)::text FROM decks JOIN teams ON teams.id = team_id";
        assert_eq!(admin.texts(joined), ["3"]);
        admin.run(SAME_ID).expect("ids are of one organisation");
        admin
            .run("INSERT INTO teams (id, organization_id, name) VALUES ('t3', 'acme', 'C')")
            .expect("a row");
        let refused = admin.run(CROSSING).expect_err("the team is not in bell");
        assert!(refused.contains("decks_team_id_fkey"), "{refused}");
        let refused = admin.run(PARENT_ID).expect_err("slides refer to decks");
        assert!(refused.contains("decks_id_key"), "{refused}");
    }
}

#[test]
fn an_interrupted_swap_of_keys_is_finished() {
    let database = Server::shared().database();
    let mut admin = database.session();
    admin.run(&fixture("postgres.sql").replace("CONCURRENTLY ", "")).expect("the tables");
    let next = model();
    let mut session = connect(&database.address(), "public", IfMissing::Fail).expect("a session");
    let diff = diff(Some(&next), &next, &Hints::default()).expect("no hints");
    let plan = plan_for(&mut *session, &diff, &Backfills::default(), true).expect("a plan");
    // Each statement after the commit runs twice, as if its position had not been recorded.
    for statement in &plan.body.statements {
        let is_after = statement.phase == ablo_codegen::migrate::Phase::AfterCommit;
        for _ in 0..=usize::from(is_after) {
            admin.run(&statement.sql).unwrap_or_else(|error| panic!("{error}\n{}", statement.sql));
        }
    }
    no_drift(&mut *session);
}

#[test]
fn dev_and_serve_migrate_at_their_start() {
    let (_folder, address) = file(true);
    let mut session = connect(&address, "main", IfMissing::Fail).expect("a session");
    let start = |foreign_keys| {
        let mut session = connect(&address, "main", IfMissing::Create).expect("a session");
        migrate_to(&mut *session, &model(), foreign_keys, Timeouts::default())
            .expect("no decision is needed")
            .is_some()
    };
    assert_eq!([start(true), start(true)], [true, false]);
    no_drift(&mut *session);
    // A mirror of a data source has no foreign keys.
    assert_eq!([start(false), start(false), start(true)], [true, false, true]);
    no_drift(&mut *session);
}
