//! Facets on a real server: exact numbers are lossless; defaults, ranges and uniqueness are
//! enforced in new and in existing tables.

use ablo_codegen::emit::sql::postgres::Provision;
use ablo_tests::fixtures;
use ablo_tests::postgres::{
    Server, Session, apply, catalogue, footprint, program, provision_silently, schema,
};
use serde_json::{Value, json};

fn field_facets() -> ablo_schema::Schema {
    schema(&fixtures::read(&fixtures::root().join("schemas/field-facets/schema.json")))
}

/// Returns the program for a schema of one model, `things`, with one field.
fn thing(field: Value) -> Provision {
    let mut members = json!({ "isOptional": true, "isIndexed": false });
    field
        .as_object()
        .expect("the field is an object")
        .iter()
        .for_each(|(name, value)| members[name] = value.clone());
    let fields = json!({ "value": members });
    let document = json!({ "v": 3, "models": { "things": { "fields": fields, "relations": {} } },
        "identityRoles": [] });
    program(&schema(&document.to_string()))
}

fn act_as(session: &mut Session, organization: &str) {
    session
        .run(&format!("SET app.current_org_id = '{organization}'"))
        .expect("the setting is accepted");
}

/// Inserts a gauge with these columns.
fn insert(
    session: &mut Session,
    organization: &str,
    id: &str,
    values: &[(&str, &str)],
) -> Result<(), String> {
    act_as(session, organization);
    let quoted: Vec<String> = values.iter().map(|(_, value)| format!("'{value}'")).collect();
    let columns: Vec<&str> = values.iter().map(|(column, _)| *column).collect();
    let (columns, quoted) = (columns.join(", "), quoted.join(", "));
    session.run(&format!(
        "INSERT INTO gauges (id, organization_id, {columns}) VALUES ('{id}', '{organization}', \
         {quoted})"
    ))
}

const TOKEN: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

#[test]
fn exact_numbers_are_stored_without_loss() {
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &field_facets());
    let long = "-1234567890123456789012345678901234567.890";
    let rows = [
        ("a", "9223372036854775807", "18446744073709551615", long, "9999999999.99", TOKEN),
        ("b", "-9223372036854775808", "0", "0.1", "-0.50", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
        (
            "c",
            "9007199254740993",
            "9007199254740993",
            &"9".repeat(40),
            "0.10",
            "00000000-0000-0000-0000-000000000000",
        ),
    ];
    for (id, int64, uint64, decimal, price, token) in rows {
        let values = [
            ("int64", int64),
            ("uint64", uint64),
            ("decimal", decimal),
            ("price", price),
            ("token", token),
        ];
        insert(&mut session, "acme", id, &values).expect("every value fits its format");
        for (column, value) in values {
            let found =
                session.texts(&format!("SELECT {column}::text FROM gauges WHERE id = '{id}'"));
            assert_eq!(found, [value], "{column}");
        }
    }
}

#[test]
fn absent_values_get_their_defaults() {
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &field_facets());
    insert(&mut session, "acme", "a", &[("decimal", "1"), ("token", TOKEN)])
        .expect("the other fields have defaults");
    let expected = [
        ("int8", "-128"),
        ("int16", "32767"),
        ("int32", "-2147483648"),
        ("uint8", "255"),
        ("uint32", "4294967295"),
        ("float", "0.1"),
        ("double", "5e-324"),
        ("int64", "-9223372036854775808"),
        ("uint64", "18446744073709551615"),
        ("price", "-0.50"),
        ("whole", "1234567890123456789012345678901234567890"),
        ("batch", TOKEN),
    ];
    for (column, value) in expected {
        assert_eq!(
            session.texts(&format!("SELECT {column}::text FROM gauges")),
            [value],
            "{column}"
        );
    }

    session
        .run("INSERT INTO defaults (id, organization_id) VALUES ('a', 'acme')")
        .expect("all fields have defaults");
    let source = fixtures::read(&fixtures::root().join("schemas/field-facets/schema.json"));
    let source: Value = serde_json::from_str(&source).expect("the fixture is JSON");
    let fields = &source["models"]["defaults"]["fields"];
    for column in ["text", "empty", "dollar", "status"] {
        let wanted = fields[column]["default"].as_str().expect("text");
        assert_eq!(
            session.texts(&format!("SELECT \"{column}\" FROM defaults")),
            [wanted],
            "{column}"
        );
    }
    for column in ["object", "number", "word", "no"] {
        let found = session.texts(&format!("SELECT \"{column}\"::text FROM defaults")).concat();
        let found: Value = serde_json::from_str(&found).expect("the server prints JSON");
        assert_eq!(found.as_f64(), fields[column]["default"].as_f64(), "{column}");
        assert!(found.is_number() || found == fields[column]["default"], "{column}: {found}");
    }
    assert_eq!(
        session.texts("SELECT (made = created_at AND flag AND NOT mark)::text FROM defaults"),
        ["true"]
    );
    assert_eq!(
        session.texts("SELECT (since = '1999-12-31T21:59:59.999999Z')::text FROM defaults"),
        ["true"]
    );
}

