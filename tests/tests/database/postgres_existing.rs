//! Provisioning a non-empty database: missing objects are added, differences are reported, nothing
//! else changes.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, Provision, provision};
use ablo_tests::postgres::{Server, Session, apply, catalogue, footprint, program, schema};
use serde_json::{Value, json};

fn tasks() -> Provision {
    tasks_with(json!({}))
}

/// Returns the program for `teams` and their `tasks`, which have additional fields.
fn tasks_with(more: Value) -> Provision {
    let mut fields = json!({
        "title": { "type": "string", "isOptional": false, "isIndexed": true,
            "description": "What to do" },
        "status": { "type": "enum", "isOptional": false, "isIndexed": false,
            "enumValues": ["open", "done"] },
        "teamId": { "type": "string", "isOptional": true, "isIndexed": false },
    });
    fields.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let team = json!({ "type": "belongsTo", "target": "teams", "foreignKey": "teamId",
        "foreignKeyColumn": "team_id",
        "options": { "fk": true } });
    let models = json!({
        "tasks": { "fields": fields, "relations": { "team": team } },
        "teams": { "fields": {}, "relations": {} },
    });
    program(&schema(&json!({ "v": 3, "models": models, "identityRoles": [] }).to_string()))
}

/// Returns the rows of `before` that are missing or changed in `after`.
fn changed(before: &[String], after: &[String]) -> Vec<String> {
    before.iter().filter(|row| !after.contains(row)).cloned().collect()
}

/// The key of an earlier release or of another program, which only a migration changes.
fn other_key(table: &str, column: &str) -> String {
    let key = format!("has PRIMARY KEY ({column}); left unchanged");
    format!("ablo::provision::primary_key_differs: public.{table} {key}")
}

/// Runs the program twice and checks that the warnings are the same and the second run writes
/// nothing.
fn apply_twice(session: &mut Session, program: &Provision) -> Vec<String> {
    let warnings = apply(session, program);
    let first = footprint(session);
    assert_eq!(apply(session, program), warnings);
    assert_eq!(changed(&first, &footprint(session)), Vec::<String>::new());
    warnings
}

#[test]
fn missing_columns_are_added_with_their_constraints_and_indexes() {
    let (partial, complete) = (Server::shared().database(), Server::shared().database());
    let mut session = partial.session();
    session
        .run("CREATE TABLE tasks (id text, title text, own_column int)")
        .expect("the table is created");
    assert_eq!(apply_twice(&mut session, &tasks()), Vec::<String>::new());
    let mut ours = catalogue(&mut session);
    assert!(
        ours.get_mut("public")
            .and_then(|tables| tables.get_mut("tasks")?.columns.remove("own_column"))
            .is_some()
    );

    let mut session = complete.session();
    assert_eq!(apply(&mut session, &tasks()), Vec::<String>::new());
    assert_eq!(ours, catalogue(&mut session));
}

#[test]
fn new_fields_only_add_columns_and_indexes() {
    let database = Server::shared().database();
    let mut session = database.session();
    apply(&mut session, &tasks());
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    session
        .run(
            "INSERT INTO tasks (id, organization_id, title, status) \
            VALUES ('1', 'acme', 't', 'open')",
        )
        .expect("the row is inserted");
    let before = footprint(&mut session);
    let grown =
        tasks_with(json!({ "note": { "type": "json", "isOptional": true, "isIndexed": true } }));
    assert_eq!(apply_twice(&mut session, &grown), Vec::<String>::new());
    let touched = changed(&before, &footprint(&mut session));
    // The catalog row of a table contains its number of columns.
    assert!(touched.iter().all(|row| row.starts_with("relation tasks ")), "{touched:#?}");
    assert!(catalogue(&mut session)["public"]["tasks"].indexes.contains_key("tasks_note_idx"));
}

#[test]
fn a_violated_not_null_is_reported_and_skipped() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run("CREATE TABLE tasks (id text PRIMARY KEY); INSERT INTO tasks VALUES ('1')")
        .expect("the table is created");
    // Forced row security hides the row even from the owner. Provisioning must find it.
    session
        .run("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
        .expect("row security is forced");
    let hint = "has rows without a value; set their values and run this script again";
    let mut wanted: Vec<String> = ["organization_id", "title", "status"]
        .map(|column| format!("ablo::provision::not_null_skipped: public.tasks.{column} {hint}"))
        .into();
    wanted.push(other_key("tasks", "id"));
    assert_eq!(apply_twice(&mut session, &tasks()), wanted);
    let columns = &catalogue(&mut session)["public"]["tasks"].columns;
    assert!(
        !columns["title"].not_null && columns["created_at"].not_null,
        "a default fills `created_at`"
    );

    let mut admin = database.admin();
    admin
        .run("UPDATE tasks SET organization_id = 'acme', title = 't', status = 'open'")
        .expect("the row is updated");
    assert_eq!(apply_twice(&mut session, &tasks()), [other_key("tasks", "id")]);
    assert!(catalogue(&mut session)["public"]["tasks"].columns["title"].not_null);
}

