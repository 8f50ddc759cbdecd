//! Row security as a client sees it: two organisations, and a role that owns no tables and bypasses
//! no policies.

use ablo_tests::postgres::{Database, Server, Session, apply, program, schema};
use serde_json::json;

/// Provisions `teams` with a tenancy column, `tasks` through teams, `notes` through tasks, and
/// `files` through a table outside the schema. Returns the warnings.
fn provisioned(database: &Database<'_>) -> Vec<String> {
    let text = json!({ "type": "string", "isOptional": false, "isIndexed": false });
    let through = |key: &str, table: &str| {
        let via = json!({ "localKey": key, "parentTable": table, "parentOrgColumn": "org" });
        json!({ "kind": "parent", "via": via })
    };
    let models = json!({
        "notes": { "fields": { "taskId": text }, "relations": {},
            "tenancy": through("task_id", "tasks") },
        "tasks": { "fields": { "teamId": text }, "relations": {},
            "tenancy": through("team_id", "teams") },
        "teams": { "fields": {}, "relations": {},
            "tenancy": { "kind": "column", "column": "org" } },
        "files": { "fields": { "ownerId": text }, "relations": {},
            "tenancy": through("owner_id", "owners") },
        "words": { "fields": {}, "relations": {}, "tenancy": { "kind": "none" } },
    });
    let text = json!({ "v": 3, "models": models, "identityRoles": [] }).to_string();
    let text = text
        .replace(r#","parentOrgColumn":"org","parentTable":"tasks""#, r#","parentTable":"tasks""#);
    apply(&mut database.session(), &program(&schema(&text)))
}

/// Opens a session of a role that may read and write every table.
fn client(database: &Database<'_>) -> Session {
    let role = format!("client_of_{}", database.owner());
    let mut admin = database.admin();
    admin
        .run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT SELECT, INSERT, UPDATE, \
             DELETE ON ALL TABLES IN SCHEMA public TO {role}"
        ))
        .expect("the role is created");
    database.session_of(&role)
}

fn act_as(session: &mut Session, organization: &str) {
    session
        .run(&format!("SET app.current_org_id = '{organization}'"))
        .expect("the setting is accepted");
}

fn fill(session: &mut Session) {
    for organization in ["acme", "umbrella"] {
        act_as(session, organization);
        session
            .run(&format!(
                "INSERT INTO teams (id, org) VALUES ('{organization}-team', '{organization}');
                 INSERT INTO tasks (id, team_id) VALUES ('{organization}-task', \
                 '{organization}-team');
                 INSERT INTO notes (id, task_id) VALUES ('{organization}-note', \
                 '{organization}-task')"
            ))
            .expect("the rows are inserted");
    }
}

#[test]
fn an_organisation_sees_and_changes_its_own_rows_only() {
    let database = Server::shared().database();
    provisioned(&database);
    let mut session = client(&database);
    fill(&mut session);
    for (organization, other) in [("acme", "umbrella"), ("umbrella", "acme")] {
        act_as(&mut session, organization);
        for (table, row) in [("teams", "team"), ("tasks", "task"), ("notes", "note")] {
            assert_eq!(
                session.texts(&format!("SELECT id FROM {table}")),
                [format!("{organization}-{row}")]
            );
            let update = format!(
                "UPDATE {table} SET updated_at = now() WHERE id = '{other}-{row}' RETURNING id"
            );
            assert_eq!(session.texts(&update), Vec::<String>::new());
            let delete = format!("DELETE FROM {table} WHERE id = '{other}-{row}' RETURNING id");
            assert_eq!(session.texts(&delete), Vec::<String>::new());
        }
    }
}

#[test]
fn writes_into_another_organisation_are_refused() {
    let database = Server::shared().database();
    provisioned(&database);
    let mut session = client(&database);
    fill(&mut session);
    act_as(&mut session, "acme");
    for sql in [
        "INSERT INTO teams (id, org) VALUES ('x', 'umbrella')",
        "INSERT INTO tasks (id, team_id) VALUES ('x', 'umbrella-team')",
        "INSERT INTO notes (id, task_id) VALUES ('x', 'umbrella-task')",
        "UPDATE teams SET org = 'umbrella'",
        "UPDATE tasks SET team_id = 'umbrella-team'",
        "UPDATE notes SET task_id = 'umbrella-task'",
    ] {
        let refused = session.run(sql).expect_err(sql);
        assert!(refused.starts_with("42501"), "{sql}: {refused}");
    }
}

#[test]
fn without_an_organisation_no_rows_are_visible() {
    let database = Server::shared().database();
    provisioned(&database);
    let mut session = client(&database);
    fill(&mut session);
    session.run("INSERT INTO words (id) VALUES ('shared')").expect("the shared row is inserted");
    // The setting is unset in a new session and may be empty in a pooled one.
    let mut fresh = database.session_of(&format!("client_of_{}", database.owner()));
    act_as(&mut session, "");
    for session in [&mut fresh, &mut session] {
        for table in ["teams", "tasks", "notes", "files"] {
            assert_eq!(session.texts(&format!("SELECT id FROM {table}")), Vec::<String>::new());
        }
        assert_eq!(session.texts("SELECT id FROM words"), ["shared"]);
    }
}

#[test]
fn the_table_owner_is_subject_to_row_security() {
    let database = Server::shared().database();
    provisioned(&database);
    fill(&mut client(&database));
    let mut owner = database.session();
    for table in ["teams", "tasks", "notes"] {
        assert_eq!(owner.texts(&format!("SELECT id FROM {table}")), Vec::<String>::new());
    }
    act_as(&mut owner, "acme");
    assert_eq!(owner.texts("SELECT id FROM notes"), ["acme-note"]);
}

#[test]
fn a_missing_parent_table_is_reported_until_it_exists() {
    let database = Server::shared().database();
    let warnings = provisioned(&database);
    assert_eq!(
        warnings,
        ["ablo::provision::policy_skipped: public.files has no policy, so no row is visible: \
          relation \"public.owners\" does not exist"]
    );
    let mut owner = database.session();
    act_as(&mut owner, "acme");
    let refused = owner
        .run("INSERT INTO files (id, owner_id) VALUES ('f', 'o')")
        .expect_err("the table has no policy");
    assert!(refused.starts_with("42501"), "{refused}");

    owner
        .run(
            "CREATE TABLE owners (id text PRIMARY KEY, org text); INSERT INTO owners \
            VALUES ('o', 'acme')",
        )
        .expect("the table is created");
    assert_eq!(provisioned(&database), Vec::<String>::new());
    owner.run("INSERT INTO files (id, owner_id) VALUES ('f', 'o')").expect("the row is inserted");
    act_as(&mut owner, "umbrella");
    assert_eq!(owner.texts("SELECT id FROM files"), Vec::<String>::new());
}
