//! Runs the commands of docs/guide/existing-databases.md as they are printed.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(feature = "database")]

use crate::support::{RunOutput, TestDir, codes};
use ablo_tests::postgres::Server;

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
