//! Provisions every fixture on SQLite twice, with rows, and checks which values the columns accept.

use ablo_codegen::emit::sql::sqlite::service;
use ablo_migrate::rows::rows;
use ablo_tests::postgres::schema;
use ablo_tests::sqlite::{apply, catalogue, database, insert, program};
use ablo_tests::{fixtures, synthetic};
use rusqlite::Connection;

/// Returns every object of the database with its SQL.
fn footprint(connection: &Connection) -> Vec<(String, Option<String>)> {
    let mut statement = connection
        .prepare("SELECT type || name, sql FROM sqlite_schema ORDER BY 1")
        .expect("a query");
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.map(|row| row.expect("a row")).collect()
}

fn check_twice(name: &str, program: &str, fill: impl FnOnce(&Connection)) {
    let database = database();
    assert_eq!(apply(&database, program), Vec::<String>::new(), "{name}");
    let first = footprint(&database);
    fill(&database);
    assert_eq!(
        apply(&database, program),
        Vec::<String>::new(),
        "{name}: the second run has no warnings"
    );
    assert_eq!(footprint(&database), first, "{name}: the second run changed something");
    assert!(catalogue(&database).values().all(|table| table.options == "STRICT"), "{name}");
}

#[test]
fn every_fixture_is_provisioned_twice_and_accepts_rows() {
    let fixtures = fixtures::good_schemas();
    assert!(fixtures.len() > 30);
    for (name, text) in fixtures {
        let schema = schema(&text);
        check_twice(&name, &program(&schema).transaction, |database| {
            insert(database, &rows(&schema, 7))
        });
    }
}

#[test]
fn five_hundred_models_are_provisioned() {
    let schema = schema(&synthetic::document(500));
    check_twice("synthetic", &program(&schema).transaction, |_| {});
}

#[test]
fn service_tables_enforce_their_constraints() {
    check_twice("service", &service().transaction, |database| {
        let claim = |id: &str, row: &str, status: &str| {
            let sql = "INSERT INTO ablo_claims (id, organization_id, participant_id, \
                participant_kind, model, row_id, action, status, expires_at, ttl_ms)
                VALUES (?1, 'o', 'p', 'agent', 'tasks', ?2, 'edit', ?3, \
                '2026-01-01T00:00:00.000000Z', 60000)";
            database.execute(sql, [id, row, status])
        };
        assert!(claim("a", "1", "active").is_ok() && claim("b", "1", "queued").is_ok());
        assert!(claim("c", "1", "active").is_err(), "a row has one active claim");
        assert!(claim("a", "2", "active").is_err(), "a claim id is unique per participant");
        assert!(claim("d", "3", "lost").is_err(), "the status is unknown");
        let order: i64 = database
            .query_row("SELECT max(arrival) - min(arrival) FROM ablo_claims", [], |row| row.get(0))
            .expect("the claims have an arrival order");
        assert!(order > 0);
        let log = |groups: &str| {
            let sql = "INSERT INTO sync_deltas (action_type, model_name, model_id, sync_groups, \
                organization_id) VALUES ('I', 'Task', '1', ?, 'o')";
            database.execute(sql, [groups])
        };
        assert!(log("[\"org:o\"]").is_ok() && log("{}").is_err() && log("org:o").is_err());
    });
}

#[test]
fn differences_of_existing_tables_are_reported() {
    let text = r#"{"v":3,"models":{"notes":{"fields":{"title":{"type":"string","isOptional":false,
      "isIndexed":false},"size":{"type":"number","isOptional":true,"isIndexed":false}},
      "relations":{}}},"identityRoles":[]}"#;
    let database = database();
    apply(
        &database,
        "CREATE TABLE Notes (ID TEXT PRIMARY KEY, organization_id TEXT NOT NULL, created_by TEXT, \
         title TEXT, size INTEGER, created_at TEXT NOT NULL);",
    );
    let warnings = apply(&database, &program(&schema(text)).transaction);
    assert_eq!(
        warnings,
        [
            "ablo::provision::primary_key_differs: notes.id should be TEXT NOT NULL PRIMARY KEY 2",
            "ablo::provision::primary_key_differs: notes.organization_id should be TEXT NOT NULL \
             PRIMARY KEY 1",
            "ablo::provision::column_missing: notes.updated_at should be TEXT NOT NULL",
            "ablo::provision::null_allowed: notes.title should be TEXT NOT NULL",
            "ablo::provision::type_differs: notes.size should be REAL",
        ]
    );
}

