//! Plans, approvals and baselines, and scratch servers.

use super::support::*;
use ablo_migrate::plan::{Approval, Body};
use ablo_migrate::postgres::scratch;
use ablo_migrate::{AtStart, Error, Plan, Started, adoption, apply, current, postgres, start};
use ablo_tests::postgres::{Database, provision_silently};
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

pub(crate) const PLANS: &[Case] = &[
    ("ablo::migrate::schema_invalid", || {
        let body = Body { schema: serde_json::json!({}), ..unapproved().body };
        error(Plan::read(&Plan::new(body).to_json()))
    }),
    ("ablo::migrate::options", || {
        let database = database();
        let name = "x".repeat(64);
        error(postgres::Database::connect(&database.address(), &name))
    }),
    ("ablo::migrate::plan_unreadable", || error(Plan::read("{}"))),
    ("ablo::migrate::plan_changed", || {
        error(Plan::read(&unapproved().to_json().replace("\"public\"", "\"other\"")))
    }),
    ("ablo::migrate::plan_elsewhere", || {
        let (database, plan) = first_plan();
        database.session().run("CREATE SCHEMA other").expect("a schema");
        let mut other =
            postgres::Database::connect(&database.address(), "other").expect("a session");
        error(apply(&mut other, &plan, TIMEOUTS))
    }),
    ("ablo::migrate::schema_moved", || {
        let (database, plan) = first_plan();
        let mut session = open(&database.address());
        let other = approved(&mut session, &tasks(NOTE), "[]");
        apply(&mut session, &other, TIMEOUTS).expect("another migration");
        error(apply(&mut session, &plan, TIMEOUTS))
    }),
    ("ablo::migrate::database_moved", || {
        let (database, plan) = first_plan();
        database.session().run("CREATE TABLE tasks (id text)").expect("a table");
        error(apply(&mut open(&database.address()), &plan, TIMEOUTS))
    }),
    ("ablo::migrate::approval_missing", || error(unapproved().check_approvals())),
    ("ablo::migrate::approval_unknown", || {
        let mut plan = unapproved();
        let plan_hash = plan.plan_hash.clone();
        plan.approvals.push(Approval {
            id: "loss:9".to_owned(),
            plan_hash,
            by: None,
            signature: None,
        });
        error(plan.check_approvals())
    }),
    ("ablo::migrate::approval_void", || {
        let mut plan = unapproved();
        let plan_hash = "0".repeat(64);
        plan.approvals.push(Approval {
            id: "loss:0".to_owned(),
            plan_hash,
            by: None,
            signature: None,
        });
        error(plan.check_approvals())
    }),
    ("ablo::migrate::baseline_required", || {
        let database = database();
        provision_silently(&mut database.session(), &tasks(TITLE));
        error(current(&mut open(&database.address()), None))
    }),
    ("ablo::migrate::baseline_differs", || {
        let database = database();
        provision_silently(&mut database.session(), &tasks(TITLE));
        error(current(&mut open(&database.address()), Some(&tasks(NOTE))))
    }),
    ("ablo::migrate::schema_behind", || error(started(&[TITLE, NOTE], TITLE, AtStart::Migrate))),
    ("ablo::migrate::schema_ahead", || {
        let larger = format!("{TITLE},{NOTE}");
        error(started(&[TITLE], &larger, AtStart::Refuse))
    }),
    ("ablo::migrate::schema_branched", || {
        let (left, right) = (format!("{TITLE},{NOTE}"), format!("{TITLE},{PARENT}"));
        error(started(&[TITLE, &left], &right, AtStart::Migrate))
    }),
    ("ablo::migrate::schema_unrelated", || {
        let database = migrated(&[TITLE]);
        let text = format!(
            r#"{{"v":3,"identityRoles":[],
                "models":{{"cars":{{"fields":{{{TITLE}}},"relations":{{}}}}}}}}"#
        );
        let other = ablo_tests::postgres::schema(&text);
        let mut session = open(&database.address());
        error(start(&mut session, &other, true, (AtStart::Migrate, TIMEOUTS), || {}))
    }),
    ("ablo::migrate::already_recorded", || {
        let (database, plan) = first_plan();
        let mut session = open(&database.address());
        apply(&mut session, &plan, TIMEOUTS).expect("a migration");
        error(adoption(&mut session, &tasks(TITLE), false))
    }),
    ("ablo::migrate::adopt_misfit", || {
        error(adoption(&mut open(&database().address()), &tasks(TITLE), false))
    }),
    ("ablo::migrate::required_there", || {
        let database = database();
        provision_silently(&mut database.session(), &tasks(TITLE));
        database.session().run("ALTER TABLE tasks ADD own text NOT NULL").expect("a column");
        let adopted = adoption(&mut open(&database.address()), &tasks(TITLE), false);
        findings(adopted.expect("it fits").warnings)
    }),
    ("ablo::prove::no_server", || error(scratch::Server::start_from(None))),
    ("ablo::prove::scratch_failed", || {
        let bin = TempDir::new().expect("a folder");
        let program = bin.path().join("initdb");
        std::fs::write(&program, "#!/bin/sh\necho disk full\nexit 1\n").expect("a program");
        for path in [bin.path(), &program] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        }
        error(scratch::Server::start_from(Some(bin.path().to_owned())))
    }),
];

/// Returns a database that was migrated to schemas of tasks with these fields, in this order.
fn migrated(history: &[&str]) -> Database<'static> {
    let database = database();
    for fields in history {
        let mut session = open(&database.address());
        let plan = approved(&mut session, &tasks(fields), "[]");
        apply(&mut session, &plan, TIMEOUTS).expect("a migration");
    }
    database
}

/// Starts with a schema of tasks on such a database.
fn started(history: &[&str], own: &str, at_start: AtStart) -> Result<Started, Error> {
    let database = migrated(history);
    start(&mut open(&database.address()), &tasks(own), true, (at_start, TIMEOUTS), || {})
}
