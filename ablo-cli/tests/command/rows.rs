//! `ablo import` and `ablo export` on both databases.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "server", feature = "database", target_os = "linux"))]

use crate::support::coordinator::ServerProcess;
use crate::support::{RunOutput, TestDir};
use ablo_tests::postgres::Server;
use std::fmt::Write as _;

const SCHEMA: &str = r#"{"v":3,"mutable":true,"identityRoles":[],"models":{
  "tickets":{"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "note":{"type":"string","isOptional":true,"isIndexed":false},
    "points":{"type":"number","isOptional":true,"isIndexed":false},
    "open":{"type":"boolean","isOptional":false,"isIndexed":false,"default":true},
    "due":{"type":"date","isOptional":true,"isIndexed":false},
    "tags":{"type":"json","isOptional":true,"isIndexed":false}}}}}"#;

const GUIDE: &str = include_str!("../../../docs/guide/import-export.md");

const ROWS: &str = r#"{"id":"a","title":"Rain, \"heavy\"","points":1.5,"tags":["x",{"y":null}]}
{"id":"b","title":"Sun","open":false,"due":"2026-03-01T10:00:00.000Z","note":"two\nlines"}
"#;

fn run(dir: &TestDir, args: &[&str], address: &str) -> RunOutput {
    let mut command = dir.command(&[args, &["--database-url", address]].concat());
    command.env_remove("ABLO_SECRET_KEY").output().expect("ablo starts").into()
}

fn ok(dir: &TestDir, args: &[&str], address: &str) -> RunOutput {
    let ran = run(dir, args, address);
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran
}

/// Runs a test on a database of each kind with the tables of the schema.
fn on_both_databases(test: fn(&TestDir, &str)) {
    let database = Server::shared().database();
    for address in ["sqlite:app.db".to_owned(), database.address()] {
        let dir = TestDir::empty();
        dir.put("schema.json", SCHEMA);
        // A coordinator creates its own tables and those of the schema.
        let args = ["serve", "schema.json", "--database-url", &address, "--listen", "127.0.0.1:0"];
        drop(ServerProcess::start(&dir, &args, Some("sk_test_0123456789abcdef0123456789abcdef")));
        test(&dir, &address);
    }
}

#[test]
fn rows_that_are_exported_can_be_imported() {
    on_both_databases(|dir, address| {
        dir.put("rows.jsonl", ROWS);
        let ran = ok(dir, &["import", "tickets", "rows.jsonl"], address);
        assert_eq!(ran.out, "imported 2 rows into tickets; 0 rows existed\n");
        let lines = ok(dir, &["export", "tickets"], address).out;
        assert_eq!(lines.lines().count(), 2, "{lines}");
        for format in ["csv", "jsonl"] {
            let file = format!("tickets.{format}");
            let ran = ok(dir, &["export", "tickets", "--out", &file], address);
            assert_eq!(ran.out, "exported 2 rows of tickets\n");
            let ran = ok(dir, &["import", "tickets", &file], address);
            assert_eq!(ran.out, "imported 0 rows into tickets; 2 rows existed\n");
            // An existing file is never replaced.
            let again = run(dir, &["export", "tickets", "--out", &file], address);
            assert!(again.status == 2 && again.err.contains("ablo::rows::file"), "{}", again.err);
        }
        let header = dir.get("tickets.csv");
        let header = header.lines().next().expect("a header");
        assert!(header.starts_with("id,") && header.contains(",title,note,points,"), "{header}");
        // Another organisation has rows of its own.
        let other = ok(dir, &["export", "tickets", "--organization", "other"], address);
        assert_eq!(other.out, "");
    });
}

#[test]
fn the_guide_runs_as_printed() {
    on_both_databases(|dir, address| {
        let line = GUIDE.split("```json\n").nth(1).and_then(|rest| rest.lines().next());
        dir.put("rows.jsonl", line.expect("a row").trim());
        ok(dir, &["import", "tickets", "rows.jsonl"], address);
        let commands = GUIDE.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
        for command in commands.expect("commands").lines() {
            let words: Vec<&str> = command.split(' ').skip(1).collect();
            ok(dir, &words, address);
        }
    });
}

#[test]
fn all_faults_of_a_file_are_reported_before_a_row_is_written() {
    on_both_databases(|dir, address| {
        dir.put(
            "rows.jsonl",
            "{\"id\":\"a\",\"title\":\"x\"}\n{\"id\":\"b\",\"titel\":\"x\"}\n{\"title\":\"x\"}\n{\"id\":\n",
        );
        let ran = run(dir, &["import", "tickets", "rows.jsonl"], address);
        assert_eq!(ran.status, 1, "{}", ran.err);
        for part in [
            "nothing was imported",
            "line 2: tickets has no field `titel`; did you mean `title`?",
            "line 3: the row of tickets has no `id`",
            "line 4: not a JSON object",
        ] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
        assert_eq!(ok(dir, &["export", "tickets"], address).out, "");
        dir.put("rows.csv", "id,title,points,open\n1,x,1.5,true\n2,y,many,false\n3,z\n");
        let ran = run(dir, &["import", "tickets", "rows.csv"], address);
        assert!(ran.err.contains("line 3: the cell of `points` is not JSON"), "{}", ran.err);
        assert!(ran.err.contains("line 4: the row has 2 cells; the header has 4"), "{}", ran.err);
        assert_eq!(ok(dir, &["export", "tickets"], address).out, "");
    });
}

#[test]
fn an_interrupted_import_is_repeated() {
    on_both_databases(|dir, address| {
        let mut rows = String::from("id,title\n");
        for n in 0..2500 {
            // Writing to a string cannot fail.
            let _ = writeln!(rows, "r{n:04},Row {n}");
        }
        let part: String = rows.split_inclusive('\n').take(1201).collect();
        dir.put("part.csv", &part);
        ok(dir, &["import", "tickets", "part.csv"], address);
        dir.put("rows.csv", rows.replace("Row 7\n", "Another\n"));
        let ran = run(dir, &["import", "tickets", "rows.csv"], address);
        assert_eq!(ran.status, 1, "{}", ran.err);
        assert!(
            ran.err.contains("imported 1300 rows into tickets; 1199 rows existed"),
            "{}",
            ran.err
        );
        assert!(
            ran.err.contains("line 9: the row `r0007` exists with other values"),
            "{}",
            ran.err
        );
        assert_eq!(ok(dir, &["export", "tickets"], address).out.lines().count(), 2500);
    });
}

#[test]
fn null_and_empty_text_are_told_apart() {
    on_both_databases(|dir, address| {
        dir.put("rows.jsonl", "{\"id\":\"a\",\"title\":\"\",\"note\":null}\n");
        ok(dir, &["import", "tickets", "rows.jsonl"], address);
        let ran = run(dir, &["export", "tickets", "--out", "rows.csv"], address);
        assert!(ran.err.contains("ablo::export::ambiguous_null"), "{}", ran.err);
        assert!(!dir.path("rows.csv").exists(), "a part of the rows is not left");
        ok(dir, &["export", "tickets", "--out", "rows.csv", "--null", "NULL"], address);
        let ran = ok(dir, &["import", "tickets", "rows.csv", "--null", "NULL"], address);
        assert_eq!(ran.out, "imported 0 rows into tickets; 1 row existed\n");
    });
}
