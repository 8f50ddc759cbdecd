//! Raises every code of the command's table and checks the printed help.
//!
//! The codes of `ablo-schema` have fixtures, and those of `ablo-migrate` a table of their own in
//! `tests/tests/database/migrate_codes`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", target_os = "linux"))]

use crate::backup::damage;
use crate::support::coordinator::endpoint_that_accepts_everything;
use crate::support::{RunOutput, SCHEMA, TestDir};
use ablo_tests::postgres::Server;
use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::process::Command;

/// An address that no test can listen on, so that a server which starts by mistake exits.
const NO_ADDRESS: &str = "192.0.2.1:80";
const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
const SOURCE_URL: &str = "http://127.0.0.1:9/";

/// A code and a run that raises it.
type Case = (&'static str, fn(&TestDir) -> RunOutput);

/// Runs a command without any setting from the environment.
fn run(dir: &TestDir, args: &[&str], env: &[(&str, &str)]) -> RunOutput {
    let mut command = dir.command(args);
    for name in ["ABLO_DATABASE_URL", "DATABASE_URL", "ABLO_SECRET_KEY", "ABLO_SOURCE_KEY"] {
        command.env_remove(name);
    }
    command.envs(env.iter().copied()).output().expect("ablo starts").into()
}

/// Runs `ablo generate` with this ablo.toml.
fn generate(dir: &TestDir, config: &str) -> RunOutput {
    dir.put("ablo.toml", config);
    run(dir, &["generate"], &[])
}

/// Prints a schema with one JSON field as Rust.
fn print_rust(dir: &TestDir, member: &str, model_member: &str) -> RunOutput {
    let field = format!(r#"{{"type":"json","isOptional":false,"isIndexed":false{member}}}"#);
    let model = format!(r#"{{"relations":{{}},"fields":{{"tags":{field}}}{model_member}}}"#);
    let schema = format!(r#"{{"v":3,"models":{{"notes":{model}}},"identityRoles":[]}}"#);
    dir.put("schema.json", schema);
    run(dir, &["schema", "print", "schema.json", "--document", "rust"], &[])
}

/// Generates the PostgreSQL target into `out`.
fn output(dir: &TestDir, more: &[&str]) -> RunOutput {
    let args = ["generate", "schema.json", "-t", "postgres", "-o", "out"];
    run(dir, &[&args[..], more].concat(), &[])
}

/// Runs `ablo serve` on a SQLite file.
fn serve(dir: &TestDir, more: &[&str], env: &[(&str, &str)]) -> RunOutput {
    let args = ["serve", "--database-url", "sqlite:app.db", "--listen", NO_ADDRESS];
    run(dir, &[&args[..], more].concat(), env)
}

/// Runs `ablo source test` with a key.
fn test_source(dir: &TestDir, args: &[&str]) -> RunOutput {
    run(dir, &[&["source", "test"], args].concat(), &[("ABLO_SOURCE_KEY", "sk_test_example")])
}

fn mutable_schema(dir: &TestDir) {
    dir.put(
        "schema.json",
        SCHEMA.replacen(r#""projects": {"#, r#""projects": { "mutable": true,"#, 1),
    );
}

/// The cases of input files, settings and output files.
const FILES: &[Case] = &[
    ("ablo::config::not_found", |dir| run(dir, &["generate"], &[])),
    ("ablo::config::syntax", |dir| generate(dir, "schema = \n")),
    ("ablo::config::unknown_key", |dir| generate(dir, "schema = \"schema.json\"\nzzzzzzzz = 1\n")),
    ("ablo::config::missing", |dir| generate(dir, "out = \"out\"\n")),
    ("ablo::config::wrong_type", |dir| generate(dir, "schema = 3\n")),
    ("ablo::config::conflicting_options", |dir| {
        let options = "[target.postgres]\nschema = \"a\"\norganization = \"b\"\n";
        generate(dir, &format!("schema = \"schema.json\"\n{options}"))
    }),
    ("ablo::config::unknown_target", |dir| {
        run(dir, &["generate", "schema.json", "-t", "zzzzzzzz"], &[])
    }),
    ("ablo::config::unknown_option", |dir| output(dir, &["--option", "postgres.zzzzzzzz=1"])),
    ("ablo::config::unused_option", |dir| output(dir, &["--option", "openapi.title=Tasks"])),
    ("ablo::config::shared_folder", |dir| {
        let targets = "[target.postgres]\nout = \"same\"\n[target.openapi]\nout = \"same\"\n";
        generate(dir, &format!("schema = \"schema.json\"\n{targets}"))
    }),
    ("ablo::argument::invalid", |dir| {
        let schema = "x".repeat(64);
        let args = ["diff", "--initial", "schema.json", "--format", "sql", "--schema", &schema];
        run(dir, &args, &[])
    }),
    ("ablo::source::unreadable", |dir| run(dir, &["check", "absent.json"], &[])),
    ("ablo::source::stdin_twice", |dir| run(dir, &["diff", "-", "-"], &[])),
    ("ablo::source::unsaid", |dir| print_rust(dir, r#","default":[]"#, "")),
    ("ablo::source::hash", |dir| print_rust(dir, "", r#","load":"instant""#)),
    ("ablo::output::not_ours", |dir| {
        dir.put("out/postgres/provision.sql", "mine");
        output(dir, &[])
    }),
    ("ablo::output::not_a_file", |dir| {
        dir.put("out/postgres/provision.sql/x", "");
        output(dir, &[])
    }),
    ("ablo::output::not_a_folder", |dir| {
        dir.put("out", "");
        output(dir, &[])
    }),
    ("ablo::output::refused", |dir| {
        run(dir, &["generate", "schema.json", "-t", "postgres", "-o", "/proc/ablo"], &[])
    }),
    ("ablo::output::stale", |dir| output(dir, &["--check", "--format", "github"])),
    ("ablo::init::exists", |dir| {
        dir.put("ablo.toml", "");
        run(dir, &["init"], &[])
    }),
    ("ablo::fmt::not_json", |dir| run(dir, &["fmt", "schema.rs"], &[])),
    ("ablo::fmt::differs", |dir| {
        dir.put("schema.json", "{}");
        run(dir, &["fmt", "schema.json", "--check"], &[])
    }),
    ("ablo::typescript::no_node", |dir| {
        dir.put("schema.ts", "export default 1;");
        run(dir, &["check", "schema.ts"], &[("PATH", "/nowhere")])
    }),
    ("ablo::typescript::no_compiler", |dir| {
        dir.put("schema.ts", "export default 1;");
        // An old Node.js without packages.
        let script = "#!/bin/sh\necho 'Error: ablo: no compiler of TypeScript' >&2\nexit 1\n";
        dir.put("bin/node", script);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path("bin/node"), executable).expect("permissions");
        let path = dir.path("bin").display().to_string();
        run(dir, &["check", "schema.ts"], &[("PATH", &path)])
    }),
    ("ablo::typescript::no_schema", |dir| {
        dir.put("schema.mjs", "export const other = 1;");
        run(dir, &["check", "schema.mjs"], &[])
    }),
    ("ablo::typescript::failed", |dir| {
        dir.put("schema.mjs", "throw new Error('no');");
        run(dir, &["check", "schema.mjs"], &[])
    }),
    ("ablo::watch::stdin", |dir| run(dir, &["generate", "-", "--watch"], &[])),
    ("ablo::watch::refused", |dir| run(dir, &["generate", "absent/schema.json", "--watch"], &[])),
    ("ablo::explain::unknown_code", |dir| run(dir, &["explain", "zzzzzzzz"], &[])),
];

/// The cases of `ablo dev` and `ablo serve`.
const SERVE: &[Case] = &[
    ("ablo::database::missing", |dir| run(dir, &["migrate", "drift"], &[])),
    ("ablo::serve::stdin_schema", |dir| serve(dir, &["-"], &[])),
    ("ablo::serve::address_in_use", |dir| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        run(dir, &["dev", "schema.json", "--memory", "--listen", &address], &[])
    }),
    ("ablo::serve::cannot_listen", |dir| serve(dir, &["schema.json"], &[("ABLO_SECRET_KEY", KEY)])),
    ("ablo::serve::no_key", |dir| serve(dir, &["schema.json"], &[])),
    ("ablo::serve::short_key", |dir| {
        serve(dir, &["schema.json"], &[("ABLO_SECRET_KEY", "sk_test_aaaaaaaaaaaaaaaa")])
    }),
    ("ablo::serve::ended_key", |dir| {
        let other = KEY.replace("0123", "9999");
        for key in [KEY, &other] {
            serve(dir, &["schema.json"], &[("ABLO_SECRET_KEY", key)]);
        }
        serve(dir, &["schema.json"], &[("ABLO_SECRET_KEY", KEY)])
    }),
    ("ablo::backup::exists", |dir| {
        run(dir, &["key", "create", "--database-url", "sqlite:app.db"], &[]);
        dir.put("copy.db", "an earlier copy");
        run(dir, &["backup", "copy.db", "--database-url", "sqlite:app.db"], &[])
    }),
    ("ablo::backup::damaged", |dir| {
        run(dir, &["key", "create", "--database-url", "sqlite:app.db"], &[]);
        damage(&dir.path("app.db"));
        run(dir, &["backup", "copy.db", "--database-url", "sqlite:app.db"], &[])
    }),
    ("ablo::backup::postgres", |dir| {
        let url = "postgres://someone@127.0.0.1:1/none";
        run(dir, &["backup", "copy.db", "--database-url", url], &[])
    }),
    ("ablo::key::refused", |dir| {
        run(dir, &["key", "create", "--database-url", "sqlite:app.db"], &[]);
        run(dir, &["key", "revoke", "cap_0", "--database-url", "sqlite:app.db"], &[])
    }),
    ("ablo::serve::invalid_key", |dir| {
        serve(dir, &["schema.json", "--live"], &[("ABLO_SECRET_KEY", "sk_test_example")])
    }),
    ("ablo::serve::invalid_dev_key", |dir| {
        dir.put(".ablo/dev.key", "not a key");
        run(dir, &["dev", "schema.json", "--listen", NO_ADDRESS], &[])
    }),
    ("ablo::serve::state_folder", |dir| {
        dir.put(".ablo", "a file");
        run(dir, &["dev", "schema.json", "--listen", NO_ADDRESS], &[])
    }),
    ("ablo::serve::database_unavailable", |dir| {
        let database = Server::shared().database();
        let address = database.address();
        run(dir, &["migrate", "apply", "schema.json", "--database-url", &address], &[]);
        let limit = format!("ALTER ROLE {} CONNECTION LIMIT 1", database.owner());
        database.admin().run(&limit).expect("a limit");
        let args = ["serve", "schema.json", "--database-url", &address, "--listen", NO_ADDRESS];
        run(dir, &args, &[("ABLO_SECRET_KEY", KEY)])
    }),
    ("ablo::serve::database_failed", |dir| {
        let database = Server::shared().database();
        let address = database.address();
        run(dir, &["migrate", "apply", "schema.json", "--database-url", &address], &[]);
        let revoke =
            "ALTER SCHEMA public OWNER TO postgres; GRANT USAGE ON SCHEMA public TO PUBLIC";
        database.admin().run(revoke).expect("fewer privileges");
        let args = ["serve", "schema.json", "--database-url", &address, "--listen", NO_ADDRESS];
        run(dir, &args, &[])
    }),
    ("ablo::serve::newer_layout", |dir| {
        serve(dir, &["schema.json"], &[]);
        let file = rusqlite::Connection::open(dir.path("app.db")).expect("the file");
        let newer = "INSERT INTO ablo_layouts (version, min_reader) VALUES (99, 99)";
        file.execute(newer, []).expect("a newer layout");
        dir.put("schema.json", SCHEMA.replace("\"notes\"", "\"memos\""));
        let ran = serve(dir, &["schema.json"], &[]);
        let memos = "SELECT count(*) FROM sqlite_schema WHERE name = 'memos'";
        let made: i64 = file.query_row(memos, [], |row| row.get(0)).expect("a number");
        assert_eq!(made, 0, "no table of a model is migrated either");
        ran
    }),
    ("ablo::serve::unknown_source_model", |dir| {
        let source = format!("main={SOURCE_URL}");
        serve(dir, &["schema.json", "--source", &source, "--source-models", "zzzzzzzz"], &[])
    }),
    ("ablo::serve::system_error", |dir| {
        let script = "ulimit -n 4; exec \"$0\" dev schema.json --memory --listen 192.0.2.1:80";
        let mut command = Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_ablo")]).current_dir(dir.path(""));
        command.output().expect("a shell").into()
    }),
];

/// The cases of `ablo source`.
const SOURCES: &[Case] = &[
    ("ablo::data_source::key_missing", |dir| {
        run(dir, &["source", "test", SOURCE_URL, "schema.json"], &[("ABLO_SOURCE_KEY", " , ")])
    }),
    ("ablo::data_source::invalid_url", |dir| {
        mutable_schema(dir);
        test_source(dir, &["ftp://127.0.0.1/", "schema.json"])
    }),
    ("ablo::data_source::unreachable", |dir| {
        mutable_schema(dir);
        test_source(dir, &[SOURCE_URL, "schema.json"])
    }),
    ("ablo::data_source::no_test_row", |dir| {
        dir.put(
            "schema.json",
            dir.get("schema.json").replace("\"mutable\": true", "\"mutable\": false"),
        );
        test_source(dir, &[SOURCE_URL, "schema.json"])
    }),
    ("ablo::data_source::invalid_row", |dir| {
        test_source(dir, &[SOURCE_URL, "--model", "projects", "--row", r#"{"name":1}"#])
    }),
    ("ablo::data_source::schema_mismatch", |dir| {
        dir.put("app.db", "");
        let args = ["source", "install-triggers", "schema.json", "--database-url", "app.db"];
        run(dir, &args, &[])
    }),
    ("ablo::data_source::triggers_failed", |dir| {
        let address = address_of_other_role(dir);
        let args = ["source", "install-triggers", "schema.json", "--database-url", &address];
        run(dir, &args, &[])
    }),
    ("ablo::capture::failed", |dir| {
        let address = address_of_other_role(dir);
        run(dir, &["capture", "schema.json", "--database-url", &address], &[])
    }),
    ("ablo::capture::unsupported", |dir| {
        run(dir, &["capture", "schema.json", "--database-url", "sqlite:app.db"], &[])
    }),
    ("ablo::import::invalid_row", |dir| {
        dir.put("rows.jsonl", "[]");
        rows(dir, &["import", "notes", "rows.jsonl"])
    }),
    ("ablo::import::refused_row", |dir| {
        dir.put("rows.jsonl", "{\"id\":\"n\"}\n{\"id\":\"n\",\"text\":\"other\"}");
        rows(dir, &["import", "notes", "rows.jsonl"])
    }),
    ("ablo::export::ambiguous_null", |dir| {
        dir.put("rows.jsonl", "{\"id\":\"n\",\"text\":\"\"}");
        rows(dir, &["import", "notes", "rows.jsonl"]);
        rows(dir, &["export", "notes", "--out", "rows.csv"])
    }),
    ("ablo::rows::file", |dir| rows(dir, &["import", "notes", "missing.csv"])),
    ("ablo::rows::unknown_format", |dir| rows(dir, &["import", "notes", "rows.txt"])),
    ("ablo::rows::unknown_model", |dir| rows(dir, &["export", "planets"])),
    ("ablo::rows::no_schema", |dir| {
        dir.put("app.db", "");
        run(dir, &["export", "notes", "--database-url", "sqlite:app.db"], &[])
    }),
    ("ablo::data_source::failed", |dir| {
        mutable_schema(dir);
        test_source(dir, &[&endpoint_that_accepts_everything(), "schema.json"])
    }),
];

/// Runs a command on the rows of a database with the tables of the small schema.
fn rows(dir: &TestDir, args: &[&str]) -> RunOutput {
    let address = "sqlite:app.db";
    run(dir, &["migrate", "apply", "schema.json", "--database-url", address], &[]);
    run(dir, &[args, &["--database-url", address]].concat(), &[])
}

/// Returns the address of a database with tables for a role that does not own them.
fn address_of_other_role(dir: &TestDir) -> String {
    let database = Server::shared().database();
    let (address, other) = (database.address(), format!("{}_other", database.owner()));
    run(dir, &["migrate", "apply", "schema.json", "--database-url", &address], &[]);
    let mut admin = database.admin();
    admin
        .run(&format!(
            "CREATE ROLE {other} LOGIN; GRANT ALL ON SCHEMA public TO {other}; GRANT SELECT ON \
             ALL TABLES IN SCHEMA public TO {other}"
        ))
        .expect("a role");
    address.replace(&format!("user={}", database.owner()), &format!("user={other}"))
}

/// The cases of codes in the table of `ablo-migrate` that only a command raises.
const MIGRATE: &[Case] = &[
    ("ablo::migrate::behind", |dir| {
        let database = ["--database-url", "app.db"];
        run(dir, &[&["migrate", "apply", "schema.json"][..], &database].concat(), &[]);
        dir.put("next.json", SCHEMA.replace("\"notes\"", "\"memos\""));
        run(dir, &[&["migrate", "status", "next.json"][..], &database].concat(), &[])
    }),
    ("ablo::migrate::unfinished", |dir| {
        let database = Server::shared().database();
        let address = database.address();
        run(dir, &["migrate", "apply", "schema.json", "--database-url", &address], &[]);
        let edit = "UPDATE ablo_migrations SET state = 'applying after-commit'";
        database.session().run(edit).expect("an edit");
        run(dir, &["migrate", "status", "--database-url", &address], &[])
    }),
];

/// Returns the help of every code, from the page of `ablo explain`.
fn help_by_code() -> BTreeMap<String, String> {
    let page = TestDir::empty().run(&["explain"]).out;
    let mut codes = BTreeMap::new();
    for section in page.split("\n## `").skip(1) {
        let (code, text) = section.split_once('`').expect("a code");
        let help = text.split_once("*What to do:* ").expect("a help").1.trim();
        codes.insert(code.to_owned(), help.to_owned());
    }
    codes
}

fn normalise(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn check(cases: &[Case]) {
    let help = help_by_code();
    for (code, raise) in cases {
        let ran = raise(&TestDir::with_schema());
        let printed = format!("{}{}", ran.out, ran.err).replace("%3A", ":").replace("%0A", " ");
        assert_ne!(ran.status, 0, "{code}: {printed}");
        assert!(printed.contains(code), "{code} is not raised: {printed}");
        assert!(
            normalise(&printed).contains(&normalise(&help[*code])),
            "{code} is raised with other help: {printed}"
        );
    }
}

#[test]
fn codes_of_files_are_raised_with_their_help() {
    check(FILES);
}

#[test]
fn codes_of_coordinators_are_raised_with_their_help() {
    check(SERVE);
}

#[test]
fn codes_of_data_sources_are_raised_with_their_help() {
    check(SOURCES);
}

#[test]
fn codes_of_migrate_status_are_raised_with_their_help() {
    check(MIGRATE);
}

#[test]
fn every_code_of_the_command_has_a_case() {
    let cases: BTreeSet<String> =
        [FILES, SERVE, SOURCES].concat().iter().map(|(code, _)| (*code).to_owned()).collect();
    let mut codes: BTreeSet<String> = help_by_code().into_keys().collect();
    codes.retain(|code| {
        ablo_schema::Code::find(code).is_none() && ablo_migrate::Code::find(code).is_none()
    });
    assert_eq!(cases, codes);
}
