//! Databases, schemas and plans for the cases.

use ablo_codegen::migrate::{Phase, Statement};
use ablo_codegen::shape::Layout;
use ablo_migrate::ledger::Record;
use ablo_migrate::pull::{PullOptions, pull};
use ablo_migrate::{
    Dialect, Error, Finding, IfMissing, Plan, Session, Timeouts, apply, current, drift, offline,
    plan_for, postgres, privileges, sqlite,
};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_schema::front::json;
use ablo_tests::postgres::{Database, Server, provision_silently, schema};
use std::time::Duration;
use tempfile::TempDir;

/// A code and a function that raises it.
pub(crate) type Case = (&'static str, fn() -> Error);

pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    migration_lock: Duration::from_millis(100),
    table_lock: Duration::from_millis(100),
    attempts: 1,
};
pub(crate) const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
pub(crate) const NOTE: &str = r#""note":{"type":"string","isOptional":true,"isIndexed":true}"#;
pub(crate) const PARENT: &str =
    r#""parentId":{"type":"string","isOptional":true,"isIndexed":false}"#;
pub(crate) const STATE: &str = r#""state":{"type":"enum","enumValues":["open"],
    "isOptional":true,"isIndexed":false,"default":"open"}"#;

pub(crate) fn model(fields: &str, more: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"identityRoles":[],"models":{{"tasks":{{"fields":{{{fields}}},
        "relations":{{}}{more}}}}}}}"#
    ))
}

pub(crate) fn tasks(fields: &str) -> Schema {
    model(fields, "")
}

/// Tasks with a field `parentId` that is a foreign key.
pub(crate) fn child(fields: &str, optional: bool) -> Schema {
    let parent = PARENT.replace(r#""isOptional":true"#, &format!(r#""isOptional":{optional}"#));
    let relation = r#""parent":{"type":"belongsTo","target":"tasks","foreignKey":"parentId",
        "foreignKeyColumn":"parent_id","options":{"fk":true}}"#;
    schema(&format!(
        r#"{{"v":3,"identityRoles":[],"models":{{"tasks":{{"fields":{{{fields},{parent}}},
        "relations":{{{relation}}}}}}}}}"#
    ))
}

pub(crate) fn open(address: &str) -> postgres::Database {
    postgres::Database::connect(address, "public").expect("a session")
}

pub(crate) fn database() -> Database<'static> {
    Server::shared().database()
}

pub(crate) fn error<T>(result: Result<T, Error>) -> Error {
    result.map(drop).expect_err("a failure")
}

pub(crate) fn findings(found: Vec<Finding>) -> Error {
    Error(found)
}

/// The error of connecting to a changed address of a new database.
pub(crate) fn connecting(change: impl Fn(&Database<'static>) -> String) -> Error {
    let database = database();
    error(postgres::Database::connect(&change(&database), "public"))
}

/// The error of counting rows of a table that another session has locked, with a setting in the
/// address.
pub(crate) fn counting_locked(setting: &str) -> Error {
    let database = database();
    let mut holder = database.session();
    holder.run("CREATE TABLE a (id text)").expect("a table");
    let mut session = open(&format!("{} options='-c {setting}'", database.address()));
    holder.run("BEGIN; LOCK TABLE a").expect("a lock");
    error(session.row_count("a"))
}

/// The error of reading a ledger that is a view which raises an error.
pub(crate) fn reading_ledger(raise: &str) -> Error {
    let database = database();
    let view = format!(
        "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE plpgsql AS \
         'BEGIN {raise}; RETURN 1; END'; \
         CREATE VIEW public.ablo_migrations AS SELECT public.f() AS id, now() AS applied_at, \
         ''::text AS record, ''::text AS state, 0 AS position"
    );
    database.session().run(&view).expect("a view");
    error(open(&database.address()).ledger())
}

pub(crate) fn record(transaction: &[&str], after_commit: &[&str]) -> Record {
    let statement = |phase, sql: &str| Statement {
        sql: sql.to_owned(),
        phase,
        cause: None,
        locks: Vec::new(),
        hazards: Vec::new(),
        effects: Vec::new(),
    };
    let first = transaction.iter().map(|sql| statement(Phase::Transaction, sql));
    let then = after_commit.iter().map(|sql| statement(Phase::AfterCommit, sql));
    Record {
        from: None,
        to: "next".to_owned(),
        schema: "{}".to_owned(),
        foreign_keys: false,
        layout: Layout::CURRENT,
        accepted: Vec::new(),
        statements: first.chain(then).collect(),
    }
}

/// A plan from the recorded schema to the next one, with every approval.
pub(crate) fn approved(session: &mut dyn Session, next: &Schema, backfills: &str) -> Plan {
    try_approved(session, next, backfills).expect("a plan")
}

pub(crate) fn try_approved(
    session: &mut dyn Session,
    next: &Schema,
    backfills: &str,
) -> Result<Plan, Error> {
    let prev = current(session, None).expect("a ledger or no tables").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("no hints");
    let backfills = json::read_backfills(backfills, next).0.expect("valid backfills");
    let mut plan = plan_for(session, &diff, &backfills, true)?;
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|one| one.id.clone()).collect();
    ids.iter().for_each(|id| plan.approve(id, None).expect("a required approval"));
    Ok(plan)
}

