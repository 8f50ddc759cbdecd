//! Runs the commands of docs/guide/existing-databases.md as they are printed.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

#[cfg(feature = "server")]
use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, TestDir, codes};
use ablo_tests::postgres::Server;
#[cfg(feature = "server")]
use std::time::{Duration, Instant};

const GUIDE: &str = include_str!("../../../docs/guide/existing-databases.md");

/// Returns the code blocks of a language, in order.
fn blocks<'g>(language: &str) -> Vec<&'g str> {
    let start = format!("\n```{language}\n");
    let parts = GUIDE.split(start.as_str()).skip(1);
    parts.filter_map(|part| part.split_once("\n```").map(|(block, _)| block)).collect()
}

/// Runs every command on the database at an address. Returns what each printed.
fn run_all(dir: &TestDir, address: &str) -> Vec<(String, RunOutput)> {
    let json = blocks("json");
    let [next, backfills] = json.as_slice() else { panic!("{json:#?}") };
    dir.put("next.json", *next);
    dir.put("backfills.json", *backfills);
    let commands = blocks("sh").into_iter().flat_map(str::lines);
    let run = |line: &str| {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        let output = dir.command(&words).env("ABLO_DATABASE_URL", address).output();
        (line.to_owned(), RunOutput::from(output.expect("ablo starts")))
    };
    commands.map(run).collect()
}

/// Checks that each command succeeds, except that the pull reports what it leaves out.
fn check(ran: &[(String, RunOutput)]) {
    assert_eq!(ran.len(), 10);
    for (command, ran) in ran {
        let expected = i32::from(command.starts_with("ablo pull"));
        assert_eq!(ran.status, expected, "{command}: {}{}", ran.out, ran.err);
    }
}

#[test]
fn the_guide_runs_on_postgresql() {
    let (dir, server) = (TestDir::with_schema(), Server::shared().database());
    let [tables] = blocks("text")[..] else { panic!("one script") };
    server.session().run(tables).expect("the tables");
    server.session().run("INSERT INTO notes (id, title) VALUES ('1', 'a')").expect("a row");
    let ran = run_all(&dir, &server.address());
    check(&ran);
    for part in ["`created_by`", "character varying(80)", "notes_rating_check", "notes_newest"] {
        assert!(ran[0].1.err.contains(part), "{part}: {}", ran[0].1.err);
    }
    let adopted = &ran[3].1.out;
    for part in ["unmanaged: `notes`, `notes_newest`", "recorded: 1 model"] {
        assert!(adopted.contains(part), "{part}: {adopted}");
    }
    assert_eq!(ran[6].1.out, "the database matches the schema\n");
    assert_eq!(ran[9].1.out, "the database matches the schema\n");
    let plan = dir.get("plan.json");
    let count = |part: &str| plan.matches(part).count();
    assert_eq!(
        (count("RENAME COLUMN"), count("ADD COLUMN"), count("DROP CONSTRAINT")),
        (1, 1, 0),
        "{plan}"
    );
    assert_eq!(server.session().texts("SELECT state FROM notes"), ["open"]);
}