/// Creates a table with an optional column of each kind.
fn every_kind() -> Connection {
    let field = |name: &str, members: &str| {
        format!(r#""{name}":{{"isOptional":true,"isIndexed":false,{members}}}"#)
    };
    let fields = [
        field("text", r#""type":"string""#),
        field("number", r#""type":"number""#),
        field("flag", r#""type":"boolean""#),
        field("time", r#""type":"date""#),
        field("json", r#""type":"json""#),
        field("status", r#""type":"enum","enumValues":["it's","\n"]"#),
        field("int8", r#""type":"number","format":"int8""#),
        field("int64", r#""type":"string","format":"int64""#),
        field("uint64", r#""type":"string","format":"uint64""#),
        field("money", r#""type":"string","format":"decimal","precision":5,"scale":2"#),
        field("part", r#""type":"string","format":"decimal","precision":2,"scale":2"#),
        field("digits", r#""type":"string","format":"decimal""#),
        field("uuid", r#""type":"string","format":"uuid""#),
        field("single", r#""type":"number","format":"float""#),
    ];
    let text = format!(
        r#"{{"v":3,"models":{{"t":{{"fields":{{{}}},"relations":{{}},
          "tenancy":{{"kind":"none"}}}}}},"identityRoles":[]}}"#,
        fields.join(",")
    );
    let database = database();
    apply(&database, &program(&schema(&text)).transaction);
    database
}

#[test]
fn columns_accept_exactly_their_values() {
    let database = every_kind();
    let mut row = 0;
    let mut accepts = |column: &str, value: &str| {
        row += 1;
        database
            .execute(&format!("INSERT INTO t (id, {column}) VALUES ('{row}', {value})"), [])
            .is_ok()
    };
    let good = [
        ("text", "''"),
        ("number", "9e307"),
        ("number", "7"),
        ("flag", "1"),
        ("time", "'2024-02-29T23:59:59.999999Z'"),
        ("time", "'0001-01-01T00:00:00.000000Z'"),
        ("json", "'{\"a\":[1]}'"),
        ("json", "'null'"),
        ("status", "'it''s'"),
        ("status", "char(10)"),
        ("int8", "-128"),
        ("int64", "-9223372036854775808"),
        ("uint64", "'18446744073709551615'"),
        ("uint64", "'0'"),
        ("money", "'-999.99'"),
        ("money", "'0'"),
        ("part", "'0.99'"),
        ("digits", "'123456789012345678901234567890.5'"),
        ("uuid", "'67e55044-10b1-426f-9247-bb680e5fe0c8'"),
        ("single", "3.4028234663852886e38"),
    ];
    for (column, value) in good {
        assert!(accepts(column, value), "{column} accepts {value}");
    }
    let bad = [
        ("number", "'x'"),
        ("flag", "2"),
        ("time", "'now'"),
        ("time", "'2024-02-30T00:00:00.000000Z'"),
        ("time", "'2024-02-28T24:00:00.000000Z'"),
        ("time", "'2024-02-28T00:00:00.000Z'"),
        ("time", "'2024-02-28T00:00:00.000000+01:00'"),
        ("time", "'2024-02-28 00:00:00.000000Z'"),
        ("time", "'2024-02-28T00:00:00.000000Z' || char(0) || 'x'"),
        ("json", "'{a:1}'"),
        ("json", "''"),
        ("status", "'IT''S'"),
        ("int8", "128"),
        ("int8", "1.5"),
        ("uint64", "'18446744073709551616'"),
        ("uint64", "'01'"),
        ("uint64", "'-1'"),
        ("uint64", "''"),
        ("uint64", "'1' || char(0)"),
        ("money", "'1000'"),
        ("money", "'1.234'"),
        ("money", "'1.'"),
        ("money", "'--1'"),
        ("money", "'-'"),
        ("part", "'1'"),
        ("digits", "'1e3'"),
        ("digits", "'.5'"),
        ("digits", "'01'"),
        ("uuid", "'67E55044-10b1-426f-9247-bb680e5fe0c8'"),
        ("uuid", "'67e55044-10b1-426f-9247-bb680e5fe0c-'"),
        ("single", "3.5e38"),
        ("text", "x'00'"),
    ];
    for (column, value) in bad {
        assert!(!accepts(column, value), "{column} accepts {value}");
    }
    assert!(database.execute("INSERT INTO t (id) VALUES (NULL)", []).is_err(), "an id is required");
}

#[test]
fn timestamps_sort_as_text() {
    let database = every_kind();
    database.execute_batch("INSERT INTO t (id) VALUES ('1')").expect("the row is inserted");
    let in_range = "SELECT created_at > '2020-01-01T00:00:00.000000Z' \
        AND created_at < '9999-01-01T00:00:00.000000Z' FROM t";
    assert!(
        database
            .query_row(in_range, [], |row| row.get::<_, bool>(0))
            .expect("the row has a timestamp")
    );
}
