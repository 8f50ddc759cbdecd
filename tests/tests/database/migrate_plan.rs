//! Plans on a real server: from an empty database, a ledger or a baseline; approvals, changed
//! databases and drift.

use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Dialect, Error, Plan, apply, current, drift, offline, plan_for};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Hints, diff};
use ablo_tests::postgres::{Server, catalogue, provision_silently, schema};

const FIXTURES: [&str; 6] = [
    "descriptions",
    "field-facets",
    "newsroom",
    "no-fields",
    "obstacle-course",
    "redeclared-base-fields",
];

fn fixture(name: &str) -> Schema {
    let path = format!("{}/../fixtures/schemas/{name}/schema.json", env!("CARGO_MANIFEST_DIR"));
    schema(&std::fs::read_to_string(path).expect("the fixture is readable"))
}

fn tasks(fields: &str) -> Schema {
    schema(&format!(
        r#"{{"v":3,"models":{{"tasks":{{"fields":{{{fields}}},"relations":{{}}}}}},
          "identityRoles":[]}}"#
    ))
}

const TITLE: &str = r#""title":{"type":"string","isOptional":false,"isIndexed":false}"#;
const NOTE: &str = r#""note":{"type":"string","isOptional":true,"isIndexed":true}"#;
const STATE: &str = r#""state":{"type":"enum","enumValues":["open","it's"],"isOptional":true,
  "isIndexed":false,"default":"open"}"#;

fn open(address: &str) -> Database {
    Database::connect(address, "public").expect("the session opens")
}

fn plan_to(database: &mut Database, next: &Schema) -> Plan {
    let prev = current(database, None).expect("the current schema is known").schema;
    let diff = diff(prev.as_ref(), next, &Hints::default()).expect("there are no hints");
    plan_for(database, &diff, &Backfills::default(), true).expect("the plan is created")
}

fn codes<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<&'static str> {
    result.expect_err("the call is refused").0.iter().map(|finding| finding.code.name).collect()
}

#[test]
fn an_empty_database_is_migrated_to_every_fixture_once() {
    for name in FIXTURES {
        let server = Server::shared().database();
        let mut database = open(&server.address());
        let next = fixture(name);
        let plan = plan_to(&mut database, &next);
        assert_eq!(Plan::read(&plan.to_json()).as_ref(), Ok(&plan), "{name}");
        let outcome = apply(&mut database, &plan, Timeouts::default())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!outcome.already_applied);
        assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()), "{name}");
        // The ledger records the plan as applied, and a new plan is empty.
        assert!(
            apply(&mut database, &plan, Timeouts::default())
                .expect("the plan was applied before")
                .already_applied
        );
        assert_eq!(plan_to(&mut database, &next).body.statements, [], "{name}");
        // Apart from the ledger, migrating and provisioning give the same catalog.
        let provisioned = Server::shared().database();
        provision_silently(&mut provisioned.session(), &next);
        let mut migrated = catalogue(&mut server.session());
        migrated.get_mut("public").expect("tables").remove("ablo_migrations");
        assert_eq!(migrated, catalogue(&mut provisioned.session()), "{name}");
        assert_eq!(drift(&mut open(&provisioned.address()), &next, true), Ok(Vec::new()), "{name}");
    }
}

#[test]
fn a_lossy_plan_requires_approval() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let first = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    let row = "INSERT INTO tasks (id, organization_id, title, note) VALUES ('1', 'o', 't', 'n')";
    server.admin().run(row).expect("the row is inserted");
    let mut plan = plan_to(&mut open(&server.address()), &tasks(TITLE));
    let ids: Vec<_> = plan.body.approvals_needed.iter().map(|needed| needed.id.as_str()).collect();
    assert_eq!(ids, ["loss:0"]);
    assert_eq!(
        codes(apply(&mut database, &plan, Timeouts::default())),
        ["ablo::migrate::approval_missing"]
    );
    plan.approve("loss:0", Some("ada")).expect("the approval is needed");
    apply(&mut database, &plan, Timeouts::default()).expect("the plan is approved");
    assert_eq!(drift(&mut database, &tasks(TITLE), true), Ok(Vec::new()));
}

