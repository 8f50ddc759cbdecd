//! Runs `ablo migrate` and `ablo check --database-url` on a real server.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

use crate::support::{RunOutput, SCHEMA, TestDir, codes};
use ablo_tests::postgres::{Database, Server};
use std::time::Duration;

fn dir() -> TestDir {
    let dir = TestDir::with_schema();
    dir.put("next.json", SCHEMA.replace(r#""text": {"#, r#""body": {"#));
    dir
}

fn run(dir: &TestDir, server: &Database<'_>, args: &[&str]) -> RunOutput {
    dir.command(args)
        .env("ABLO_DATABASE_URL", server.address())
        .output()
        .expect("ablo starts")
        .into()
}

#[test]
fn migrates_an_empty_database_to_the_next_schema() {
    let (dir, server) = (dir(), Server::shared().database());
    let ran = run(&dir, &server, &["migrate", "status"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "no migration was applied\n"));
    let ran = run(&dir, &server, &["migrate", "apply", "schema.json"]);
    assert!(ran.status == 0 && ran.out.starts_with("applied: "), "{}{}", ran.out, ran.err);
    let ran = run(&dir, &server, &["migrate", "apply", "schema.json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "the database is up to date\n"));
    let ran = run(&dir, &server, &["migrate", "status", "schema.json"]);
    assert!(ran.status == 0 && ran.out.starts_with("up to date: "), "{}{}", ran.out, ran.err);
    let behind = run(&dir, &server, &["migrate", "status", "next.json", "--format", "json"]);
    assert_eq!((behind.status, codes(&behind)), (1, vec!["ablo::migrate::behind".to_owned()]));

    // A field was replaced by another: its values are lost, which needs an approval.
    let ran = run(&dir, &server, &["migrate", "apply", "next.json", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::migrate::approval_missing".to_owned()]));
    let ran = run(&dir, &server, &["migrate", "plan", "next.json", "--out", "plan.json"]);
    assert!(ran.status == 1 && ran.out.contains("needs approval `loss:"), "{}{}", ran.out, ran.err);
    let ran = dir.run(&[
        "migrate",
        "approve",
        "--plan",
        "plan.json",
        "--step",
        "loss:7",
        "--format",
        "json",
    ]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::migrate::approval_unknown".to_owned()]));
    let ran =
        dir.run(&["migrate", "approve", "--plan", "plan.json", "--all-of", "loss", "--by", "ada"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "1 approved, 0 missing\n"));

    let approved = dir.get("plan.json");
    dir.put(
        "changed.json",
        approved.replace("\"note", "\"nota").replace("\"cause\": 1", "\"cause\": 0"),
    );
    let ran =
        run(&dir, &server, &["migrate", "apply", "--plan", "changed.json", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (2, vec!["ablo::migrate::plan_changed".to_owned()]));
    let ran = run(&dir, &server, &["migrate", "apply", "--plan", "plan.json"]);
    assert!(ran.status == 0 && ran.out.starts_with("applied: "), "{}{}", ran.out, ran.err);
    let ran = run(&dir, &server, &["migrate", "apply", "--plan", "plan.json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "the plan was already applied\n"));
}

#[test]
fn a_rename_hint_keeps_values() {
    let (dir, server) = (dir(), Server::shared().database());
    dir.put("hints.json", r#"{ "fields": [{ "model": "notes", "from": "text", "to": "body" }] }"#);
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    let row = "INSERT INTO notes (id, organization_id, text) VALUES ('1', 'o', 'kept')";
    server.admin().run(row).expect("a row");
    let ran = run(&dir, &server, &["migrate", "apply", "next.json", "--hints", "hints.json"]);
    assert!(ran.status == 0 && ran.out.starts_with("applied: "), "{}{}", ran.out, ran.err);
    assert_eq!(server.admin().texts("SELECT body FROM notes"), ["kept"]);
    dir.put("hints.json", r#"{ "fields": [{ "model": "nots", "from": "text", "to": "body" }] }"#);
    let ran = run(
        &dir,
        &server,
        &["migrate", "plan", "next.json", "--hints", "hints.json", "--format", "json"],
    );
    assert_eq!(ran.status, 2, "{}{}", ran.out, ran.err);
}

#[test]
fn offline_plans_write_sql_files() {
    let dir = dir();
    let ran =
        dir.run(&["migrate", "plan", "--offline", "schema.json", "next.json", "--out", "plan"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    assert_eq!(
        dir.run(&["migrate", "plan", "--offline", "schema.json", "--out", "first"]).status,
        0
    );
    let server = Server::shared().database();
    for file in
        ["first/migrate.sql", "first/after-commit.sql", "plan/migrate.sql", "plan/after-commit.sql"]
    {
        server.psql(&dir.path(file)).unwrap_or_else(|output| panic!("{file}: {output}"));
    }
    let ran = run(&dir, &server, &["check", "next.json", "--database-url", &server.address()]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn check_reports_what_a_database_lacks() {
    let (dir, server) = (dir(), Server::shared().database());
    let check = |schema| {
        run(
            &dir,
            &server,
            &["check", schema, "--format", "json", "--database-url", &server.address()],
        )
    };
    assert_eq!(codes(&check("schema.json")), ["ablo::drift::table_missing"; 3]);
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    assert_eq!((check("schema.json").status, codes(&check("schema.json"))), (0, Vec::new()));
    // An extra column is compatible with the schema; a missing one is not.
    let ran = check("next.json");
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::drift::column_missing".to_owned()]));
    let tables = server.session().texts(
        "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = \
         'public'::regnamespace",
    );
    assert_eq!(tables.len(), 4, "{tables:?}");
    let drift = run(&dir, &server, &["migrate", "drift", "next.json", "--format", "json"]);
    assert_eq!((drift.status, codes(&drift).len()), (1, 2));
    assert_eq!(run(&dir, &server, &["migrate", "drift"]).out, "the database matches the schema\n");
}

#[test]
fn a_killed_run_is_completed_by_the_next() {
    let (dir, server) = (dir(), Server::shared().database());
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    let mut holder = server.session();
    holder.run("BEGIN; LOCK TABLE notes").expect("a lock");
    dir.put("hints.json", r#"{ "fields": [{ "model": "notes", "from": "text", "to": "body" }] }"#);
    let args = ["migrate", "apply", "next.json", "--hints", "hints.json"];
    let mut child =
        dir.command(&args).env("ABLO_DATABASE_URL", server.address()).spawn().expect("ablo starts");
    let waiting = "SELECT 'x' FROM pg_stat_activity WHERE application_name = 'ablo migrate' AND \
     wait_event_type = 'Lock' AND datname = current_database()";
    let mut admin = server.admin();
    while admin.texts(waiting).is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("a running process");
    child.wait().expect("it exits");
    holder.run("ROLLBACK").expect("the lock is free");
    let ran = run(&dir, &server, &args);
    assert!(ran.status == 0 && ran.out.starts_with("applied: "), "{}{}", ran.out, ran.err);
    assert_eq!(run(&dir, &server, &["migrate", "status", "next.json"]).status, 0);
}

/// Stops the session for a minute after the statement of this number that changes the catalog.
const STOP_AFTER: &str = "CREATE SEQUENCE steps; GRANT ALL ON SEQUENCE steps TO public; \
    CREATE FUNCTION stop_after() RETURNS event_trigger LANGUAGE plpgsql AS \
    $$ BEGIN IF nextval('public.steps') = NUMBER THEN PERFORM pg_sleep(60); END IF; END $$; \
    CREATE EVENT TRIGGER stop_after ON ddl_command_end EXECUTE FUNCTION stop_after()";

#[test]
fn a_run_that_is_killed_at_any_statement_is_completed_by_the_next() {
    let dir = TestDir::with_schema();
    let next = SCHEMA.replace(
        r#""text": {"#,
        r#""more": { "type": "enum", "enumValues": ["a", "b"], "isOptional": false,
          "isIndexed": true, "default": "a" }, "text": {"#,
    );
    dir.put("next.json", next);
    let long = std::env::var_os("ABLO_LONG").is_some();
    let args = ["migrate", "apply", "next.json"];
    for number in (1..).step_by(if long { 1 } else { 3 }) {
        let server = Server::shared().database();
        assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
        let mut admin = server.admin();
        admin.run(&STOP_AFTER.replace("NUMBER", &number.to_string())).expect("a trigger");
        let mut command = dir.command(&args);
        command.env("ABLO_DATABASE_URL", server.address());
        let mut child = command.spawn().expect("ablo starts");
        let stopped = "SELECT pid::text FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
             AND application_name = 'ablo migrate' AND datname = current_database()";
        let found = loop {
            let found = admin.texts(stopped);
            if !found.is_empty() || child.try_wait().expect("a process").is_some() {
                break found;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let Some(pid) = found.first() else {
            assert!(number > 4, "the migration has several statements");
            break;
        };
        child.kill().expect("a running process");
        child.wait().expect("it exits");
        // The server notices a lost client when the statement ends.
        admin.run(&format!("SELECT pg_terminate_backend({pid})")).expect("the statement ends");
        let status = run(&dir, &server, &["migrate", "status", "next.json", "--format", "json"]);
        let expected = ["ablo::migrate::behind", "ablo::migrate::unfinished"];
        let known = codes(&status);
        assert!(known.iter().any(|code| expected.contains(&code.as_str())), "{number}: {known:?}");
        let ran = run(&dir, &server, &args);
        assert_eq!(ran.status, 0, "{number}: {}{}", ran.out, ran.err);
        let status = run(&dir, &server, &["migrate", "status", "next.json"]);
        assert_eq!(status.status, 0, "{number}: {}{}", status.out, status.err);
    }
}

#[test]
fn an_unfinished_migration_has_ways_on() {
    let (dir, server) = (dir(), Server::shared().database());
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    dir.put("next.json", SCHEMA.replacen(r#""isIndexed": false"#, r#""isIndexed": true"#, 1));
    let nothing = run(&dir, &server, &["migrate", "resume", "--reason", "r", "--format", "json"]);
    assert_eq!(codes(&nothing), ["ablo::migrate::nothing_unfinished"]);
    // An object with the name appears after the transaction.
    server
        .admin()
        .run(
            "CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \
             $$ BEGIN EXECUTE (SELECT 'CREATE VIEW public.' || quote_ident(effect ->> 'name') || \
             ' AS SELECT 1 AS x' FROM jsonb_array_elements(NEW.record::jsonb -> 'statements') s, \
             jsonb_array_elements(s -> 'effects') effect WHERE effect ->> 'kind' = 'index'); \
             RETURN NEW; END $$; \
             CREATE TRIGGER taken AFTER INSERT ON ablo_migrations FOR EACH ROW \
             EXECUTE FUNCTION taken()",
        )
        .expect("a trigger");
    let ran = run(&dir, &server, &["migrate", "apply", "next.json", "--format", "json"]);
    assert_eq!(codes(&ran), ["ablo::migrate::name_taken"], "{}{}", ran.out, ran.err);
    let ran = run(&dir, &server, &["migrate", "resume", "--reason", "r", "--format", "json"]);
    assert_eq!(codes(&ran), ["ablo::migrate::name_taken"]);
    server.admin().run("DROP TRIGGER taken ON ablo_migrations").expect("no trigger");
    let ran = run(&dir, &server, &["migrate", "undo", "--reason", "not needed"]);
    assert!(ran.status == 0 && ran.out.starts_with("undone: "), "{}{}", ran.out, ran.err);
    assert_eq!(run(&dir, &server, &["migrate", "status", "schema.json"]).status, 0);
    let ran = run(&dir, &server, &["migrate", "skip", "--reason", "r", "--lock-timeout", "0s"]);
    assert_eq!(ran.status, 2, "{}{}", ran.out, ran.err);
    // The way on is visible afterwards.
    server.admin().run("DROP VIEW projects_name_idx").expect("the name is free");
    assert_eq!(run(&dir, &server, &["migrate", "apply", "next.json"]).status, 0);
    let half = "UPDATE ablo_migrations SET state = 'applying after-commit', position = 1 \
         WHERE id = (SELECT max(id) FROM ablo_migrations)";
    server.admin().run(half).expect("an edit");
    let ran = run(&dir, &server, &["migrate", "resume", "--reason", "the server was back"]);
    assert!(ran.status == 0 && ran.out.starts_with("resumed, and finished: "), "{}", ran.err);
    let ran = run(&dir, &server, &["migrate", "status", "next.json"]);
    assert!(ran.out.contains(": the server was back\n"), "{}{}", ran.out, ran.err);
}

#[test]
fn an_unfinished_migration_is_reported_and_finished() {
    let (dir, server) = (dir(), Server::shared().database());
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    let mut session = server.session();
    let half = "UPDATE ablo_migrations SET state = 'applying after-commit', position = 1, record = \
     replace(record, '\"statements\":[', \
        '\"statements\":[{\"sql\":\"SELECT 1;\",\"phase\":\"afterCommit\"},{\"sql\":\"SELECT \
        2;\",\"phase\":\"afterCommit\"},')";
    session.run(half).expect("an edit");
    let ran = run(&dir, &server, &["migrate", "status", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::migrate::unfinished".to_owned()]));
    let ran = run(&dir, &server, &["migrate", "plan", "schema.json", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::migrate::unfinished".to_owned()]));
    let ran = run(&dir, &server, &["migrate", "apply", "schema.json"]);
    assert_eq!(
        (ran.status, ran.out.as_str()),
        (0, "finished an earlier migration: 1 statement\nthe database is up to date\n")
    );
}

#[test]
fn errors_do_not_repeat_the_password() {
    let dir = dir();
    let ask = |args: &[&str]| -> RunOutput {
        dir.command(args)
            .env_remove("ABLO_DATABASE_URL")
            .env_remove("DATABASE_URL")
            .output()
            .expect("ablo starts")
            .into()
    };
    let ran = ask(&["migrate", "status", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (2, vec!["ablo::database::missing".to_owned()]));
    let address = "postgres://me:secret@127.0.0.1:1/d?connect_timeout=2";
    let ran = ask(&["migrate", "status", "--database-url", address, "--format", "json"]);
    assert_eq!(
        (ran.status, codes(&ran)),
        (2, vec!["ablo::database::connection_failed".to_owned()])
    );
    assert!(!ran.out.contains("secret") && !ran.err.contains("secret"));
}

#[test]
fn a_pulled_schema_matches_the_database() {
    let (dir, server) = (dir(), Server::shared().database());
    assert_eq!(run(&dir, &server, &["migrate", "apply", "schema.json"]).status, 0);
    let ran = run(&dir, &server, &["pull", "--out", "pulled.json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "3 models in pulled.json\n"), "{}", ran.err);
    assert_eq!(run(&dir, &server, &["pull"]).out, dir.get("pulled.json"));
    let ran = run(&dir, &server, &["migrate", "drift", "pulled.json"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "the database matches the schema\n"));
    let ran = run(&dir, &server, &["pull", "--document", "rust", "--out", "pulled.rs"]);
    assert_eq!((ran.status, ran.out.as_str()), (0, "3 models in pulled.rs\n"), "{}", ran.err);
    let hash = |file: &str| dir.run(&["schema", "hash", file]).out;
    assert_eq!(hash("pulled.rs"), hash("pulled.json"));
    server.session().run("CREATE VIEW seen AS SELECT 1 AS one").expect("a view");
    let ran = run(&dir, &server, &["pull"]);
    assert!(ran.status == 1 && ran.err.contains("ablo::pull::left_out"), "{}", ran.err);
    assert_eq!(ran.out, dir.get("pulled.json"));
    let ran = run(&dir, &server, &["pull", "--out", "again.json", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::pull::left_out".to_owned()]));
    let ran = run(&dir, &server, &["pull", "--out", "again.json", "--format", "github"]);
    assert!(
        ran.status == 1 && ran.out.starts_with("::warning title=ablo%3A%3Apull%3A%3Aleft_out"),
        "{}",
        ran.out
    );
}

#[test]
fn warnings_of_the_server_are_reported() {
    let (dir, server) = (dir(), Server::shared().database());
    let args = ["migrate", "apply", "schema.json"];
    assert_eq!(run(&dir, &server, &args).status, 0);
    let orphan = "INSERT INTO notes (id, organization_id, task_id) VALUES ('1', 'o', 'missing')";
    server.admin().run(orphan).expect("a row");
    let target = r#""foreignKeyColumn": "task_id""#;
    dir.put(
        "next.json",
        SCHEMA.replace(target, &format!(r#"{target}, "options": {{ "fk": true }}"#)),
    );
    let ran = run(&dir, &server, &["migrate", "apply", "next.json", "--format", "json"]);
    assert_eq!(
        (ran.status, codes(&ran)),
        (0, vec!["ablo::migrate::foreign_key_not_validated".to_owned()])
    );
}
