//! Runs `ablo migrate prove` on migrations that are proven, refused because of rows, and lossy.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]
#![cfg(all(feature = "database", unix))]

use crate::support::{RunOutput, TestDir};
use ablo_tests::postgres::Server;
use serde_json::Value;

const INVARIANTS: [&str; 6] = [
    "the catalog equals that of a database provisioned with the next schema",
    "the catalog matches the next schema",
    "a second run changes nothing",
    "every row is kept",
    "every value is kept unless a step declares it lost",
    "each organisation sees its own rows and no others",
];

/// Proves a fixture. The environment names a database that must not be used.
fn prove(name: &str, more: &[&str]) -> RunOutput {
    let folder = format!("{}/../fixtures/diffs/{name}", env!("CARGO_MANIFEST_DIR"));
    let [prev, next] = ["prev.json", "next.json"].map(|file| format!("{folder}/{file}"));
    let args = [&["migrate", "prove", &prev, &next], more].concat();
    let dir = TestDir::with_schema();
    let mut command = dir.command(&args);
    command
        .env("ABLO_DATABASE_URL", "postgres://unused@127.0.0.1:1/none")
        .output()
        .expect("ablo starts")
        .into()
}

fn document(ran: &RunOutput) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().expect("a list")
}

/// Returns the evidence of a column by its previous name.
fn column<'v>(evidence: &'v Value, table: &str, column: &str) -> &'v Value {
    let tables =
        list(evidence, "tables").iter().find(|found| found["before"] == table).expect("the table");
    list(tables, "columns").iter().find(|found| found["before"] == column).expect("the column")
}

#[test]
fn a_correct_migration_is_proven() {
    let hints =
        format!("{}/../fixtures/diffs/swapped-field-names/hints.json", env!("CARGO_MANIFEST_DIR"));
    let ran = prove("swapped-field-names", &["--hints", &hints, "--format", "json"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let evidence = document(&ran);
    assert_eq!(evidence["verdict"], "proven");
    let checks: Vec<_> = list(&evidence, "checks")
        .iter()
        .map(|check| check["what"].as_str().expect("a string"))
        .collect();
    assert_eq!(checks, INVARIANTS);
    assert!(
        list(&evidence, "checks").iter().all(|check| check["faults"] == Value::Array(Vec::new()))
    );
    for table in list(&evidence, "tables") {
        assert!(
            table["rowsBefore"].as_u64() > Some(0) && table["rowsBefore"] == table["rowsAfter"],
            "{table}"
        );
        for column in list(table, "columns") {
            assert_eq!(column["kept"], table["rowsBefore"], "{column}");
        }
    }
}

#[test]
fn rows_that_prevent_a_migration_are_reported() {
    let ran = prove("required-added", &["--format", "json"]);
    assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
    let evidence = document(&ran);
    assert_eq!(evidence["verdict"], "refused");
    assert_eq!(evidence["refusals"][0]["code"], "ablo::migrate::required_field_added");
    let ran = prove("required-added", &[]);
    assert!(ran.err.contains("ablo::migrate::required_field_added"), "{}", ran.err);
    assert!(ran.out.contains("refused because of rows; nothing was changed: "), "{}", ran.out);
    // Without rows the migration applies.
    assert_eq!(prove("required-added", &["--rows", "0"]).status, 0);
}

#[test]
fn losses_are_printed_with_their_declaration() {
    let hints =
        format!("{}/../fixtures/diffs/drops-that-are-meant/hints.json", env!("CARGO_MANIFEST_DIR"));
    let ran =
        prove("drops-that-are-meant", &["--hints", &hints, "--rows", "8", "--format", "json"]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let evidence = document(&ran);
    let dropped = column(&evidence, "tasks", "name");
    assert_eq!((&dropped["lost"], &dropped["after"]), (&Value::from(8), &Value::Null));
    assert_eq!(dropped["declared"][0], "the column and all its values are dropped");
    assert_eq!(
        column(&evidence, "logs", "line")["declared"][0],
        "the table and all its rows are dropped"
    );
    let ran = prove("drops-that-are-meant", &["--hints", &hints, "--rows", "8"]);
    assert!(
        ran.out.contains(
            "  name (dropped): 8 lost (declared: the column and all its values are dropped)\n"
        ),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("\nproven: "), "{}", ran.out);
}

#[test]
fn a_given_server_is_left_unchanged() {
    let server = Server::shared().database();
    let mut admin = server.admin();
    admin.run(&format!("ALTER ROLE {} CREATEDB CREATEROLE", server.owner())).expect("privileges");
    let ran = prove("renamed-from", &["--database-url", &server.address()]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    let left = "SELECT datname::text FROM pg_database WHERE datname LIKE 'ablo_prove_%' \
        UNION ALL SELECT rolname::text FROM pg_roles WHERE rolname LIKE 'ablo_prove_%'";
    assert_eq!(admin.texts(left), [""; 0]);
    admin.run(&format!("ALTER ROLE {} NOCREATEDB", server.owner())).expect("fewer privileges");
    let ran = prove("renamed-from", &["--database-url", &server.address()]);
    assert!(
        ran.status == 2 && ran.err.contains("ablo::database::insufficient_privilege"),
        "{}{}",
        ran.out,
        ran.err
    );
}
