//! Converts values on SQLite when the type of a field changes, and refuses migrations that would
//! lose objects.

use ablo_tests::sqlite::{MigrationCase, run};
use rusqlite::Connection;

fn schema(field: &str) -> String {
    format!(
        r#"{{"v":3,"identityRoles":[],"models":{{"t":{{"relations":{{}},"tenancy":{{"kind":"none"}},
        "fields":{{"x":{{"isOptional":true,"isIndexed":false,{field}}}}}}}}}}}"#
    )
}

const STRING: &str = r#""type":"string""#;
const NUMBER: &str = r#""type":"number""#;
const BOOLEAN: &str = r#""type":"boolean""#;
const DATE: &str = r#""type":"date""#;
const JSON: &str = r#""type":"json""#;
const ENUM: &str = r#""type":"enum","enumValues":["a","true","1.5","it's"]"#;
const INT8: &str = r#""type":"number","format":"int8""#;
const INT64: &str = r#""type":"string","format":"int64""#;
const UINT64: &str = r#""type":"string","format":"uint64""#;
const MONEY: &str = r#""type":"string","format":"decimal","precision":5,"scale":2"#;
const DECIMAL: &str = r#""type":"string","format":"decimal""#;
const UUID: &str = r#""type":"string","format":"uuid""#;

/// Migrates one SQL literal and returns the result as one, `NULL` if the value does not fit.
fn cast(from: &str, to: &str, value: &str) -> String {
    let case = MigrationCase::new(&schema(from), &schema(to), "{}", "[]");
    let database = case.start(0);
    database
        .execute(&format!("INSERT INTO t (id, x) VALUES ('1', {value})"), [])
        .expect("the value is valid");
    run(&database, &case.migration()).unwrap_or_else(|error| panic!("{error}"));
    case.check_migrated(&database, value);
    database.query_row("SELECT quote(x) FROM t", [], |row| row.get(0)).expect("the row exists")
}

#[test]
fn values_are_converted_to_the_new_type() {
    for (from, to, value, expected) in [
        (NUMBER, STRING, "5", "'5'"),
        (NUMBER, STRING, "0.1", "'0.1'"),
        (NUMBER, STRING, "0.1 + 0.2", "'0.30000000000000004'"),
        (NUMBER, STRING, "-1e21", "'-1e+21'"),
        (NUMBER, STRING, "9007199254740993", "'9007199254740992'"),
        (BOOLEAN, STRING, "1", "'true'"),
        (DATE, STRING, "'2024-02-29T23:59:59.999999Z'", "'2024-02-29T23:59:59.999999Z'"),
        (JSON, STRING, "'{\"a\": [1]}'", "'{\"a\": [1]}'"),
        (STRING, JSON, "'{\"a\": [1]}'", "'{\"a\": [1]}'"),
        (STRING, JSON, "'it''s \"x\"'", "'\"it''s \\\"x\\\"\"'"),
        (STRING, NUMBER, "' +12.50 '", "12.5"),
        (STRING, NUMBER, "'.5'", "0.5"),
        (STRING, NUMBER, "'5.'", "5.0"),
        (STRING, NUMBER, "'-1E-2'", "-0.01"),
        (ENUM, NUMBER, "'1.5'", "1.5"),
        (STRING, BOOLEAN, "' TRUE '", "1"),
        (STRING, BOOLEAN, "'off'", "0"),
        (ENUM, BOOLEAN, "'true'", "1"),
        (NUMBER, BOOLEAN, "-0.5", "1"),
        (NUMBER, BOOLEAN, "0", "0"),
        (STRING, DATE, "'2024-02-29T23:59:59.5+01:00'", "'2024-02-29T22:59:59.500000Z'"),
        (STRING, DATE, "'2024-03-01t00:00:00.1234567z'", "'2024-03-01T00:00:00.123456Z'"),
        (STRING, DATE, "'2024-03-01'", "'2024-03-01T00:00:00.000000Z'"),
        (STRING, DATE, "' 2024-03-01 10:20'", "'2024-03-01T10:20:00.000000Z'"),
        (STRING, ENUM, "'it''s'", "'it''s'"),
        (NUMBER, ENUM, "1.5", "'1.5'"),
        (BOOLEAN, ENUM, "1", "'true'"),
        (NUMBER, INT8, "-128", "-128"),
        (INT8, NUMBER, "7", "7.0"),
        (STRING, INT8, "'7.0'", "7"),
        (STRING, INT64, "' -009223372036854775808'", "-9223372036854775808"),
        (NUMBER, INT64, "1e18", "1000000000000000000"),
        (INT64, STRING, "9223372036854775807", "'9223372036854775807'"),
        (INT64, UINT64, "9223372036854775807", "'9223372036854775807'"),
        (UINT64, INT64, "'0'", "0"),
        (STRING, UINT64, "'+18446744073709551615'", "'18446744073709551615'"),
        (STRING, MONEY, "'0012.5000'", "'12.5'"),
        (NUMBER, MONEY, "-999.99", "'-999.99'"),
        (NUMBER, DECIMAL, "1e21", "'1000000000000000000000'"),
        (STRING, DECIMAL, "'-.5'", "'-0.5'"),
        (
            STRING,
            UUID,
            "'{67E55044-10B1-426F-9247-BB680E5FE0C8}'",
            "'67e55044-10b1-426f-9247-bb680e5fe0c8'",
        ),
    ] {
        assert_eq!(cast(from, to, value), expected, "{from} {value} → {to}");
    }
}

