//! Databases pulled into schemas: what was provisioned comes back, and what a schema cannot say is told.

use ablo_migrate::postgres::Database;
use ablo_migrate::pull::{Pulled, pull};
use ablo_migrate::{Code, drift};
use ablo_tests::fixtures::good_schemas;
use ablo_tests::postgres::{Server, provision_silently, schema};

fn pulled(database: &mut Database) -> Pulled {
    pull(&database.live().expect("readable"))
}

#[test]
fn a_provisioned_schema_comes_back_as_one_with_the_same_tables() {
    for (name, text) in good_schemas() {
        let schema_before = schema(&text);
        let server = Server::shared().database();
        provision_silently(&mut server.session(), &schema_before);
        let mut database = Database::connect(&server.address(), "public").expect("a session");
        let Pulled { document, findings } = pulled(&mut database);
        assert_eq!(findings, [], "{name}");
        let read = ablo_schema::front::json::read(&document);
        let after = read.schema.unwrap_or_else(|| panic!("{name}: {:#?}\n{document}", read.diagnostics));
        assert_eq!(drift(&mut database, &after, true), Ok(Vec::new()), "{name}\n{document}");
    }
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
    let said: Vec<_> = findings.iter().map(|finding| format!("{} {}", finding.code.name, finding.message)).collect();
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

/// Every code of the crate is provoked by a test.
#[test]
fn every_code_is_tested() {
    let tests = concat!(
        include_str!("migrate_engine.rs"),
        include_str!("migrate_plan.rs"),
        include_str!("migrate_pull.rs"),
        include_str!("sqlite_casts.rs"),
        include_str!("sqlite_engine.rs"),
        include_str!("sqlite_migrate.rs"),
        include_str!("../../ablo-cli/tests/migrate.rs"),
        include_str!("../../ablo-migrate/src/plan.rs"),
        include_str!("../../ablo-migrate/src/postgres/connect.rs"),
        include_str!("../../ablo-migrate/src/postgres/scratch.rs"),
        include_str!("../../ablo-migrate/src/postgres/warnings.rs"),
        include_str!("../../ablo-migrate/src/prove/evidence.rs"),
    );
    for code in Code::all() {
        // Some tests leave out the first words, which all of their codes share.
        let last = code.name.rsplit("::").next().expect("a part");
        let is_there = tests.contains(code.name)
            || tests.contains(&format!("\"{last}\""))
            || tests.contains(&format!("\"{last} "));
        assert!(is_there, "no test speaks of {}", code.name);
    }
}