#[test]
fn rows_are_counted_only_by_a_role_that_sees_them() {
    let server = Server::shared().database();
    provision_silently(&mut server.session(), &tasks(&format!("{TITLE},{NOTE}")));
    let rows = "INSERT INTO tasks (id, organization_id, title, note) \
        VALUES ('1', 'o', 't', 'n'), ('2', 'o', 't', NULL)";
    server.admin().run(rows).expect("the rows are inserted");
    let superuser = server.address().replace(server.owner(), "postgres");
    let (prev, next) = (tasks(&format!("{TITLE},{NOTE}")), tasks(TITLE));
    let diff = diff(Some(&prev), &next, &Hints::default()).expect("there are no hints");
    let plan = |address: &str| {
        plan_for(&mut open(address), &diff, &Backfills::default(), true)
            .expect("the plan is created")
            .body
    };
    let counted = plan(&superuser);
    assert_eq!(counted.approvals_needed[0].rows, Some(1));
    assert_eq!(counted.rows["tasks"].count, 2);
    assert!(counted.rows["tasks"].exact);
    // The policy also applies to the owner: rows are not counted rather than counted too low.
    let hidden = plan(&server.address());
    assert_eq!(hidden.approvals_needed[0].rows, None);
    assert!(!hidden.rows["tasks"].exact);
}

#[test]
fn a_plan_is_refused_when_the_database_changed() {
    let server = Server::shared().database();
    let mut database = open(&server.address());
    let (first, second) =
        (plan_to(&mut database, &tasks(TITLE)), plan_to(&mut database, &tasks(NOTE)));
    apply(&mut database, &first, Timeouts::default()).expect("the plan applies");
    assert_eq!(
        codes(apply(&mut database, &second, Timeouts::default())),
        ["ablo::migrate::schema_moved"]
    );
    let next = plan_to(&mut database, &tasks(&format!("{TITLE},{NOTE}")));
    server.session().run("ALTER TABLE tasks ADD COLUMN by_hand text").expect("the column is added");
    assert_eq!(
        codes(apply(&mut database, &next, Timeouts::default())),
        ["ablo::migrate::database_moved"]
    );
    server.session().run("CREATE SCHEMA elsewhere").expect("a schema");
    let mut elsewhere =
        Database::connect(&server.address(), "elsewhere").expect("the session opens");
    assert_eq!(
        codes(apply(&mut elsewhere, &next, Timeouts::default())),
        ["ablo::migrate::plan_elsewhere"]
    );
}

#[test]
fn concurrent_applies_are_serialised() {
    let server = Server::shared().database();
    let plan = plan_to(&mut open(&server.address()), &fixture("newsroom"));
    let run = || {
        let (address, plan) = (server.address(), plan.clone());
        std::thread::spawn(move || {
            apply(&mut open(&address), &plan, Timeouts::default())
                .expect("the plan applies")
                .already_applied
        })
    };
    let (one, other) = (run(), run());
    let mut done = [one.join().expect("the thread ends"), other.join().expect("the thread ends")];
    done.sort_unstable();
    assert_eq!(done, [false, true]);
    assert_eq!(open(&server.address()).ledger().expect("the database is readable").len(), 1);
}

#[test]
fn tables_without_a_ledger_need_a_matching_baseline() {
    let server = Server::shared().database();
    let (has, next) = (tasks(TITLE), tasks(&format!("{TITLE},{NOTE}")));
    provision_silently(&mut server.session(), &has);
    let mut database = open(&server.address());
    assert_eq!(codes(current(&mut database, None)), ["ablo::migrate::baseline_required"]);
    let expected = [
        "ablo::migrate::baseline_differs",
        "ablo::drift::column_missing",
        "ablo::drift::index_missing",
    ];
    assert_eq!(codes(current(&mut database, Some(&next))), expected);
    let prev = current(&mut database, Some(&has)).expect("the baseline matches").schema;
    let diff = diff(prev.as_ref(), &next, &Hints::default()).expect("there are no hints");
    let plan =
        plan_for(&mut database, &diff, &Backfills::default(), true).expect("the plan is created");
    apply(&mut database, &plan, Timeouts::default()).expect("the plan applies");
    assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()));
    // A plan made without a database is refused: its previous schema is not in the ledger.
    let unrecorded = Server::shared().database();
    provision_silently(&mut unrecorded.session(), &has);
    let offline_plan = offline(&diff, &Backfills::default(), Dialect::Postgres, "public", true)
        .expect("the plan is created");
    assert_eq!(
        codes(apply(&mut open(&unrecorded.address()), &offline_plan, Timeouts::default())),
        ["ablo::migrate::schema_moved"]
    );
}

