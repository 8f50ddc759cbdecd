//! PgBouncer in transaction mode: reading commands leave nothing behind, others are refused.

use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{apply, approvers, current, drift, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_server::{Postgres, StoreError};
use ablo_tests::postgres::{Pooler, Server, schema};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const NOTE: &str = r#""note":{"type":"string","isOptional":true,"isIndexed":true}"#;

/// Migrates to the first schema without the pooler.
fn migrate(address: &str) {
    let mut database = Database::connect(address, "public").expect("a session");
    let next = tasks(TITLE);
    let diff = diff(None, &next, &Hints::default()).expect("no hints");
    let plan = plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    apply(&mut database, &plan, Timeouts::default()).expect("the plan applies");
}

/// Reads as `status`, `drift`, `plan` and `approver list` do.
fn read(address: &str) {
    let mut database = Database::connect(address, "public").expect("a session");
    let prev = current(&mut database, None).expect("a ledger").schema;
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
    let next = tasks(&format!("{TITLE},{NOTE}"));
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("no hints");
    plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    approvers(&mut database).expect("a list");
}

#[test]
fn reading_commands_leave_nothing_in_the_sessions_of_a_pooler() {
    let server = Server::shared().database();
    migrate(&server.address());
    let pooler = Pooler::start(&server);
    let (count, is_done) = (4, AtomicBool::new(false));
    let (mut application, is_done) = (pooler.client(), &is_done);
    let sql = "SELECT set_config('app.current_org_id', 'o', true); \
        INSERT INTO tasks (id, organization_id, title) VALUES (gen_random_uuid()::text, 'o', '')";
    thread::scope(|scope| {
        // The one session of the pooler is in turn that of the application and of each reader.
        let writer = scope.spawn(move || {
            let mut written = 0;
            while !is_done.load(Ordering::Relaxed) || written == 0 {
                application.batch_execute(sql).expect("the row is written");
                written += 1;
            }
            application
        });
        let readers: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| (0..count).for_each(|_| read(&pooler.address()))))
            .collect();
        let ended: Vec<_> = readers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_done.store(true, Ordering::Relaxed);
        let mut application = writer.join().expect("the application has no errors");
        assert!(ended.iter().all(Result::is_ok), "a reader failed");
        let left = "SELECT name FROM pg_settings WHERE source = 'session' \
            AND name <> 'application_name' UNION ALL SELECT name FROM pg_prepared_statements";
        let rows = application.simple_query(left).expect("an answer");
        let rows: Vec<_> = rows
            .into_iter()
            .filter_map(|row| match row {
                postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect();
        assert!(rows.iter().all(|name| name.starts_with("client_encoding")), "{rows:?}");
    });
}

#[test]
fn pgbench_has_no_errors_beside_reading_commands() {
    const SCRIPT: &str = "BEGIN;
        SELECT set_config('app.current_org_id', 'o', true);
        INSERT INTO tasks (id, organization_id, title)
          VALUES (gen_random_uuid()::text, 'o', 'from pgbench');
        SELECT count(*) FROM tasks;
        COMMIT;";
    const TIMES: u32 = 200;
    let server = Server::shared().database();
    migrate(&server.address());
    let pooler = Pooler::start(&server);
    for (protocol, rows) in [("simple", "800"), ("extended", "1600")] {
        thread::scope(|scope| {
            let bench = scope.spawn(|| pooler.bench(SCRIPT, TIMES, protocol));
            let mut has_read = false;
            while !bench.is_finished() || !has_read {
                read(&pooler.address());
                has_read = true;
            }
            let output = bench.join().expect("pgbench ends");
            assert!(output.contains("transactions actually processed: 800/800"), "{output}");
        });
        let count = "SELECT count(*)::text FROM tasks WHERE title = 'from pgbench'";
        assert_eq!(server.admin().texts(count), [rows]);
    }
}

#[test]
fn what_a_pooler_would_break_is_refused() {
    let server = Server::shared().database();
    migrate(&server.address());
    let pooler = Pooler::start(&server);
    let mut database = Database::connect(&pooler.address(), "public").expect("a session");
    let (prev, next) = (tasks(TITLE), tasks(&format!("{TITLE},{NOTE}")));
    let diff = diff(Some(&prev), &next, &Hints::default()).expect("no hints");
    let plan = plan_for(&mut database, &diff, &Backfills::default(), true).expect("a plan");
    let refused = apply(&mut database, &plan, Timeouts::default()).expect_err("a pooler");
    assert_eq!(refused.0[0].code.name, "ablo::database::pooler");
    assert_eq!(database.ledger().map(|entries| entries.len()), Ok(1));
    let options = Default::default();
    let store = Postgres::open(&pooler.address(), &tasks(TITLE), &options).map(drop);
    let Err(StoreError::Unavailable(text)) = store else { panic!("a pooler: {store:?}") };
    assert!(text.contains("ablo::database::pooler"), "{text}");
    // Without a pooler, nothing is refused.
    apply(
        &mut Database::connect(&server.address(), "public").expect("a session"),
        &plan,
        Timeouts::default(),
    )
    .expect("the plan applies");
}