#[test]
fn a_violated_check_is_reported_and_skipped() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run("CREATE TABLE tasks (id text, title text, status text, organization_id text)")
        .expect("the table is created");
    session
        .run("INSERT INTO tasks VALUES ('1', 't', 'lost', 'acme')")
        .expect("the row is inserted");
    let warnings = apply_twice(&mut session, &tasks());
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(
        warnings[0].starts_with("ablo::provision::check_skipped: public.tasks.status "),
        "{warnings:#?}"
    );
    assert!(
        !catalogue(&mut session)["public"]["tasks"].constraints.contains_key("tasks_status_check")
    );
}

#[test]
fn a_column_of_another_type_is_reported_and_not_changed() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run(
            "CREATE TABLE tasks (id uuid PRIMARY KEY, status int, title varchar(80), \
            organization_id uuid)",
        )
        .expect("the table is created");
    let mut warnings = apply_twice(&mut session, &tasks());
    warnings.retain(|warning| !warning.contains("_skipped"));
    let other = |column: &str, was: &str| {
        format!(
            "ablo::provision::column_type_differs: public.tasks.{column} has type {was} instead of \
             text; left unchanged"
        )
    };
    let wanted = [
        other("id", "uuid"),
        other("organization_id", "uuid"),
        other("title", "character varying(80)"),
        other("status", "integer"),
        other_key("tasks", "id"),
    ];
    assert_eq!(warnings, wanted);
    let tasks = &catalogue(&mut session)["public"]["tasks"];
    assert_eq!(tasks.columns["status"].r#type, "integer");
    assert!(
        tasks.policies.is_empty() && tasks.row_security && tasks.forced,
        "without a policy no row is visible"
    );
}

#[test]
fn equivalent_objects_under_other_names_are_kept() {
    let database = Server::shared().database();
    let mut session = database.session();
    apply(&mut session, &tasks());
    session
        .run(
            "ALTER TABLE tasks RENAME CONSTRAINT tasks_pkey TO k1;
             ALTER TABLE tasks RENAME CONSTRAINT tasks_status_check TO k2;
             ALTER TABLE tasks RENAME CONSTRAINT tasks_team_id_fkey TO k3;
             ALTER INDEX tasks_title_idx RENAME TO k4;
             ALTER POLICY tenant_isolation ON tasks RENAME TO k5",
        )
        .expect("the objects are renamed");
    let before = footprint(&mut session);
    assert_eq!(apply(&mut session, &tasks()), Vec::<String>::new());
    assert_eq!(footprint(&mut session), before);
}

#[test]
fn different_objects_under_our_names_are_reported_and_kept() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run(
            "CREATE TABLE teams (id text PRIMARY KEY);
             CREATE TABLE tasks (id text, title text, status text, team_id text, \
             other text PRIMARY KEY,
               CONSTRAINT tasks_status_check CHECK (status IN ('open')),
               CONSTRAINT tasks_team_id_fkey CHECK (team_id <> ''));
             CREATE INDEX tasks_title_idx ON tasks (title, id);
             CREATE INDEX tasks_team_id_idx ON tasks (status);
             CREATE POLICY tenant_isolation ON tasks USING (true);
             COMMENT ON COLUMN tasks.title IS 'mine'",
        )
        .expect("the tables are created");
    let before = footprint(&mut session);
    let warnings = apply_twice(&mut session, &tasks());
    let codes: Vec<_> = warnings.iter().filter_map(|warning| warning.split(": ").next()).collect();
    let wanted = [
        "primary_key_differs",
        "primary_key_differs",
        "comment_differs",
        "check_differs",
        "index_differs",
        "policy_differs",
        "foreign_key_differs",
        "index_differs",
    ];
    let mut found: Vec<_> =
        codes.iter().filter_map(|code| code.strip_prefix("ablo::provision::")).collect();
    found.sort_unstable();
    let mut sorted = wanted.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted, "{warnings:#?}");
    let touched = changed(&before, &footprint(&mut session));
    let harmless = |row: &String| row.starts_with("relation t") || row.starts_with("column t");
    assert!(touched.iter().all(harmless), "{touched:#?}");
}