#[test]
fn values_outside_their_format_are_refused() {
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &field_facets());
    let (out_of_range, check, invalid_text) = ("22003", "23514", "22P02");
    for (column, value, state) in [
        ("int8", "128", check),
        ("int8", "-129", check),
        ("uint8", "-1", check),
        ("uint8", "256", check),
        ("uint16", "65536", check),
        ("uint32", "-1", check),
        ("uint32", "4294967296", check),
        ("optional_uint64", "-1", check),
        ("optional_uint64", "18446744073709551616", check),
        ("optional_uint64", "NaN", check),
        ("int16", "32768", out_of_range),
        ("int32", "2147483648", out_of_range),
        ("int64", "9223372036854775808", out_of_range),
        ("price", "10000000000.00", out_of_range),
        ("ratio", "1", out_of_range),
        ("batch", "67e55044", invalid_text),
        ("int64", "1.5", invalid_text),
    ] {
        let result = insert(
            &mut session,
            "acme",
            "a",
            &[("decimal", "1"), ("token", TOKEN), (column, value)],
        );
        let error = result.expect_err(&format!("{column} accepts {value}"));
        assert!(error.starts_with(state), "{column} {value}: {error}");
    }
}

#[test]
fn a_value_is_unique_among_the_rows_of_one_organisation() {
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &field_facets());
    let row = |uint64| [("decimal", "1"), ("token", TOKEN), ("uint64", uint64)];
    insert(&mut session, "acme", "a", &row("1")).expect("the first row is inserted");
    let error = insert(&mut session, "acme", "b", &row("2")).expect_err("the token is taken");
    assert!(error.starts_with("23505") && error.contains("gauges_token_key"), "{error}");
    insert(&mut session, "globex", "c", &row("1"))
        .expect("another organisation may have the same values");

    // Without a tenancy column a value is unique in the table. IfMissing values never conflict.
    let setting = |id: &str| format!("INSERT INTO settings (id, name) VALUES ('{id}', 'theme')");
    session.run(&setting("a")).expect("the first row is inserted");
    let error = session.run(&setting("b")).expect_err("the name is taken");
    assert!(error.starts_with("23505") && error.contains("settings_name_key"), "{error}");
    let coupon = "INSERT INTO coupons (id, tenant_id) VALUES (gen_random_uuid(), 'globex')";
    session.run(coupon).and_then(|()| session.run(coupon)).expect("two rows may lack a code");
}

/// Runs `before`, then provisions twice and returns the warnings and the table. The second run must
/// change nothing.
fn provision_existing(
    before: &str,
    program: &Provision,
) -> (Vec<String>, ablo_tests::postgres::Table) {
    let database = Server::shared().database();
    let mut session = database.session();
    session
        .run("CREATE TABLE things (id text PRIMARY KEY)")
        .and_then(|()| session.run(before))
        .expect("the table is created");
    let warnings = apply(&mut session, program);
    let first = footprint(&mut session);
    assert_eq!(apply(&mut session, program), warnings, "the second run has the same warnings");
    assert_eq!(footprint(&mut session), first, "the second run changes nothing");
    (warnings, catalogue(&mut session)["public"]["things"].clone())
}

/// The existing table has no tenancy column in its key.
const OTHER_KEY: &str =
    "ablo::provision::primary_key_differs: public.things has PRIMARY KEY (id); left unchanged";

