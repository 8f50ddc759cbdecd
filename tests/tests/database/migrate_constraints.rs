//! Constraints on large tables are checked while programs write: rules without a value for the rows
//! that break them, unique fields and foreign keys.

use ablo_codegen::migrate::Hazard;
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Error, Plan, apply, current, drift, finish, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Database as Scratch, Server, beside, schema};
use std::time::{Duration, Instant};

/// Returns models in which a task has a state, a number, a code and a desk.
fn models(states: &str, number: &str, code: &str, relations: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"identityRoles":[],"models":{{
          "desks":{{"fields":{{"name":{{"type":"string","isOptional":true,"isIndexed":false}}}},
            "relations":{{}}}},
          "tasks":{{"fields":{{
            "state":{{"type":"enum","enumValues":[{states}],"isOptional":false,"isIndexed":false}},
            "n":{{"type":"number","format":"int32","isOptional":{number},"isIndexed":false}},
            "code":{{"type":"string","isOptional":true,"isIndexed":false{code}}},
            "deskId":{{"type":"string","isOptional":false,"isIndexed":false}}}},
            "relations":{{{relations}}}}}}}}}"#
    ))
}

fn before() -> Schema {
    models(r#""a","b""#, "true", "", "")
}

/// A value of a required enum is removed, a field becomes required and another one unique, and a
/// field becomes a foreign key.
fn after() -> Schema {
    const DESK: &str = r#""desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
      "foreignKeyColumn":"desk_id","options":{"fk":true}}"#;
    models(r#""a","c""#, "false", r#","unique":true"#, DESK)
}

fn plan(database: &mut Database, next: &Schema) -> Plan {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    let mut plan =
        plan_for(database, &diff, &Backfills::default(), true).expect("the plan is created");
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("an approval"));
    plan
}

/// Returns a database with this number of tasks, which satisfy the next schema.
fn database(rows: usize) -> Scratch<'static> {
    let server = Server::shared().database();
    let mut session = open(&server.address());
    let plan = plan(&mut session, &before());
    apply(&mut session, &plan, Timeouts::default()).expect("the first migration");
    server
        .admin()
        .run(&format!(
            "INSERT INTO desks (id, organization_id) SELECT 'd' || i, 'o' || i \
             FROM generate_series(0, 99) i; \
             INSERT INTO tasks (id, organization_id, state, n, code, desk_id) \
             SELECT 'n' || i, 'o' || i % 100, 'a', i, 'c' || i, 'd' || i % 100 \
             FROM generate_series(1, {rows}) i; ANALYZE tasks"
        ))
        .expect("the rows are inserted");
    server
}

fn open(address: &str) -> Database {
    Database::connect(address, "public").expect("the session opens")
}

fn code(error: &Error) -> &'static str {
    error.0[0].code.name
}

#[test]
fn writers_wait_for_less_than_half_a_second() {
    let long = std::env::var_os("ABLO_LONG").is_some();
    let rows = if long { 1_000_000 } else { 100_000 };
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
        assert!(blocked < Duration::from_millis(500), "blocked for {blocked:?}");
        assert_eq!(drift(&mut session, &after(), true), Ok(Vec::new()));
        let unvalidated = "SELECT count(*)::text FROM pg_constraint WHERE NOT convalidated";
        assert_eq!(server.admin().texts(unvalidated), ["0"]);
        let policies = "SELECT count(*)::text FROM pg_policy WHERE polname = 'ablo_migrates'";
        assert_eq!(server.admin().texts(policies), ["0"]);
    }
}

#[test]
fn no_statement_reads_a_large_table_while_it_is_locked() {
    let server = database(10);
    let mut session = open(&server.address());
    let body = plan(&mut session, &after()).body;
    let last = body.statements.iter().filter(|one| one.phase as u8 == 0).count();
    for statement in &body.statements[..last] {
        let reads = statement.hazards.iter().filter(|one| **one != Hazard::MayFail).count();
        assert_eq!(reads, 0, "{}", statement.sql);
    }
}