#[test]
fn inconvertible_values_of_an_optional_field_become_null() {
    for (from, to, value) in [
        (STRING, NUMBER, "'1e999'"),
        (STRING, NUMBER, "'inf'"),
        (STRING, NUMBER, "'nan'"),
        (STRING, NUMBER, "'0x10'"),
        (STRING, NUMBER, "'12abc'"),
        (STRING, NUMBER, "'1 2'"),
        (STRING, NUMBER, "'1e'"),
        (STRING, NUMBER, "'1e+'"),
        (STRING, NUMBER, "'e5'"),
        (STRING, NUMBER, "'.'"),
        (STRING, NUMBER, "'+-1'"),
        (STRING, NUMBER, "''"),
        (STRING, NUMBER, "'12' || char(0) || 'x'"),
        (STRING, NUMBER, "'1.2.3'"),
        (STRING, BOOLEAN, "'maybe'"),
        (STRING, BOOLEAN, "''"),
        (STRING, DATE, "'now'"),
        (STRING, DATE, "'2460000.5'"),
        (STRING, DATE, "'12:00'"),
        (STRING, DATE, "'2024-02-30'"),
        (STRING, DATE, "'2024-02-29T24:00:00Z'"),
        (STRING, DATE, "'2024-02-29T23:59:60Z'"),
        (STRING, DATE, "'2024-02-29T23:59:59 nonsense'"),
        (STRING, DATE, "'0000-01-01T00:00:00+05:00'"),
        (STRING, DATE, "''"),
        (STRING, ENUM, "'A'"),
        (NUMBER, ENUM, "2"),
        (BOOLEAN, ENUM, "0"),
        (DATE, ENUM, "'2024-02-29T23:59:59.999999Z'"),
        (NUMBER, INT8, "1.5"),
        (NUMBER, INT8, "128"),
        (NUMBER, INT64, "9223372036854775808.0"),
        (STRING, INT64, "'9223372036854775808'"),
        (STRING, INT64, "'1e3'"),
        (STRING, UINT64, "'-1'"),
        (STRING, UINT64, "'18446744073709551616'"),
        (STRING, MONEY, "'1.234'"),
        (STRING, MONEY, "'1000'"),
        (STRING, DECIMAL, "'1e3'"),
        (STRING, DECIMAL, "'.'"),
        (STRING, UUID, "'67e55044'"),
        (BOOLEAN, NUMBER, "1"),
        (DATE, BOOLEAN, "'2024-02-29T23:59:59.999999Z'"),
        (JSON, NUMBER, "'1'"),
        (NUMBER, JSON, "1"),
    ] {
        assert_eq!(cast(from, to, value), "NULL", "{from} {value} → {to}");
    }
}

/// Returns a schema with these models.
fn schema_of(models: &str) -> String {
    format!(r#"{{"v":3,"identityRoles":[],"models":{{{models}}}}}"#)
}

fn model(key: &str, table: &str, fields: &str) -> String {
    format!(
        r#""{key}":{{"tableName":"{table}","tenancy":{{"kind":"none"}},
          "fields":{{"otherId":{{"type":"string","isOptional":true,"isIndexed":false}}{fields}}},
        "relations":{{"other":{{"type":"belongsTo","target":"{key}","foreignKey":"otherId",
        "foreignKeyColumn":"other_id","options":{{"fk":true}}}}}}}}"#
    )
}

