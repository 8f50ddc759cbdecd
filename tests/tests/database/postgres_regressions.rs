//! Migrations that fail in the reference implementation and must succeed here, with rows in the
//! tables.

use ablo_schema::diff::diff;
use ablo_schema::front::json::{read_backfills, read_hints};
use ablo_tests::postgres::Session;
use ablo_tests::postgres::invariants::{Outcome, ScratchEnv};
use ablo_tests::postgres::schema;
use serde_json::{Value, json};

fn field(kind: &str) -> Value {
    json!({ "type": kind, "isOptional": false, "isIndexed": false })
}

fn optional(kind: &str) -> Value {
    json!({ "type": kind, "isOptional": true, "isIndexed": false })
}

fn values(values: &[&str]) -> Value {
    json!({ "type": "enum", "isOptional": true, "isIndexed": true, "enumValues": values })
}

/// Returns a model with these fields and additional members.
fn model(fields: Value, members: Value) -> Value {
    let mut model = json!({ "fields": fields, "relations": {} });
    model
        .as_object_mut()
        .expect("an object")
        .extend(members.as_object().expect("an object").clone());
    model
}

fn tasks(fields: Value) -> Value {
    json!({ "tasks": model(fields, json!({})) })
}

/// Migrates rows of one schema to the next, checks the invariants, and returns a session that sees
/// all rows.
fn migrated(prev: &Value, next: &Value, hints: &Value, backfills: &Value) -> Session {
    let document =
        |models: &Value| json!({ "v": 3, "models": models, "identityRoles": [] }).to_string();
    let (prev, next) = (schema(&document(prev)), schema(&document(next)));
    let hints = read_hints(&hints.to_string()).0.expect("the hints are valid");
    let backfills =
        read_backfills(&backfills.to_string(), &next).0.expect("the backfills are valid");
    let diff = diff(Some(&prev), &next, &hints).expect("the hints match the schemas");
    let scratch = ScratchEnv::default();
    match scratch.check(&diff, &backfills, 7) {
        Ok(Outcome::Applied) => scratch.admin(),
        other => panic!("{other:?}"),
    }
}

fn migrated_without_hints(prev: &Value, next: &Value) -> Session {
    migrated(prev, next, &json!({}), &json!([]))
}

#[test]
fn a_boolean_changed_to_an_enum_is_checked_as_text() {
    let mut admin = migrated_without_hints(
        &tasks(json!({ "done": field("boolean") })),
        &tasks(json!({ "done": values(&["true", "false", "maybe"]) })),
    );
    admin.run("UPDATE tasks SET done = 'maybe'").expect("the new value is allowed");
    assert!(admin.run("UPDATE tasks SET done = 'other'").is_err());
    assert_eq!(admin.texts("SELECT DISTINCT done FROM tasks"), ["maybe"]);
}

#[test]
fn a_date_changed_to_an_enum_is_checked_as_text() {
    let day = "1969-12-31T00:00:00.000001Z";
    let mut admin = migrated_without_hints(
        &tasks(json!({ "day": optional("date") })),
        &tasks(json!({ "day": values(&[day, "never"]) })),
    );
    assert_eq!(admin.texts("SELECT DISTINCT day FROM tasks WHERE day IS NOT NULL"), [day]);
    admin.run("UPDATE tasks SET day = 'never'").expect("the new value is allowed");
}

#[test]
fn a_number_changes_to_a_boolean_without_a_server_cast() {
    let mut admin = migrated_without_hints(
        &tasks(json!({ "rank": field("number") })),
        &tasks(json!({ "rank": field("boolean") })),
    );
    assert_eq!(admin.texts("SELECT DISTINCT pg_typeof(rank)::text FROM tasks"), ["boolean"]);
}

#[test]
fn renaming_an_enum_renames_its_check_and_index() {
    let hints = json!({ "fields": [{ "model": "tasks", "from": "state", "to": "status" }] });
    let next = tasks(json!({ "status": values(&["open", "done", "late"]) }));
    let mut admin =
        migrated(&tasks(json!({ "state": values(&["open", "done"]) })), &next, &hints, &json!([]));
    admin.run("UPDATE tasks SET status = 'late'").expect("the new check allows the value");
    let names = "SELECT conname::text FROM pg_constraint WHERE conrelid = 'tasks'::regclass \
        AND contype = 'c'
                 UNION SELECT relname::text FROM pg_class WHERE relkind = 'i' \
                 AND relname LIKE 'tasks_stat%'";
    assert_eq!(admin.texts(names).len(), 2);
    assert!(admin.texts(names).iter().all(|name| name.contains("status")));
}

