//! Pulls databases into schemas: provisioned schemas are recovered, and unsupported features are
//! reported.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, migrate};
use ablo_codegen::shape::{IndexPurpose, tables};
use ablo_migrate::drift;
use ablo_migrate::postgres::Database;
use ablo_migrate::pull::{PullOptions, Pulled, pull};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, diff};
use ablo_schema::front::json;
use ablo_tests::fixtures::good_schemas;
use ablo_tests::postgres::{Server, provision_silently, schema};
use serde_json::json;

fn pulled(database: &mut Database) -> Pulled {
    pull(&database.catalog().expect("the database is readable"), &PullOptions::default())
}

#[test]
fn a_pulled_schema_has_the_provisioned_tables() {
    let mut complete = 0;
    // The tables do not show which columns store base fields under other names, and a pulled schema
    // has the closest type of a column instead of its `columnType`.
    let is_shown =
        |name: &str| !["schemas-redeclared-base-fields", "schemas-column-types"].contains(&name);
    for (name, text) in good_schemas().into_iter().filter(|(name, _)| is_shown(name)) {
        let before = schema(&text);
        let server = Server::shared().database();
        provision_silently(&mut server.session(), &before);
        let mut database =
            Database::connect(&server.address(), "public").expect("the session opens");
        let Pulled { document, findings } = pulled(&mut database);
        let indexes = relation_indexes(&before);
        let is_of_relation =
            |text: &str| indexes.iter().any(|index| text.contains(&format!("`{index}`")));
        let rest: Vec<_> = findings.iter().filter(|one| !is_of_relation(&one.message)).collect();
        assert!(rest.is_empty(), "{name}: {rest:?}");
        let read = json::read(&document);
        let after =
            read.schema.unwrap_or_else(|| panic!("{name}: {:#?}\n{document}", read.diagnostics));
        let drift = drift(&mut database, &after, true).expect("the catalog is readable");
        let is_index =
            |part: &Option<String>| part.as_ref().is_some_and(|part| indexes.contains(part));
        assert!(drift.iter().all(|one| is_index(&one.part)), "{name}: {drift:?}\n{document}");
        needs_no_migration(&name, &before, &after);
        complete += usize::from(is_fully_printed_as_rust(&name, &after));
    }
    assert!(complete > 40, "only {complete} schemas are fully printed as Rust");
}

/// Returns the indexes of relations that a database does not show: those without a foreign key.
fn relation_indexes(schema: &Schema) -> Vec<String> {
    let mut names = Vec::new();
    for table in tables(schema) {
        for index in &table.indexes {
            let Some(column) = index.columns.last() else { continue };
            let has_key = table.foreign_keys.iter().any(|key| key.column == *column);
            if index.purpose == IndexPurpose::Relation && index.columns.len() > 1 && !has_key {
                names.push(format!("{}_{column}_idx", table.name()));
            }
        }
    }
    names
}

/// Returns rename hints for models and fields with the same table or column.
fn hints(before: &Schema, after: &Schema) -> String {
    let (mut models, mut fields) = (Vec::new(), Vec::new());
    for model in after.models() {
        let Some(old) = before.models().iter().find(|old| old.table == model.table) else {
            continue;
        };
        if old.key != model.key {
            models.push(json!({ "from": old.key.as_str(), "to": model.key.as_str() }));
        }
        for field in &model.fields {
            let old =
                old.fields.iter().find(|old| old.column == field.column && old.name != field.name);
            fields.extend(old.map(|old| {
                json!({ "model": model.key.as_str(), "from": old.name.as_str(),
                    "to": field.name.as_str() })
            }));
        }
    }
    json!({ "models": models, "fields": fields }).to_string()
}

fn needs_no_migration(name: &str, before: &Schema, after: &Schema) {
    let (hints, diagnostics) = json::read_hints(&hints(before, after));
    let hints = hints.unwrap_or_else(|| panic!("{name}: {diagnostics:#?}"));
    let diff =
        diff(Some(before), after, &hints).unwrap_or_else(|error| panic!("{name}: {error:#?}"));
    let options = PostgresOptions { foreign_keys: true, ..PostgresOptions::default() };
    let migration = migrate(&diff, Some(before), after, &Backfills::default(), &options)
        .expect("the options are valid");
    let indexes = relation_indexes(before);
    let is_of_relation = |sql: &str| {
        indexes.iter().any(|index| sql.contains(&format!("DROP INDEX \"public\".\"{index}\"")))
    };
    if name == "schemas-field-facets" {
        // The server prints dates and objects differently, with the same meaning.
        let statements = migration.statements.iter().filter(|statement| statement.cause.is_some());
        let remaining: Vec<&str> = statements.map(|statement| statement.sql.as_str()).collect();
        let defaults = ["\"since\" SET DEFAULT", "\"body\" SET DEFAULT"];
        assert!(
            remaining.len() == 2
                && remaining.iter().zip(defaults).all(|(sql, part)| sql.contains(part)),
            "{remaining:#?}"
        );
    } else {
        let statements = migration.statements.iter().filter(|one| !one.locks.is_empty());
        let remaining: Vec<_> =
            statements.map(|one| &*one.sql).filter(|sql| !is_of_relation(sql)).collect();
        assert!(remaining.is_empty(), "{name}: {remaining:#?}");
    }
}

