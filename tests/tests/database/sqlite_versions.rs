//! Generated SQL on other versions of SQLite than the one in this project: the shell of the system,
//! and in the long suite the earliest one that the SQL is for, 3.37.2.

use ablo_codegen::emit::sql::sqlite::service;
use ablo_migrate::rows::rows;
use ablo_tests::fixtures;
use ablo_tests::postgres::schema;
use ablo_tests::sqlite::{insert_statements, program};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An npm package with the source of SQLite 3.37.2.
const EARLIEST: &str = "better-sqlite3@7.5.0";
/// Reads SQL from standard input and prints each value, as the shell does.
const SHELL: &str = r#"
#include "sqlite3.h"
#include <stdio.h>
#include <stdlib.h>
static int print(void *none, int count, char **values, char **names) {
  for (int at = 0; at < count; at++) puts(values[at] ? values[at] : "");
  return 0;
}
int main(void) {
  size_t size = 0, room = 1 << 16, read;
  char *sql = malloc(room), *error = 0;
  while ((read = fread(sql + size, 1, room - size - 1, stdin)) > 0) {
    size += read;
    if (size + 1 >= room) sql = realloc(sql, room *= 2);
  }
  sql[size] = 0;
  sqlite3 *database;
  sqlite3_open(":memory:", &database);
  if (sqlite3_exec(database, sql, print, 0, &error) == SQLITE_OK) return 0;
  fprintf(stderr, "%s\n", error);
  return 1;
}
"#;

/// Runs SQL in a database in memory. Returns what it prints.
fn run(shell: &Path, sql: &str) -> Result<String, String> {
    let mut command = Command::new(shell);
    if shell.file_name().is_some_and(|name| name == "sqlite3") {
        command.args(["-bail", ":memory:"]);
    }
    let started =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut running = started.unwrap_or_else(|error| panic!("{}: {error}", shell.display()));
    let mut input = running.stdin.take().expect("an input");
    let text = sql.to_owned();
    let writing = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = running.wait_with_output().expect("the shell ends");
    // A shell that stops early does not read the rest.
    let _ = writing.join();
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Checks that every script runs twice and that its tables accept rows, with and without values.
fn check(shell: &Path) {
    let version = run(shell, "SELECT sqlite_version();").expect("a version");
    println!("{}: {}", shell.display(), version.trim());
    let mut service = service().transaction;
    service.push_str(
        "INSERT INTO sync_deltas (action_type, model_name, model_id, sync_groups, \
         organization_id) VALUES ('D', 'Task', '1', '[]', 'o');",
    );
    run(shell, &service).expect("the tables of the coordinator");
    for (name, text) in fixtures::good_schemas() {
        let schema = schema(&text);
        let program = program(&schema).transaction;
        let rows = rows(&schema, 7);
        let script = format!("{program}{}{program}", insert_statements(&rows));
        let printed = run(shell, &script).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(printed, "", "{name}");
    }
}

#[test]
fn the_sqlite_of_the_system_takes_every_row() {
    check(Path::new("sqlite3"));
}

#[test]
fn an_absent_json_value_is_accepted_and_invalid_json_is_not() {
    let text = r#"{"v":3,"identityRoles":[],"models":{"notes":{"relations":{},"fields":{
        "blob":{"type":"json","isOptional":true,"isIndexed":false}}}}}"#;
    let program = program(&schema(text)).transaction;
    let insert = |blob: &str| {
        let columns = "id, organization_id, created_by, blob";
        let insert = format!("INSERT INTO notes ({columns}) VALUES ('a', 'o', 'p', {blob});");
        run(Path::new("sqlite3"), &format!("{program}{insert}"))
    };
    for blob in ["NULL", "'null'", "'{}'"] {
        insert(blob).unwrap_or_else(|error| panic!("{blob}: {error}"));
    }
    assert!(insert("'{'").is_err_and(|error| error.contains("blob_check")));
}

#[test]
fn the_earliest_sqlite_takes_every_row() {
    if std::env::var_os("ABLO_LONG").is_none() {
        println!("set ABLO_LONG to compile {EARLIEST}");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let in_folder = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).current_dir(folder.path()).status();
        assert!(status.is_ok_and(|status| status.success()), "{program} {arguments:?}");
    };
    in_folder("npm", &["pack", "--silent", EARLIEST]);
    in_folder("tar", &["xzf", "better-sqlite3-7.5.0.tgz"]);
    let source: PathBuf = folder.path().join("package/deps/sqlite3");
    std::fs::write(source.join("main.c"), SHELL).expect("the program is written");
    let amalgamation = "package/deps/sqlite3/sqlite3.c";
    let main = "package/deps/sqlite3/main.c";
    in_folder(
        "cc",
        &[
            "-DSQLITE_ENABLE_JSON1",
            "-o",
            "earliest",
            main,
            amalgamation,
            "-lpthread",
            "-ldl",
            "-lm",
        ],
    );
    check(&folder.path().join("earliest"));
}