#[test]
fn equivalent_columns_are_kept() {
    let int8 = json!({ "type": "number", "format": "int8", "default": -5 });
    let text = json!({ "type": "string", "default": "it's a\\b" });
    let exact = json!({ "type": "string", "format": "decimal", "precision": 5, "scale": 2,
        "default": "1.50" });
    let flag = json!({ "type": "boolean", "default": true });
    let date = json!({ "type": "date", "default": "2026-06-01T08:00:00Z" });
    let json = json!({ "type": "json", "default": { "a": 1, "b": [] } });
    let unique = json!({ "type": "string", "unique": true });
    for (before, field) in [
        (
            "ADD value smallint DEFAULT -5 CONSTRAINT small CHECK (value >= -128 AND value <= 127)",
            int8,
        ),
        ("ADD value text DEFAULT E'it\\'s a\\\\b'", text),
        ("ADD value numeric(5, 2) DEFAULT 1.5", exact),
        ("ADD value boolean DEFAULT 't'", flag),
        ("ADD value timestamptz DEFAULT '2026-06-01 10:00:00+02'", date),
        ("ADD value jsonb DEFAULT '{\"b\":[],\"a\":1.0}'", json),
        (
            "ADD value text, ADD organization_id text, ADD CONSTRAINT own UNIQUE (value, \
             organization_id)",
            unique,
        ),
    ] {
        let (warnings, table) =
            provision_existing(&format!("ALTER TABLE things {before}"), &thing(field.clone()));
        assert_eq!(warnings, [OTHER_KEY], "{field}");
        let ours = |name: &String| name.starts_with("things_value");
        assert!(
            !table.constraints.keys().chain(table.indexes.keys()).any(ours),
            "{field}: {table:#?}"
        );
    }
}

#[test]
fn missing_defaults_checks_and_indexes_are_added() {
    let field = json!({ "type": "number", "format": "uint8", "default": 7, "unique": true });
    let (warnings, table) =
        provision_existing("ALTER TABLE things ADD value smallint", &thing(field));
    assert_eq!(warnings, [OTHER_KEY]);
    assert_eq!(table.columns["value"].default.as_deref(), Some("'7'::smallint"));
    assert_eq!(
        table.constraints["things_value_check"].definition,
        "CHECK (((value >= 0) AND (value <= 255)))"
    );
    assert!(table.indexes["things_value_key"].definition.ends_with("(organization_id, value)"));
}

#[test]
fn differences_are_reported_and_left_unchanged() {
    let decimal = json!({ "type": "string", "format": "decimal", "precision": 12, "scale": 2 });
    let number = json!({ "type": "number", "default": 1 });
    let uint8 = json!({ "type": "number", "format": "uint8" });
    let unique = json!({ "type": "string", "unique": true });
    for (before, field, expected) in [
        (
            "ALTER TABLE things ADD value numeric(10, 2)",
            &decimal,
            "column_type_differs: public.things.value has type numeric(10,2) instead of \
             numeric(12,2); left unchanged",
        ),
        (
            "ALTER TABLE things ADD value numeric",
            &decimal,
            "column_type_differs: public.things.value has type numeric instead of numeric(12,2); \
             left unchanged",
        ),
        (
            "ALTER TABLE things ADD value float8 DEFAULT 2",
            &number,
            "default_differs: public.things.value has default 2 instead of '1'; left unchanged",
        ),
        (
            "ALTER TABLE things ADD value float8 DEFAULT random()",
            &number,
            "default_differs: public.things.value has default random() instead of '1'; \
             left unchanged",
        ),
        (
            "ALTER TABLE things ADD value smallint; INSERT INTO things VALUES ('a', 300)",
            &uint8,
            "check_skipped: public.things.value has no range check: \
             check constraint \"things_value_check\" of relation \"things\" \
             is violated by some row",
        ),
        (
            "ALTER TABLE things ADD value text CONSTRAINT things_value_check CHECK (value <> '')",
            &uint8,
            "column_type_differs: public.things.value has type text instead of smallint; \
             left unchanged",
        ),
        (
            "ALTER TABLE things ADD value text, ADD organization_id text; INSERT INTO things \
             VALUES ('a', 'x', 'o'), ('b', 'x', 'o')",
            &unique,
            "index_skipped: public.things has no unique index on (organization_id, value): \
             could not create unique index \"things_value_key\"",
        ),
        (
            "ALTER TABLE things ADD value text; CREATE INDEX things_value_key ON things (value)",
            &unique,
            "index_differs: public.things has no unique index on (organization_id, value): \
             the name things_value_key is taken",
        ),
    ] {
        let (warnings, _) = provision_existing(before, &thing(field.clone()));
        let expected = format!("ablo::provision::{expected}");
        assert!(warnings.contains(&expected), "{before}: {warnings:#?}");
    }
}