#[test]
fn a_column_used_by_a_policy_can_change_its_type() {
    // The policy uses `team_id`, and the tenancy column of the parent is renamed.
    let via = json!({ "kind": "parent", "via": { "localKey": "team_id", "parentTable": "teams" } });
    let teams =
        model(json!({}), json!({ "tenancy": { "kind": "column", "column": "organization_id" } }));
    let fields = json!({ "teamId": field("string"), "kind": field("number") });
    let before = json!({ "teams": teams, "tasks": model(fields, json!({ "tenancy": via })) });
    let mut next = before.clone();
    next["tasks"]["fields"]["kind"] = field("string");
    next["teams"]["tenancy"]["column"] = "owner".into();
    migrated_without_hints(&before, &next);
    // The table changes from parent tenancy to its own column.
    let mut own = next.clone();
    own["tasks"]["tenancy"] = json!({ "kind": "column", "column": "org" });
    let backfills = json!([{ "model": "tasks", "field": "organizationId", "value": "org-0" }]);
    let mut admin = migrated(&next, &own, &json!({}), &backfills);
    assert_eq!(admin.texts("SELECT DISTINCT org FROM tasks"), ["org-0"]);
}

#[test]
fn a_table_is_dropped_with_dependent_keys_and_policies() {
    let relation = |target: &str, key: &str| {
        json!({ "type": "belongsTo", "target": target,
        "foreignKey": key, "foreignKeyColumn": "team_id", "options": { "fk": true } })
    };
    let teams =
        model(json!({}), json!({ "tenancy": { "kind": "column", "column": "organization_id" } }));
    let via = json!({ "kind": "parent", "via": { "localKey": "team_id", "parentTable": "teams" } });
    let mut task = model(json!({ "teamId": field("string") }), json!({ "tenancy": via }));
    task["relations"]["team"] = relation("teams", "teamId");
    let before = json!({ "teams": teams, "tasks": task });
    let shared = json!({ "tenancy": { "kind": "none" } });
    let next = json!({ "tasks": model(json!({ "title": optional("string") }), shared) });
    let mut admin = migrated_without_hints(&before, &next);
    assert_eq!(
        admin.texts("SELECT relname::text FROM pg_class WHERE oid = to_regclass('public.teams')"),
        Vec::<String>::new()
    );
}

#[test]
fn removed_enum_values_are_mapped_before_the_check_is_added() {
    let required = |allowed: &[&str]| {
        json!({ "type": "enum", "isOptional": false,
        "isIndexed": false, "enumValues": allowed })
    };
    let before = tasks(json!({ "status": required(&["open", "done"]) }));
    let next = tasks(json!({ "status": required(&["todo", "done"]) }));
    let backfills = json!([{ "model": "tasks", "field": "status", "value": "todo" }]);
    let mut admin = migrated(&before, &next, &json!({}), &backfills);
    assert_eq!(admin.texts("SELECT DISTINCT status FROM tasks ORDER BY 1"), ["done", "todo"]);
}

#[test]
fn a_redeclared_organization_field_is_added_and_removed() {
    let plain = tasks(json!({ "title": field("string") }));
    let declared = tasks(json!({ "title": field("string"), "organizationId": field("string") }));
    let mut admin = migrated_without_hints(&plain, &declared);
    assert_eq!(
        admin.texts("SELECT DISTINCT organization_id FROM tasks ORDER BY 1"),
        ["org-0", "org-1"]
    );
    let mut admin = migrated_without_hints(&declared, &plain);
    assert_eq!(
        admin.texts("SELECT DISTINCT organization_id FROM tasks ORDER BY 1"),
        ["org-0", "org-1"]
    );
}

#[test]
fn tables_are_renamed_and_swap_names() {
    let named =
        |table: &str| model(json!({ "title": values(&["a", "b"]) }), json!({ "tableName": table }));
    let before = json!({ "one": named("first"), "two": named("second") });
    migrated_without_hints(&before, &json!({ "one": named("elsewhere"), "two": named("first") }));
    migrated_without_hints(&before, &json!({ "one": named("second"), "two": named("first") }));
}

#[test]
fn a_model_moves_between_planes() {
    let on = |plane: &str| {
        let tasks = model(json!({ "title": field("string") }), json!({ "plane": plane }));
        json!({ "tasks": tasks, "notes": model(json!({}), json!({})) })
    };
    let mut admin = migrated_without_hints(&on("tenant"), &on("control"));
    assert_eq!(
        admin.texts("SELECT relname::text FROM pg_class WHERE oid = to_regclass('public.tasks')"),
        Vec::<String>::new()
    );
    migrated_without_hints(&on("control"), &on("tenant"));
}

#[test]
fn a_renamed_tenancy_column_keeps_its_values() {
    let with = |tenancy: Value| {
        let tasks = model(json!({ "title": field("string") }), json!({ "tenancy": tenancy }));
        json!({ "tasks": tasks })
    };
    let column = |name: &str| with(json!({ "kind": "column", "column": name }));
    let mut admin = migrated_without_hints(&column("organization_id"), &column("tenant"));
    assert_eq!(admin.texts("SELECT DISTINCT tenant FROM tasks ORDER BY 1"), ["org-0", "org-1"]);
    let mut admin =
        migrated_without_hints(&column("organization_id"), &with(json!({ "kind": "none" })));
    assert_eq!(admin.texts("SELECT id FROM tasks").len(), 7);
    let backfills = json!([{ "model": "tasks", "field": "organizationId", "value": "it's ours" }]);
    let mut admin =
        migrated(&with(json!({ "kind": "none" })), &column("org"), &json!({}), &backfills);
    assert_eq!(admin.texts("SELECT DISTINCT org FROM tasks"), ["it's ours"]);
}