fn all(database: &Connection, sql: &str) -> Vec<String> {
    let mut select = database.prepare(sql).expect("a query");
    select.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("a row")).collect()
}

#[test]
fn tables_swap_names_and_keep_rows_keys_and_views() {
    let prev = schema_of(&[model("a", "Odd \\\"name\\\"", ""), model("b", "select", "")].join(","));
    let next = schema_of(&[model("a", "select", ""), model("b", "Odd \\\"name\\\"", "")].join(","));
    let case = MigrationCase::new(&prev, &next, "{}", "[]");
    let database = case.start(0);
    database
        .execute_batch(
            r#"INSERT INTO "Odd ""name""" (id) VALUES ('a1'); INSERT INTO "Odd ""name""" (id,
               other_id) VALUES ('a2', 'a1');
            INSERT INTO "select" (id, other_id) VALUES ('b1', 'b1');
            CREATE VIEW seen AS SELECT id FROM "select";"#,
        )
        .expect("the rows are inserted");
    run(&database, &case.migration()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        all(&database, r#"SELECT id || coalesce(other_id, '') FROM "select""#),
        ["a1", "a2a1"]
    );
    assert_eq!(all(&database, "SELECT id FROM seen"), ["a1", "a2"]);
    assert!(
        database.execute(r#"DELETE FROM "select" WHERE id = 'a1'"#, []).is_err(),
        "foreign keys are enforced again"
    );
    database.execute_batch("DROP VIEW seen").expect("the view is dropped");
    case.check_migrated(&database, "swap");
}

#[test]
fn dropping_unknown_objects_is_refused() {
    let case = MigrationCase::new(&schema(STRING), &schema(NUMBER), "{}", "[]");
    for (extra, name) in [
        ("ALTER TABLE t ADD COLUMN mine TEXT;", "mine"),
        ("CREATE INDEX my_index ON t (x);", "my_index"),
        ("CREATE TRIGGER my_trigger AFTER INSERT ON t BEGIN SELECT 1; END;", "my_trigger"),
    ] {
        let database = case.start(2);
        database.execute_batch(extra).expect("the object is created");
        let error = run(&database, &case.migration()).expect_err("the object would be lost");
        assert!(error.contains("ablo::migrate::not_ours: ") && error.contains(name), "{error}");
    }
}

#[test]
fn a_connection_that_enforces_foreign_keys_is_refused() {
    let case = MigrationCase::new(&schema(STRING), &schema(NUMBER), "{}", "[]");
    let database = case.start(0);
    let first =
        case.migration().statements.into_iter().next().expect("the migration has a statement");
    let error = database
        .query_row(&first.sql, [], |_| Ok(()))
        .expect_err("foreign keys are enforced")
        .to_string();
    assert!(error.contains("ablo::migrate::pragmas: PRAGMA foreign_keys must be 0"), "{error}");
}

#[test]
fn a_column_is_added_or_renamed_without_touching_rows() {
    let prev = schema(STRING);
    let next = prev.replace(
        r#""x":{"#,
        r#""y":{"type":"number","isOptional":false,"isIndexed":true,"default":7},"z":{"#,
    );
    let hints = r#"{"fields":[{"model":"t","from":"x","to":"z"}]}"#;
    let case = MigrationCase::new(&prev, &next, hints, "[]");
    let migration = case.migration();
    assert!(
        migration.statements.iter().all(|statement| !statement.sql.contains("INSERT INTO")),
        "{migration:#?}"
    );
    assert!(
        migration
            .statements
            .iter()
            .filter(|statement| statement.sql.starts_with("ALTER"))
            .all(|it| it.cause.is_some())
    );
    let database = case.start(0);
    database
        .execute_batch("INSERT INTO t (id, x) VALUES ('1', 'it''s')")
        .expect("the row is inserted");
    run(&database, &migration).unwrap_or_else(|error| panic!("{error}"));
    case.check_migrated(&database, "renamed");
    assert_eq!(all(&database, "SELECT z || y FROM t"), ["it's7.0"]);
}
