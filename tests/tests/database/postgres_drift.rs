//! Drift of properties that a schema has no words for.

use ablo_migrate::drift;
use ablo_migrate::postgres::Database;
use ablo_schema::Schema;
use ablo_tests::postgres::{Server, provision_silently, schema};

fn notes() -> Schema {
    schema(
        r#"{"v":3,"models":{
          "notes":{"fields":{
            "v":{"type":"string","isOptional":true,"isIndexed":false,"unique":true},
            "n":{"type":"number","isOptional":true,"isIndexed":true}},"relations":{}},
          "pins":{"fields":{
            "noteId":{"type":"string","isOptional":true,"isIndexed":false}},
            "relations":{"note":{"type":"belongsTo","target":"notes","foreignKey":"noteId",
              "foreignKeyColumn":"note_id","options":{"fk":true}}}}},
          "identityRoles":[]}"#,
    )
}

/// The codes of the differences after a change, in order.
fn drifted(by_hand: &str) -> Vec<&'static str> {
    let server = Server::shared().database();
    provision_silently(&mut server.session(), &notes());
    // Only a superuser disables the triggers of foreign keys.
    server.admin().run(by_hand).unwrap_or_else(|error| panic!("{by_hand}: {error}"));
    let mut database = Database::connect(&server.address(), "public").expect("a session");
    let found = drift(&mut database, &notes(), true).expect("a catalog");
    found.iter().map(|difference| difference.code.name).collect()
}

#[test]
fn indexes_are_compared_with_all_their_properties() {
    const DIFFERS: &[&str] = &["ablo::drift::index_differs"];
    for by_hand in [
        "CREATE INDEX notes_n_idx ON notes (n DESC)",
        "CREATE INDEX notes_n_idx ON notes (n NULLS FIRST)",
        "CREATE INDEX notes_n_idx ON notes (n) INCLUDE (v)",
        "CREATE UNIQUE INDEX notes_n_idx ON notes (n)",
    ] {
        assert_eq!(drifted(&format!("DROP INDEX notes_n_idx; {by_hand}")), DIFFERS, "{by_hand}");
    }
    for by_hand in [
        "CREATE UNIQUE INDEX notes_v_key ON notes (organization_id, v) INCLUDE (n)",
        "CREATE UNIQUE INDEX notes_v_key ON notes (organization_id, v text_pattern_ops)",
        "ALTER TABLE notes ADD CONSTRAINT mine UNIQUE (organization_id, v) DEFERRABLE",
    ] {
        assert_eq!(drifted(&format!("DROP INDEX notes_v_key; {by_hand}")), DIFFERS, "{by_hand}");
    }
    assert_eq!(drifted("CREATE UNIQUE INDEX more ON notes (n)"), ["ablo::drift::index_extra"]);
    assert_eq!(drifted("CREATE INDEX more ON notes (n)"), [""; 0]);
}

#[test]
fn absent_values_that_count_as_equal_are_reported() {
    let server = Server::shared().database();
    let version = server.admin().texts("SELECT current_setting('server_version_num')");
    // PostgreSQL 14 has no such indexes.
    if version[0].parse::<u32>().expect("a number") < 150_000 {
        return;
    }
    let by_hand = "DROP INDEX notes_v_key; \
        CREATE UNIQUE INDEX notes_v_key ON notes (organization_id, v) NULLS NOT DISTINCT";
    assert_eq!(drifted(by_hand), ["ablo::drift::index_differs"]);
}

#[test]
fn what_changes_the_behaviour_of_a_table_is_reported() {
    let function = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS \
        'BEGIN IF NEW.v = ''x'' THEN RETURN NULL; END IF; RETURN NEW; END'; \
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; ";
    let trigger = |name: &str| {
        format!(
            "{function} CREATE TRIGGER t BEFORE INSERT ON notes \
             FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
    };
    for (by_hand, codes) in [
        (
            "ALTER TABLE pins DISABLE TRIGGER ALL".to_owned(),
            &["ablo::drift::trigger_disabled"; 2][..],
        ),
        (
            format!("{}; ALTER TABLE notes DISABLE TRIGGER t", trigger("g")),
            &["ablo::drift::trigger_disabled"],
        ),
        (trigger("f"), &["ablo::drift::writes_swallowed"]),
        (trigger("g"), &[]),
        (
            "CREATE RULE r AS ON INSERT TO notes DO INSTEAD NOTHING".to_owned(),
            &["ablo::drift::writes_swallowed"],
        ),
        (
            "CREATE POLICY r ON notes AS RESTRICTIVE USING (false)".to_owned(),
            &["ablo::drift::policy_restrictive"],
        ),
        ("ALTER TABLE notes SET UNLOGGED".replace("notes", "pins"), &["ablo::drift::table_kind"]),
        ("CREATE TABLE more () INHERITS (notes)".to_owned(), &["ablo::drift::table_kind"]),
        (
            "CREATE TABLE base (n float8); ALTER TABLE notes INHERIT base".to_owned(),
            &["ablo::drift::table_kind"],
        ),
        (
            "ALTER TABLE notes ALTER v TYPE text COLLATE \"POSIX\"".to_owned(),
            &["ablo::drift::column_collation"],
        ),
        (
            "ALTER TABLE pins DROP CONSTRAINT pins_note_id_fkey; ALTER TABLE pins \
             ADD CONSTRAINT pins_note_id_fkey FOREIGN KEY (organization_id, note_id) \
             REFERENCES notes"
                .to_owned(),
            &["ablo::drift::foreign_key_missing"],
        ),
        (
            "ALTER TABLE pins DROP CONSTRAINT pins_pkey; ALTER TABLE pins \
             ADD CONSTRAINT pins_pkey PRIMARY KEY (organization_id, id) DEFERRABLE"
                .to_owned(),
            &["ablo::drift::primary_key"],
        ),
    ] {
        assert_eq!(drifted(&by_hand), codes, "{by_hand}");
    }
}