/// Returns whether the Rust source has the whole schema. It omits descriptions of base fields, and
/// lists and objects as defaults.
fn is_fully_printed_as_rust(name: &str, after: &Schema) -> bool {
    let printed = ablo_codegen::emit::rust::source::print(after);
    let omitted = |pointer: &str| {
        ["/description", "/deprecated", "/default"].iter().any(|end| pointer.ends_with(end))
    };
    assert!(
        printed.differences.iter().all(|difference| omitted(&difference.pointer)),
        "{name}: {:#?}",
        printed.differences
    );
    assert_eq!(printed.same_hash, printed.differences.is_empty(), "{name}\n{}", printed.text);
    printed.same_hash
}

#[test]
fn tables_get_idiomatic_keys() {
    let server = Server::shared().database();
    let base = "id text PRIMARY KEY, created_by text, created_at timestamptz NOT NULL \
        DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()";
    for table in ["weather_reports", "a_b", "\"aB\"", "tasks"] {
        server
            .session()
            .run(&format!("CREATE TABLE {table} ({base})"))
            .expect("the table is created");
    }
    let mut database = Database::connect(&server.address(), "public").expect("the session opens");
    let Pulled { document, findings } = pulled(&mut database);
    assert_eq!(findings, []);
    let after = schema(&document);
    let named: Vec<_> = after
        .models()
        .iter()
        .map(|it| (it.table.as_str(), it.key.as_str(), it.type_name.as_str()))
        .collect();
    let expected = [
        ("aB", "aB", "AB"),
        ("a_b", "aB2", "AB2"),
        ("tasks", "tasks", "Tasks"),
        ("weather_reports", "weatherReports", "WeatherReports"),
    ];
    assert_eq!(named, expected);
}

#[test]
fn unsupported_database_features_are_reported() {
    let server = Server::shared().database();
    let sql = r#"
        CREATE TABLE others (a text, b text, PRIMARY KEY (a, b));
        CREATE TABLE things (
          id bigint PRIMARY KEY, created_by text, created_at timestamptz NOT NULL DEFAULT now(),
           updated_at timestamptz NOT NULL DEFAULT now(),
          size point, name varchar(20) DEFAULT upper('x'), a text, b text,
           twice text GENERATED ALWAYS AS (a || a) STORED, "Größe" text,
          CHECK (name <> ''), FOREIGN KEY (a, b) REFERENCES others (a, b)
        );
        CREATE INDEX things_lower ON things (lower(name));
        CREATE VIEW seen AS SELECT 1 AS one;
        CREATE TABLE "größen" (id text PRIMARY KEY);
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER watch BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION f();
        ALTER TABLE things ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON things USING (created_by = current_user);
    "#;
    server.session().run(sql).expect("the tables are created");
    let mut database = Database::connect(&server.address(), "public").expect("the session opens");
    let Pulled { document, findings } = pulled(&mut database);
    let messages: Vec<_> = findings
        .iter()
        .map(|finding| format!("{} {}", finding.code.name, finding.message))
        .collect();
    for expected in [
        "left_out the view `seen`",
        "Größe`",
        "name the column `Größe` of `things`",
        "changed `others` has the primary key (a, b)",
        "changed `others` has no column `id`",
        "changed `things` has `id` as bigint",
        "left_out of `things`, the column `size` of type point",
        "left_out of `things`, the column `twice`",
        "changed `things` has `name`, which is character varying(20)",
        "the default \"upper\"('x'::\"text\") of `name`",
        "the check `things_name_check`",
        "the foreign key `things_a_b_fkey`",
        "the index `things_lower`",
        "the policy `own`",
        "the trigger `watch`",
        "changed `things` has row security of another kind",
    ] {
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{expected} is not in {messages:#?}"
        );
    }
    assert!(ablo_schema::front::json::read(&document).schema.is_some(), "{document}");
}

#[test]
fn shadowed_system_names_and_settings_have_no_effect() {
    let server = Server::shared().database();
    let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},
      "fields":{"at":{"type":"date","isOptional":false,"isIndexed":false,"default":"now"}}}}}"#;
    provision_silently(&mut server.session(), &schema(text));
    let owner = server.owner();
    let setup = format!(
        "CREATE SCHEMA tricks; CREATE TABLE tricks.pg_class (oid oid); \
         CREATE FUNCTION tricks.now() RETURNS timestamptz LANGUAGE sql \
         AS 'SELECT NULL::timestamptz'; \
         ALTER ROLE {owner} SET search_path = tricks, pg_catalog, public; \
         ALTER ROLE {owner} SET quote_all_identifiers = on; \
         ALTER ROLE {owner} SET standard_conforming_strings = off; \
         ALTER ROLE {owner} SET DateStyle = 'German'"
    );
    server.admin().run(&setup).expect("the objects are created");
    let mut database = Database::connect(&server.address(), "public").expect("the session opens");
    assert_eq!(drift(&mut database, &schema(text), true), Ok(Vec::new()));
    assert_eq!(pulled(&mut database).findings, []);
}