#[test]
fn drift_is_reported_with_the_statement_that_fixes_it() {
    let next = tasks(&format!("{TITLE},{NOTE},{STATE}"));
    let edits = [
        ("DROP TABLE tasks", "table_missing"),
        ("ALTER TABLE tasks DROP COLUMN title", "column_missing"),
        ("ALTER TABLE tasks ADD COLUMN more text", "column_extra"),
        ("ALTER TABLE tasks ALTER COLUMN title TYPE varchar(9)", "column_type"),
        ("ALTER TABLE tasks ALTER COLUMN title DROP NOT NULL", "column_null"),
        ("ALTER TABLE tasks ALTER COLUMN state SET DEFAULT 'it''s'", "column_default"),
        ("ALTER TABLE tasks ALTER COLUMN created_at DROP DEFAULT", "column_default"),
        ("COMMENT ON COLUMN tasks.title IS 'x'", "column_comment"),
        ("ALTER TABLE tasks DROP CONSTRAINT tasks_pkey", "primary_key"),
        ("ALTER TABLE tasks DROP CONSTRAINT tasks_state_check", "check_missing"),
        ("ALTER TABLE tasks ADD CHECK (title <> '')", "check_extra"),
        ("DROP INDEX tasks_note_idx", "index_missing"),
        ("CREATE INDEX more ON tasks (lower(title))", "index_extra"),
        (
            "ALTER TABLE tasks ADD FOREIGN KEY (organization_id, note) REFERENCES tasks",
            "foreign_key_extra",
        ),
        ("ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY", "row_security"),
        ("DROP POLICY tenant_isolation ON tasks", "policy"),
        ("CREATE POLICY more ON tasks USING (true)", "policy_extra"),
    ];
    for (edit, code) in edits {
        let server = Server::shared().database();
        let mut session = server.session();
        provision_silently(&mut session, &next);
        session.run(edit).unwrap_or_else(|error| panic!("{edit}: {error}"));
        let mut database = open(&server.address());
        let found = drift(&mut database, &next, true).expect("the database is readable");
        let names: Vec<_> = found.iter().map(|difference| difference.code.name).collect();
        assert_eq!(names, [format!("ablo::drift::{code}")], "{edit}");
        // The suggested statement removes the drift.
        if let Some(sql) = &found[0].fix {
            session.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
            assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()), "{sql}");
        } else {
            assert!(
                matches!(code, "table_missing" | "column_type") || code.ends_with("_extra"),
                "{code} has no statement"
            );
        }
    }
}

#[test]
fn missing_and_unvalidated_foreign_keys_are_reported() {
    let next = fixture("newsroom");
    let server = Server::shared().database();
    let mut session = server.session();
    provision_silently(&mut session, &next);
    let keys = session.texts(
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', \
        conrelid::regclass, conname) FROM pg_constraint WHERE contype = 'f' LIMIT 1",
    );
    session.run(&keys[0]).expect("the key is dropped");
    let mut database = open(&server.address());
    for _ in 0..2 {
        let found = drift(&mut database, &next, true).expect("the database is readable");
        let names: Vec<_> = found.iter().map(|difference| difference.code.name).collect();
        assert_eq!(names, ["ablo::drift::foreign_key_missing"]);
        session
            .run(found[0].fix.as_deref().expect("the finding has a statement"))
            .expect("the statement runs");
    }
    assert_eq!(drift(&mut database, &next, true), Ok(Vec::new()));
}

#[test]
fn server_and_option_errors_have_codes() {
    let server = Server::shared().database();
    assert_eq!(
        codes(open(&server.address()).row_count("nowhere")),
        ["ablo::database::undefined_object"]
    );
    let long = "x".repeat(64);
    assert_eq!(codes(Database::connect(&server.address(), &long)), ["ablo::migrate::options"]);
    assert_eq!(
        codes(Database::connect(&server.address(), "nowhere")),
        ["ablo::database::no_schema"]
    );
}
