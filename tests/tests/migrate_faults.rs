//! Migrations while the server dies: at every boundary between statements, what the next run finds is whole, and it completes.

use ablo_codegen::emit::sql::postgres::{Options, migrate, provision};
use ablo_codegen::migrate::{Phase, Statement};
use ablo_migrate::finish;
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::Mortal;

const BEFORE: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"relations":{},"fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "size":{"type":"string","isOptional":true,"isIndexed":false},
    "deskId":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const AFTER: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"relations":{},"fields":{"name":{"type":"string","isOptional":false,"isIndexed":false,"unique":true}}},
  "reports":{"fields":{
    "headline":{"type":"string","isOptional":false,"isIndexed":true,"renamedFrom":"title"},
    "size":{"type":"number","isOptional":true,"isIndexed":false},
    "mood":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["calm","tense"],"default":"calm"},
    "deskId":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId","foreignKeyColumn":"desk_id","options":{"fk":true}}}}}}"#;

/// Rows of the larger table.
const ROWS: i64 = 400;

fn schema(text: &str) -> Schema {
    ablo_schema::front::json::read(text).schema.expect("a schema that is right")
}

fn options() -> Options {
    Options { foreign_keys: true, ..Options::default() }
}

fn record() -> Record {
    let (before, after) = (schema(BEFORE), schema(AFTER));
    let difference = diff(Some(&before), &after, &Hints::default()).expect("no hints");
    let migration = migrate(&difference, Some(&before), &after, &Backfills::default(), &options())
        .expect("options that are right");
    Record {
        from: None,
        to: "after".to_owned(),
        schema: AFTER.to_owned(),
        foreign_keys: true,
        statements: migration.statements,
    }
}

/// A database with rows in both tables.
fn populate(server: &Mortal, name: &str) {
    server
        .session("postgres")
        .expect("a session")
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .expect("a database");
    let mut session = server.session(name).expect("a session");
    let program = provision(&schema(BEFORE), &options()).expect("options that are right");
    session.batch_execute(&program.transaction).expect("tables");
    session
        .batch_execute(&format!(
            "INSERT INTO desks (id, organization_id, name) SELECT 'd' || n, 'o', 'Desk ' || n FROM generate_series(0, 9) n;
             INSERT INTO reports (id, organization_id, title, size, desk_id)
                 SELECT 'r' || n, 'o', 'Report ' || n, n::text, 'd' || n % 10 FROM generate_series(1, {ROWS}) n"
        ))
        .expect("rows");
}

/// What a reader finds: the rows as they were, or all of them as they are to be; nothing between.
fn rows(server: &Mortal, name: &str) -> &'static str {
    let mut session = server.session(name).expect("a session");
    let whole = |session: &mut postgres::Client, sql: &str| -> bool {
        let found = session.query_one(sql, &[]);
        found.is_ok_and(|row| row.get::<_, i64>(0) == ROWS)
    };
    let old = whole(
        &mut session,
        "SELECT count(*) FROM reports WHERE title LIKE 'Report %' AND size ~ '^[0-9]+$'",
    );
    let new = whole(
        &mut session,
        "SELECT count(*) FROM reports WHERE headline = 'Report ' || size::text AND mood = 'calm' AND id = 'r' || size::text",
    );
    match (old, new) {
        (true, false) => "old",
        (false, true) => "new",
        _ => panic!("{name}: rows are lost, or between the two"),
    }
}

#[test]
fn a_server_that_is_killed_anywhere_leaves_what_the_next_run_completes() {
    let mut server = Mortal::start();
    let record = record();
    let in_transaction =
        record.statements.iter().filter(|statement| statement.phase == Phase::Transaction).count();
    assert!(
        in_transaction >= 4 && record.statements.len() - in_transaction >= 3,
        "both phases have boundaries"
    );
    // Behind the last statement of each phase is a boundary too.
    let last = record.statements.len() + 1;
    // Every boundary in the long run; here the ends of both phases.
    let long = std::env::var_os("ABLO_LONG").is_some();
    for at in
        (0..=last).filter(|at| long || [0, in_transaction, in_transaction + 1, last].contains(at))
    {
        let name = format!("killed_{at}");
        populate(&server, &name);
        let mut fatal = record.clone();
        let (phase, place) = match at <= in_transaction {
            true => (Phase::Transaction, at),
            false => (Phase::AfterCommit, at - 1),
        };
        let sql = Mortal::fatal();
        fatal.statements.insert(
            place,
            Statement { sql, phase, cause: None, locks: Vec::new(), hazards: Vec::new() },
        );
        server.rearm();
        let mut database = Database::connect(&server.address(&name), "public").expect("a session");
        let error = database.apply(&fatal, Timeouts::default()).expect_err("the server died");
        let code = error.0.first().expect("a code").code.name;
        assert!(
            code.starts_with("ablo::database::") || code.starts_with("ablo::migrate::"),
            "{code}"
        );
        drop(database);
        server.start_again();
        let mut again = Database::connect(&server.address(&name), "public").expect("a session");
        let begun = !again.ledger().expect("readable").is_empty();
        assert_eq!(begun, at > in_transaction, "position {at}");
        assert_eq!(rows(&server, &name), if begun { "new" } else { "old" }, "position {at}");
        match begun {
            true => assert!(finish(&mut again, Timeouts::default()).expect("the rest") > 0),
            false => drop(again.apply(&record, Timeouts::default()).expect("all of it")),
        }
        assert_eq!(rows(&server, &name), "new", "position {at}");
        assert!(again.ledger().expect("readable").iter().all(|entry| entry.state == State::Done));
        assert_eq!(
            ablo_migrate::drift(&mut again, &schema(AFTER), true),
            Ok(Vec::new()),
            "position {at}"
        );
        let mut session = server.session(&name).expect("a session");
        let unfinished = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
        assert_eq!(
            session.query_one(unfinished, &[]).expect("a count").get::<_, i64>(0),
            0,
            "position {at}"
        );
    }
}