#[test]
fn a_cascading_foreign_key_is_reported_and_kept() {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run(
            "CREATE TABLE teams (organization_id text, id text, \
             PRIMARY KEY (organization_id, id));
             CREATE TABLE tasks (organization_id text, id text, team_id text, \
             PRIMARY KEY (organization_id, id), \
             FOREIGN KEY (organization_id, team_id) REFERENCES teams ON DELETE CASCADE)",
        )
        .expect("the tables are created");
    let warnings = apply_twice(&mut session, &tasks());
    assert_eq!(
        warnings,
        ["ablo::provision::foreign_key_differs: public.tasks.team_id has FOREIGN KEY \
          (organization_id, team_id) REFERENCES public.teams(organization_id, id) \
          ON DELETE CASCADE; left unchanged"]
    );
}

#[test]
fn orphans_hidden_by_row_security_are_reported() {
    let database = Server::shared().database();
    let mut session = database.session();
    apply(&mut session, &tasks());
    session
        .run("ALTER TABLE tasks DROP CONSTRAINT tasks_team_id_fkey")
        .expect("the constraint is dropped");
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    session
        .run(
            "INSERT INTO tasks (id, organization_id, title, status, team_id) \
             VALUES ('1', 'acme', 't', 'open', 'gone')",
        )
        .expect("the orphan is inserted");
    for organization in ["", "acme", "other"] {
        session
            .run(&format!("SET app.current_org_id = '{organization}'"))
            .expect("the setting is accepted");
        let warnings = apply_twice(&mut session, &tasks());
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
        assert!(
            warnings[0]
                .starts_with("ablo::provision::foreign_key_not_validated: public.tasks.team_id "),
            "{warnings:#?}"
        );
    }
    // The parent row must count for validation, although only its own organisation sees it.
    session.run("SET app.current_org_id = 'acme'").expect("the setting is accepted");
    session
        .run("INSERT INTO teams (id, organization_id) VALUES ('gone', 'acme')")
        .expect("the parent is inserted");
    session.run("RESET app.current_org_id").expect("the setting is accepted");
    assert_eq!(apply_twice(&mut session, &tasks()), Vec::<String>::new());
    let tables = &catalogue(&mut session)["public"];
    assert!(!tables["tasks"].constraints["tasks_team_id_fkey"].definition.ends_with("NOT VALID"));
    assert!(tables["tasks"].forced && tables["teams"].forced);
}

#[test]
fn an_invalid_index_is_rebuilt() {
    let database = Server::shared().database();
    let mut session = database.session();
    apply(&mut session, &tasks());
    let index = "'tasks_team_id_idx'::regclass";
    database
        .admin()
        .run(&format!("UPDATE pg_index SET indisvalid = false WHERE indexrelid = {index}"))
        .expect("the index is invalid");
    assert_eq!(apply_twice(&mut session, &tasks()), Vec::<String>::new());
    assert!(catalogue(&mut session)["public"]["tasks"].indexes["tasks_team_id_idx"].valid);
}

#[test]
fn every_schema_of_a_database_gets_all_constraints() {
    let text = json!({ "v": 3, "identityRoles": [],
        "models": { "tasks": { "relations": {}, "fields": {
        "status": { "type": "enum", "isOptional": false, "isIndexed": true,
            "enumValues": ["open", "done"] },
    } } } });
    let schema = schema(&text.to_string());
    let database = Server::shared().database();
    let mut session = database.session();
    for organization in [None, Some("One"), Some("Two")] {
        let options = PostgresOptions {
            organization: organization.map(str::to_owned),
            ..PostgresOptions::default()
        };
        let program = provision(&schema, &options).expect("the options are valid");
        assert_eq!(apply(&mut session, &program), Vec::<String>::new());
    }
    let made = catalogue(&mut session);
    assert_eq!(made.keys().collect::<Vec<_>>(), ["app_one", "app_two", "public"]);
    for tables in made.values() {
        assert_eq!(tables["tasks"].constraints, made["public"]["tasks"].constraints);
        assert_eq!((tables["tasks"].indexes.len(), tables["tasks"].policies.len()), (3, 1));
    }
}

#[test]
fn concurrent_runs_do_not_interfere() {
    let database = Server::shared().database();
    let program = tasks();
    std::thread::scope(|scope| {
        // A run that finds the index being built skips it with a warning.
        let run = || {
            let warnings = apply(&mut database.session(), &program);
            assert!(warnings.iter().all(|warning| warning.contains("index_busy")), "{warnings:#?}");
        };
        let runs = [scope.spawn(run), scope.spawn(run), scope.spawn(run)];
        runs.into_iter().for_each(|run| run.join().expect("the run succeeds"));
    });
    assert_eq!(apply_twice(&mut database.session(), &program), Vec::<String>::new());
}
