//! Pulls files of SQLite: provisioned schemas are recovered, and what is not in a schema is
//! reported.

use ablo_migrate::pull::{PullOptions, Pulled, pull};
use ablo_migrate::sqlite::Database;
use ablo_migrate::{IfMissing, Session, drift};
use ablo_schema::Schema;
use ablo_schema::front::json;
use ablo_schema::schema::{Field, FieldKind, Tenancy, default_column};
use ablo_tests::fixtures::good_schemas;
use ablo_tests::postgres::schema;
use ablo_tests::sqlite::program;
use rusqlite::Connection;
use tempfile::TempDir;

/// Pulls the tables that some SQL creates. The document is always valid.
fn pulled(sql: &str) -> (TempDir, Database, Pulled, Schema) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("app.db");
    Connection::open(&path).expect("a file").execute_batch(sql).expect("the tables");
    let mut database = Database::connect(path.to_str().expect("a name"), IfMissing::Fail)
        .expect("the session opens");
    let catalog = database.catalog_to_pull().expect("the catalog is readable");
    let options = PullOptions { no_row_security: true, ..PullOptions::default() };
    let pulled = pull(&catalog, &options);
    let read = json::read(&pulled.document);
    let schema = read.schema.unwrap_or_else(|| panic!("{:#?}\n{sql}", read.diagnostics));
    (folder, database, pulled, schema)
}

/// Reports whether the values of a field are plain texts in a check.
fn has_plain_values(field: &Field) -> bool {
    let plain = |value: &str| value.chars().all(|letter| letter.is_ascii_graphic());
    match &field.kind {
        FieldKind::Enum(values) => values.iter().all(|value| plain(value)),
        _ => true,
    }
}

/// Reports whether a file shows the tenancy and the base fields of a schema.
fn is_shown(schema: &Schema) -> bool {
    schema.models().iter().all(|model| {
        let is_default =
            |field: &Field| default_column(field.name.as_str()) == field.column.as_str();
        let base = ["id", "createdBy", "createdAt", "updatedAt", "organizationId"];
        let redeclared = model.fields.iter().filter(|field| base.contains(&field.name.as_str()));
        redeclared.into_iter().all(is_default)
            && model.fields.iter().all(has_plain_values)
            && match &model.tenancy {
                Tenancy::Column { column } => column.as_str() == "organization_id",
                Tenancy::None => true,
                Tenancy::Parent { .. } => false,
            }
    })
}

#[test]
fn a_pulled_file_has_the_provisioned_tables() {
    let mut complete = 0;
    for (name, text) in good_schemas() {
        let before = schema(&text);
        let (_folder, mut database, pulled, after) = pulled(&program(&before).transaction);
        if !is_shown(&before) {
            continue;
        }
        let indexes: Vec<_> =
            pulled.findings.iter().filter(|one| !one.message.contains("the index `")).collect();
        assert!(indexes.is_empty(), "{name}: {indexes:#?}");
        let drift = drift(&mut database, &after, true).expect("the catalog is readable");
        let rest: Vec<_> =
            drift.iter().filter(|one| one.code.name != "ablo::drift::index_extra").collect();
        assert!(rest.is_empty(), "{name}: {rest:#?}\n{}", pulled.document);
        complete += usize::from(pulled.findings.is_empty() && drift.is_empty());
    }
    assert!(complete > 20, "only {complete} files are pulled as a whole");
}

#[test]
fn tables_of_other_programs_are_pulled() {
    let sql =
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL COLLATE NOCASE);
        CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE, active BOOLEAN,
          seen DATETIME DEFAULT CURRENT_TIMESTAMP, picture BLOB, score REAL, level NUMERIC,
          state TEXT CHECK (state IN ('open', 'it''s')), team_id INTEGER REFERENCES teams,
          CHECK (score > 0));
        CREATE INDEX newest ON users (seen DESC);
        CREATE INDEX some ON users (email) WHERE active;
        CREATE VIEW seen AS SELECT email FROM users;
        CREATE TRIGGER watch AFTER INSERT ON users BEGIN SELECT 1; END";
    let (_folder, _database, Pulled { document, findings }, schema) = pulled(sql);
    let messages: Vec<_> = findings.iter().map(|one| one.message.as_str()).collect();
    for part in [
        "`teams` is not STRICT",
        "`teams` has `name` with the collation \"NOCASE\"",
        "has `name`, which is VARCHAR(40)",
        "`users` has `id` as bigint",
        "has `active`, which is BOOLEAN",
        "the column `picture` of type BLOB is left out",
        "the column `level` of type NUMERIC is left out",
        "the index `newest` is left out",
        "the index `some` is left out",
        "the check `",
        "the view `seen` is left out",
        "the trigger `watch` is left out",
        "has `team_id`, which is bigint",
        "has no index on `team_id`",
    ] {
        assert!(messages.iter().any(|message| message.contains(part)), "{part}: {messages:#?}");
    }
    let users = schema.models().iter().find(|model| model.key.as_str() == "users");
    let users = users.expect("the model");
    let of = |name: &str| users.field(name).unwrap_or_else(|| panic!("{name}: {document}"));
    assert!(of("email").facets.unique);
    let kind = format!("{:?}", of("state").kind);
    assert!(kind.contains("open") && kind.contains("it's"), "{kind}");
    assert_eq!(users.belongs_to().count(), 1);
}
