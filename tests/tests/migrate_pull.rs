//! Databases pulled into schemas: what was provisioned comes back, and what a schema cannot say is told.

use ablo_codegen::emit::sql::postgres::{Options, migrate};
use ablo_migrate::drift;
use ablo_migrate::postgres::Database;
use ablo_migrate::pull::{Pulled, pull};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, diff};
use ablo_schema::front::json;
use ablo_tests::fixtures::good_schemas;
use ablo_tests::postgres::{Server, provision_silently, schema};
use serde_json::json;

fn pulled(database: &mut Database) -> Pulled {
    pull(&database.catalog().expect("readable"))
}

#[test]
fn a_provisioned_schema_comes_back_as_one_with_the_same_tables() {
    let mut whole = 0;
    for (name, text) in good_schemas() {
        let before = schema(&text);
        let server = Server::shared().database();
        provision_silently(&mut server.session(), &before);
        let mut database = Database::connect(&server.address(), "public").expect("a session");
        let Pulled { document, findings } = pulled(&mut database);
        assert_eq!(findings, [], "{name}");
        let read = json::read(&document);
        let after =
            read.schema.unwrap_or_else(|| panic!("{name}: {:#?}\n{document}", read.diagnostics));
        assert_eq!(drift(&mut database, &after, true), Ok(Vec::new()), "{name}\n{document}");
        needs_no_migration(&name, &before, &after);
        whole += usize::from(is_said_in_rust(&name, &after));
    }
    assert!(whole > 40, "Rust says only {whole} of them whole");
}

/// Which models and fields are which, as tables and columns say it.
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
            fields.extend(old.map(
                |old| json!({ "model": model.key.as_str(), "from": old.name.as_str(), "to": field.name.as_str() }),
            ));
        }
    }
    json!({ "models": models, "fields": fields }).to_string()
}

fn needs_no_migration(name: &str, before: &Schema, after: &Schema) {
    let (hints, told) = json::read_hints(&hints(before, after));
    let hints = hints.unwrap_or_else(|| panic!("{name}: {told:#?}"));
    let diff = diff(Some(before), after, &hints).unwrap_or_else(|told| panic!("{name}: {told:#?}"));
    let options = Options { foreign_keys: true, ..Options::default() };
    let migration =
        migrate(&diff, Some(before), after, &Backfills::default(), &options).expect("good options");
    if name == "schemas-field-facets" {
        // The server spells dates and objects its own way, and means the same.
        let statements = migration.statements.iter().filter(|statement| statement.cause.is_some());
        let left: Vec<&str> = statements.map(|statement| statement.sql.as_str()).collect();
        let spelled = ["\"since\" SET DEFAULT", "\"body\" SET DEFAULT"];
        assert!(
            left.len() == 2 && left.iter().zip(spelled).all(|(sql, part)| sql.contains(part)),
            "{left:#?}"
        );
    } else {
        assert!(migration.is_empty(), "{name}: {migration:#?}");
    }
}

/// Whether it is said whole: of a field that every row has Rust says no prose, and of defaults no lists and objects.
fn is_said_in_rust(name: &str, after: &Schema) -> bool {
    let printed = ablo_codegen::emit::rust::source::print(after);
    let known = |pointer: &str| {
        ["/description", "/deprecated", "/default"].iter().any(|end| pointer.ends_with(end))
    };
    assert!(
        printed.unsaid.iter().all(|unsaid| known(&unsaid.pointer)),
        "{name}: {:#?}",
        printed.unsaid
    );
    assert_eq!(printed.same_hash, printed.unsaid.is_empty(), "{name}\n{}", printed.text);
    printed.same_hash
}

#[test]
fn tables_get_idiomatic_keys() {
    let server = Server::shared().database();
    let base = "id text PRIMARY KEY, created_by text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now()";
    for table in ["weather_reports", "a_b", "\"aB\"", "tasks"] {
        server.session().run(&format!("CREATE TABLE {table} ({base})")).expect("a table");
    }
    let mut database = Database::connect(&server.address(), "public").expect("a session");
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
fn what_a_schema_cannot_say_is_told() {
    let server = Server::shared().database();
    let sql = r#"
        CREATE TABLE others (a text, b text, PRIMARY KEY (a, b));
        CREATE TABLE things (
          id bigint PRIMARY KEY, created_by text, created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now(),
          size point, name varchar(20) DEFAULT upper('x'), a text, b text, twice text GENERATED ALWAYS AS (a || a) STORED, "Größe" text,
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
    server.session().run(sql).expect("tables");
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let Pulled { document, findings } = pulled(&mut database);
    let said: Vec<_> = findings
        .iter()
        .map(|finding| format!("{} {}", finding.code.name, finding.message))
        .collect();
    for words in [
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
        assert!(said.iter().any(|one| one.contains(words)), "{words} is not in {said:#?}");
    }
    assert!(ablo_schema::front::json::read(&document).schema.is_some(), "{document}");
}

#[test]
fn names_that_hide_the_servers_own_change_nothing() {
    let server = Server::shared().database();
    let text = r#"{"v":3,"identityRoles":[],"models":{"tasks":{"relations":{},"fields":{"at":{"type":"date","isOptional":false,"isIndexed":false,"default":"now"}}}}}"#;
    provision_silently(&mut server.session(), &schema(text));
    let owner = server.owner();
    let tricks = format!(
        "CREATE SCHEMA tricks; CREATE TABLE tricks.pg_class (oid oid); CREATE FUNCTION tricks.now() RETURNS timestamptz LANGUAGE sql AS 'SELECT NULL::timestamptz'; \
         ALTER ROLE {owner} SET search_path = tricks, pg_catalog, public; ALTER ROLE {owner} SET quote_all_identifiers = on; \
         ALTER ROLE {owner} SET standard_conforming_strings = off; ALTER ROLE {owner} SET DateStyle = 'German'"
    );
    server.admin().run(&tricks).expect("tricks");
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    assert_eq!(drift(&mut database, &schema(text), true), Ok(Vec::new()));
    assert_eq!(pulled(&mut database).findings, []);
}