/// Each way to break one of the rules, with the code of the refusal.
const BROKEN: [(&str, &str); 3] = [
    ("UPDATE tasks SET state = 'b' WHERE id = 'n7'", "ablo::migrate::value_unfit"),
    ("UPDATE tasks SET n = NULL WHERE id = 'n7'", "ablo::migrate::made_required"),
    ("UPDATE tasks SET code = 'c107' WHERE id = 'n7'", "ablo::migrate::duplicate_values"),
];

#[test]
fn rows_of_a_small_table_that_break_a_rule_are_found_before_anything_changes() {
    for (broken, expected) in BROKEN {
        let server = database(200);
        server.admin().run(broken).expect("a row that does not fit");
        let mut session = open(&server.address());
        let plan = plan(&mut session, &after());
        let error = apply(&mut session, &plan, Timeouts::default()).expect_err(broken);
        assert_eq!(code(&error), expected, "{error}");
        assert_eq!(session.ledger().expect("a ledger").len(), 1);
        assert_eq!(drift(&mut session, &before(), true), Ok(Vec::new()));
    }
}

#[test]
fn rows_of_a_large_table_that_break_a_rule_are_found_after_the_commit() {
    for (broken, expected) in BROKEN {
        let server = database(100_000);
        server.admin().run(broken).expect("a row that does not fit");
        let mut session = open(&server.address());
        let plan = plan(&mut session, &after());
        let error = apply(&mut session, &plan, Timeouts::default()).expect_err(broken);
        let is_index = expected.ends_with("duplicate_values");
        let expected = if is_index { "ablo::migrate::after_commit_failed" } else { expected };
        assert_eq!(code(&error), expected, "{error}");
        // New rows have to fit already.
        let wrong = "INSERT INTO tasks (id, organization_id, state, desk_id) \
            VALUES ('x', 'o1', 'b', 'd1')";
        server.admin().run(wrong).expect_err("a row of the previous schema");
        // Once the rows are repaired, the migration goes on.
        let repaired = "UPDATE tasks SET state = 'a', n = 7, code = 'c7' WHERE id = 'n7'";
        server.admin().run(repaired).expect("the row is repaired");
        finish(&mut session, Timeouts::default()).expect("the migration goes on");
        assert_eq!(drift(&mut session, &after(), true), Ok(Vec::new()));
    }
}

#[test]
fn orphans_are_found_whatever_the_policies_hide() {
    let restrictive = "CREATE POLICY hides ON tasks AS RESTRICTIVE USING (false)";
    for by_hand in ["SELECT 1", restrictive] {
        let server = database(200);
        let orphan = "UPDATE tasks SET desk_id = 'gone' WHERE id = 'n7'";
        server.admin().run(orphan).expect("an orphan");
        server.admin().run(by_hand).expect("a policy");
        let mut session = open(&server.address());
        let plan = plan(&mut session, &after());
        apply(&mut session, &plan, Timeouts::default()).expect("the plan applies");
        let warnings = session.warnings();
        assert!(
            warnings.iter().any(|one| one.to_string().contains("has orphaned rows")),
            "{by_hand}: {warnings:?}"
        );
        let mut admin = server.admin();
        let unvalidated = "SELECT count(*)::text FROM pg_constraint WHERE NOT convalidated";
        assert_eq!(admin.texts(unvalidated), ["1"], "{by_hand}");
        let policies = "SELECT count(*)::text FROM pg_policy WHERE polname = 'ablo_migrates'";
        assert_eq!(admin.texts(policies), ["0"], "{by_hand}");
        let forced = "SELECT bool_and(relforcerowsecurity)::text FROM pg_class \
            WHERE relname IN ('tasks', 'desks')";
        assert_eq!(admin.texts(forced), ["true"], "{by_hand}");
    }
}