#[test]
fn a_file_is_pulled_and_not_adopted() {
    let dir = TestDir::with_schema();
    let [tables] = blocks("text")[..] else { panic!("one script") };
    let tables = tables.replace("DEFAULT now()", "DEFAULT CURRENT_TIMESTAMP");
    let file = dir.path("app.db");
    let connection = rusqlite::Connection::open(&file).expect("a file");
    connection.execute_batch(&tables).expect("the tables");
    drop(connection);
    let address = format!("sqlite:{}", file.display());
    let run = |words: &[&str]| -> RunOutput {
        let output = dir.command(words).env("ABLO_DATABASE_URL", &address).output();
        RunOutput::from(output.expect("ablo starts"))
    };
    let ran = run(&["pull", "--out", "schema.json"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    for part in ["`created_by`", "VARCHAR(80)", "notes_newest", "not STRICT"] {
        assert!(ran.err.to_lowercase().contains(&part.to_lowercase()), "{part}: {}", ran.err);
    }
    assert_eq!(run(&["check", "schema.json"]).status, 0);
    let ran = run(&["migrate", "adopt", "schema.json", "--format", "json"]);
    assert_eq!((ran.status, codes(&ran)), (2, vec!["ablo::database::wrong_kind".to_owned()]));
}

/// Returns the position of the log, as a client that starts sees it.
#[cfg(feature = "server")]
fn position(server: &ServerProcess) -> u64 {
    let (status, body) = server.request("GET", "/api/sync/bootstrap", "");
    assert_eq!(status, 200, "{body}");
    json(&body)["lastSyncId"].as_u64().unwrap_or_else(|| panic!("{body}"))
}

#[cfg(feature = "server")]
fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Rows have constants in place of the base columns that the table lacks, at every exit.
#[test]
#[cfg(feature = "server")]
fn tables_without_base_columns_are_served() {
    const KEY: &str = "sk_test_0123456789abcdef0123456789abcdef";
    let (dir, database) = (TestDir::with_schema(), Server::shared().database());
    let sql = |text: &str| database.session().run(text).unwrap_or_else(|error| panic!("{error}"));
    sql("CREATE TABLE tags (id text PRIMARY KEY, name varchar(40) NOT NULL, place integer)");
    sql("INSERT INTO tags VALUES ('a', 'sun', 1)");
    let address = database.address();
    for (words, status) in [
        (&["pull", "--out", "schema.json", "--database-url", &address][..], 1),
        (&["migrate", "adopt", "schema.json", "--database-url", &address], 0),
        (&["capture", "schema.json", "--database-url", &address], 0),
    ] {
        let ran = RunOutput::from(dir.command(words).output().expect("ablo starts"));
        assert_eq!(ran.status, status, "{words:?}: {}{}", ran.out, ran.err);
    }
    let args = ["serve", "schema.json", "--database-url", &address, "--listen", "127.0.0.1:0"];
    let server = ServerProcess::start(&dir, &args, Some(KEY));
    let request = |method: &str, path: &str, body: &str, expected: u16| {
        let (status, body) = server.request(method, &format!("/api/v1/models/tags{path}"), body);
        assert_eq!(status, expected, "{method} {path}: {body}");
        body
    };
    let epoch = r#""createdAt":"1970-01-01T00:00:00.000Z","updatedAt":"1970-01-01T00:00:00.000Z""#;
    request("POST", "", r#"{"id":"b","data":{"name":"rain","place":2}}"#, 201);
    for at in ["/a", "/b"] {
        let row = request("GET", at, "", 200);
        assert!(row.contains(epoch) && !row.contains("createdBy"), "{row}");
    }
    request("PATCH", "/a", r#"{"data":{"name":"snow"}}"#, 200);
    let listed = request("GET", "?order_by=createdAt&order=desc", "", 200);
    assert_eq!(listed.matches(epoch).count(), 2, "{listed}");
    assert!(listed.find("snow") > listed.find("rain"), "{listed}");
    request("DELETE", "/b", "", 200);
    assert_eq!(database.session().texts("SELECT id || name FROM tags"), ["asnow"]);
    // What another program writes is appended to the log.
    let before = position(&server);
    sql("UPDATE tags SET place = 7 WHERE id = 'a'");
    let deadline = Instant::now() + Duration::from_secs(30);
    while position(&server) == before {
        assert!(Instant::now() < deadline, "the change is captured");
    }
    let logged = "SELECT data::text FROM sync_deltas ORDER BY id DESC LIMIT 1";
    let delta = database.admin().texts(logged).join("");
    assert_eq!(json(&delta)["createdAt"], "1970-01-01T00:00:00.000Z", "{delta}");
    assert_eq!(json(&delta)["place"], 7, "{delta}");
}