/// The error of planning after a change by hand.
pub(crate) fn blocked(prev: &Schema, change: &str, next: &Schema) -> Error {
    let database = database();
    let mut session = open(&database.address());
    let plan = approved(&mut session, prev, "[]");
    apply(&mut session, &plan, TIMEOUTS).expect("the first schema");
    database.session().run(change).expect("a change");
    error(try_approved(&mut session, next, "[]"))
}

/// Migrates a PostgreSQL database with rows; returns the session and the result.
pub(crate) fn migrating(
    prev: &Schema,
    rows: &str,
    next: &Schema,
    backfills: &str,
) -> (postgres::Database, Result<(), Error>) {
    let database = database();
    let mut session = open(&database.address());
    let plan = approved(&mut session, prev, "[]");
    apply(&mut session, &plan, TIMEOUTS).expect("the first schema");
    database.admin().run(rows).expect("rows");
    let plan = approved(&mut session, next, backfills);
    let result = apply(&mut session, &plan, TIMEOUTS).map(drop);
    (session, result)
}

pub(crate) fn refused(prev: &Schema, rows: &str, next: &Schema, backfills: &str) -> Error {
    error(migrating(prev, rows, next, backfills).1)
}

pub(crate) fn insert(columns: &str, values: &str) -> String {
    format!("INSERT INTO tasks (id, organization_id{columns}) VALUES ('1', 'o'{values})")
}

/// A plan of an empty PostgreSQL database for one table.
pub(crate) fn first_plan() -> (Database<'static>, Plan) {
    let database = database();
    let plan = approved(&mut open(&database.address()), &tasks(TITLE), "[]");
    (database, plan)
}

/// A plan without approvals that needs one.
pub(crate) fn unapproved() -> Plan {
    let (prev, next) = (tasks(&format!("{TITLE},{NOTE}")), tasks(TITLE));
    let diff = diff(Some(&prev), &next, &Hints::default()).expect("no hints");
    offline(&diff, &Backfills::default(), Dialect::Postgres, "public", true).expect("a plan")
}

/// Applies a schema to a SQLite file, changes the file, and applies the next schema.
pub(crate) fn migrating_file(prev: &Schema, change: &str, next: &Schema) -> Error {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("app.db");
    let mut session = sqlite::Database::connect(path.to_str().expect("a name"), IfMissing::Create)
        .expect("a session");
    let plan = approved(&mut session, prev, "[]");
    apply(&mut session, &plan, TIMEOUTS).expect("the first schema");
    let file = rusqlite::Connection::open(&path).expect("a connection");
    file.execute_batch(change).expect("a change");
    let planned = try_approved(&mut session, next, "[]");
    error(planned.and_then(|plan| apply(&mut session, &plan, TIMEOUTS)))
}

/// The drift of a provisioned PostgreSQL database after a change.
pub(crate) fn drifted(change: &str) -> Error {
    let next = tasks(&format!("{TITLE},{NOTE},{STATE}"));
    let database = database();
    let mut session = database.session();
    provision_silently(&mut session, &next);
    session.run(change).expect("a change");
    let found = drift(&mut open(&database.address()), &next, true).expect("a catalog");
    findings(found.iter().map(ablo_migrate::compare::Difference::finding).collect())
}

/// The owners and privileges of a provisioned PostgreSQL database after a change.
pub(crate) fn granted(change: &str) -> Error {
    let database = database();
    provision_silently(&mut database.session(), &tasks(TITLE));
    let mut session = open(&database.address());
    assert_eq!(privileges(&mut session, &tasks(TITLE)), Ok(Vec::new()));
    database.admin().run(change).expect("a change");
    let found = privileges(&mut session, &tasks(TITLE)).expect("a catalog");
    findings(found.iter().map(ablo_migrate::compare::Difference::finding).collect())
}

pub(crate) fn pulled(sql: &str) -> Error {
    let database = database();
    database.session().run(sql).expect("tables");
    let catalog = open(&database.address()).catalog().expect("a catalog");
    findings(pull(&catalog, &PullOptions::default()).findings)
}

pub(crate) const EMPTY: &str = r#"{"v":3,"models":{},"identityRoles":[]}"#;
