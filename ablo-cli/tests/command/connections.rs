//! The server that a command connects to: libpq's variables and services, parameters of other
//! programs, poolers, and schemas and ledgers that do not exist.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

use crate::support::{RunOutput, TestDir, codes};
use ablo_tests::postgres::{Database, Pooler, Server};

const STATUS: &[&str] = &["migrate", "status"];
const NOTHING: &str = "no migration was applied\n";

fn run(dir: &TestDir, variables: &[(&str, &str)], args: &[&str]) -> RunOutput {
    let mut command = dir.command(args);
    for name in ["ABLO_DATABASE_URL", "DATABASE_URL", "PGHOST", "PGDATABASE", "PGSERVICE"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().expect("ablo starts").into()
}

/// A URL of a database with further parameters.
fn url(server: &Database<'_>, parameters: &str) -> String {
    let home = server.home().display();
    format!("postgres://{}:s3cret@/{}?host={home}{parameters}", server.owner(), server.name())
}

#[test]
fn variables_of_libpq_name_the_server() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let home = server.home().display().to_string();
    let variables =
        [("PGHOST", home.as_str()), ("PGUSER", server.owner()), ("PGDATABASE", server.name())];
    let ran = run(&dir, &variables, STATUS);
    assert_eq!((ran.status, ran.out.as_str()), (0, NOTHING), "{}", ran.err);
    let services =
        format!("[app]\nhost={home}\nuser={}\ndbname={}\n", server.owner(), server.name());
    dir.put("services", services);
    let file = dir.path("services").display().to_string();
    let file = ("PGSERVICEFILE", file.as_str());
    for (variables, args) in [
        (&[file, ("PGSERVICE", "app")][..], STATUS),
        (&[file], &["migrate", "status", "--database-url", "service=app"]),
        (&[file, ("DATABASE_URL", "postgres://?service=app")], STATUS),
    ] {
        let ran = run(&dir, variables, args);
        assert_eq!((ran.status, ran.out.as_str()), (0, NOTHING), "{args:?}: {}", ran.err);
    }
    let ran = run(&dir, &[], &["migrate", "status", "--format", "json"]);
    assert_eq!(codes(&ran), ["ablo::database::missing"]);
}

#[test]
fn parameters_of_prisma_are_noted() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let url = url(&server, "&schema=app&connection_limit=5&pgbouncer=true");
    let ran = run(&dir, &[("DATABASE_URL", &url)], STATUS);
    assert_eq!((ran.status, ran.out.as_str()), (0, NOTHING), "{}", ran.err);
    for name in ["`schema`", "`connection_limit`", "`pgbouncer`"] {
        assert!(ran.err.contains(&format!("note: the parameter {name}")), "{}", ran.err);
    }
}

#[test]
fn no_message_has_the_password() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let good = url(&server, "");
    let wrong = good.replace(server.name(), "nowhere");
    let unknown = good.replace("?host", "?s3cret&host");
    for url in [&wrong, &unknown, &good] {
        for args in [STATUS, &["migrate", "plan", "schema.json"], &["migrate", "drift"], &["pull"]]
        {
            let ran = run(&dir, &[("DATABASE_URL", url)], args);
            assert!(!(ran.out + &ran.err).contains("s3cret"), "{args:?}");
        }
    }
}

#[test]
fn a_schema_and_a_ledger_have_to_exist() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let url = url(&server, "");
    let run = |args: &[&str]| {
        run(&dir, &[("DATABASE_URL", &url)], &[args, &["--format", "json"]].concat())
    };
    for args in [
        &["migrate", "plan", "schema.json", "--schema", "nope"][..],
        &["migrate", "apply", "schema.json", "--schema", "nope"],
        &["migrate", "drift", "--schema", "nope"],
    ] {
        let ran = run(args);
        assert_eq!((ran.status, codes(&ran)), (2, vec!["ablo::database::no_schema".to_owned()]));
    }
    assert_eq!(
        server.session().texts("SELECT nspname FROM pg_namespace WHERE nspname = 'nope'"),
        [""; 0]
    );
    let ran = run(&["migrate", "drift"]);
    assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::migrate::no_ledger".to_owned()]));
}

#[test]
fn a_database_is_up_to_date_only_after_it_was_compared() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let url = url(&server, "");
    let run = |args: &[&str]| run(&dir, &[("DATABASE_URL", &url)], args);
    assert_eq!(run(&["migrate", "apply", "schema.json"]).status, 0);
    assert_eq!(run(&["migrate", "apply", "schema.json"]).out, "the database is up to date\n");
    server.session().run("DROP POLICY tenant_isolation ON notes").expect("a change");
    for command in ["plan", "apply"] {
        let ran = run(&["migrate", command, "schema.json", "--format", "json"]);
        assert_eq!((ran.status, codes(&ran)), (1, vec!["ablo::drift::policy".to_owned()]));
    }
    let policy = "CREATE POLICY mine ON notes USING (organization_id = \
        current_setting('app.current_org_id', true))";
    server.session().run(policy).expect("a change");
    // Under another name, it is the same policy.
    assert_eq!(run(&["migrate", "apply", "schema.json"]).out, "the database is up to date\n");
}

#[test]
fn a_pooler_serves_what_only_reads() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let direct = server.address();
    let applied = run(&dir, &[("DATABASE_URL", &direct)], &["migrate", "apply", "schema.json"]);
    assert_eq!(applied.status, 0, "{}", applied.err);
    let pooler = Pooler::start(&server);
    let address = pooler.address();
    let run = |args: &[&str]| run(&dir, &[("DATABASE_URL", &address)], args);
    for args in [
        &["migrate", "status"][..],
        &["migrate", "drift"],
        &["migrate", "plan", "schema.json"],
        &["check", "schema.json", "--database-url", &address],
        &["pull"],
    ] {
        let ran = run(args);
        assert_eq!(ran.status, 0, "{args:?}: {}{}", ran.out, ran.err);
        let mut application = pooler.client();
        let sql = "SELECT count(*) FROM notes";
        application.batch_execute(sql).expect("the table is found in the shared session");
    }
    server.session().run("DROP TABLE ablo_migrations CASCADE").expect("a change");
    for args in [
        &["migrate", "apply", "schema.json", "--from", "schema.json", "--format", "json"][..],
        &["serve", "schema.json", "--format", "json"],
    ] {
        let ran = run(args);
        assert_eq!((ran.status, codes(&ran)), (2, vec!["ablo::database::pooler".to_owned()]));
    }
}
