//! Provisioning an empty database: it creates the declared objects, is idempotent, and leaves
//! nothing else behind.

use ablo_codegen::emit::sql::postgres::{PostgresOptions, provision};
use ablo_tests::fixtures;
use ablo_tests::postgres::{
    Server, apply, catalogue, footprint, program, provision_silently, schema,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn field(kind: &str) -> Value {
    json!({ "type": kind, "isOptional": false, "isIndexed": false })
}

fn document(models: Value) -> String {
    json!({ "v": 3, "models": models, "identityRoles": [] }).to_string()
}

#[test]
fn provisioning_every_good_schema_is_idempotent() {
    let schemas = fixtures::good_schemas();
    assert!(schemas.len() >= 61, "only {} schemas were found", schemas.len());
    std::thread::scope(|scope| {
        for part in schemas.chunks(schemas.len().div_ceil(4)) {
            scope.spawn(|| part.iter().for_each(|(name, text)| check_idempotent(name, text)));
        }
    });
}

fn check_idempotent(name: &str, text: &str) {
    let program = program(&schema(text));
    let database = Server::shared().database();
    let mut session = database.session();
    let warnings = apply(&mut session, &program);
    let (first, first_catalogue) = (footprint(&mut session), catalogue(&mut session));
    // Run again in the same session, which has the helper functions, and in a new one.
    assert_eq!(apply(&mut session, &program), warnings, "{name}");
    let mut session = database.session();
    assert_eq!(apply(&mut session, &program), warnings, "{name}");
    assert_eq!(
        catalogue(&mut session),
        first_catalogue,
        "{name}: the second run changed something"
    );
    assert_eq!(footprint(&mut session), first, "{name}: the second run wrote to the catalog");
}

#[test]
fn a_table_has_its_declared_columns_constraints_and_indexes() {
    let text = document(json!({
        "teams": { "fields": {}, "relations": {}, "tenancy": { "kind": "none" } },
        "tasks": {
            "fields": {
                "title": { "type": "string", "isOptional": false, "isIndexed": true,
                    "description": "It's \"short\"" },
                "weight": { "type": "number", "isOptional": true, "isIndexed": false,
                    "deprecated": "use size" },
                "done": field("boolean"),
                "dueAt": field("date"),
                "extra": { "type": "json", "isOptional": true, "isIndexed": true },
                "status": { "type": "enum", "isOptional": false, "isIndexed": false,
                    "enumValues": ["open", "done"] },
                "teamId": { "type": "string", "isOptional": true, "isIndexed": false,
                    "column": "team_ref" },
            },
            "relations": {
                "team": { "type": "belongsTo", "target": "teams", "foreignKey": "teamId",
                    "foreignKeyColumn": "wrong",
                    "options": { "fk": true } },
            },
        },
    }));
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema(&text));
    let tasks = &catalogue(&mut session)["public"]["tasks"];

    let columns: BTreeMap<_, _> = tasks
        .columns
        .iter()
        .map(|(name, column)| (&**name, (&*column.r#type, column.not_null)))
        .collect();
    let expected = [
        ("id", ("text", true)),
        ("organization_id", ("text", true)),
        ("created_by", ("text", false)),
        ("created_at", ("timestamp with time zone", true)),
        ("updated_at", ("timestamp with time zone", true)),
        ("title", ("text", true)),
        ("weight", ("double precision", false)),
        ("done", ("boolean", true)),
        ("due_at", ("timestamp with time zone", true)),
        ("extra", ("jsonb", false)),
        ("status", ("text", true)),
        ("team_ref", ("text", false)),
    ];
    assert_eq!(columns, BTreeMap::from(expected));
    assert_eq!(tasks.columns["created_at"].default.as_deref(), Some("now()"));
    assert_eq!(tasks.columns["title"].comment.as_deref(), Some("It's \"short\""));
    assert_eq!(tasks.columns["weight"].comment.as_deref(), Some("Deprecated: use size"));

    let constraints: Vec<_> =
        tasks.constraints.iter().map(|(name, known)| (&**name, &*known.definition)).collect();
    let expected = [
        ("tasks_pkey", "PRIMARY KEY (organization_id, id)"),
        ("tasks_status_check", "CHECK ((status = ANY (ARRAY['open'::text, 'done'::text])))"),
        (
            "tasks_team_ref_fkey",
            "FOREIGN KEY (team_ref) REFERENCES public.teams(id) DEFERRABLE INITIALLY DEFERRED",
        ),
    ];
    assert_eq!(constraints, expected);
    let indexes: Vec<_> = tasks.indexes.values().map(|index| &*index.definition).collect();
    let expected = [
        "CREATE INDEX tasks_extra_idx ON public.tasks USING gin (extra)",
        "CREATE INDEX tasks_id_idx ON public.tasks USING btree (organization_id, id COLLATE \"C\")",
        "CREATE UNIQUE INDEX tasks_pkey ON public.tasks USING btree (organization_id, id)",
        "CREATE INDEX tasks_team_ref_idx ON public.tasks USING btree (organization_id, team_ref)",
        "CREATE INDEX tasks_title_idx ON public.tasks USING btree (title)",
    ];
    assert_eq!(indexes, expected);
    assert!(tasks.row_security && tasks.forced && tasks.policies.len() == 1);
}

#[test]
fn models_of_the_control_plane_have_no_table() {
    let text = document(json!({ "audits": { "fields": {}, "relations": {}, "plane": "control" } }));
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema(&text));
    assert!(catalogue(&mut session).is_empty());
}

#[test]
fn a_redeclared_base_field_has_one_column() {
    let text = |organization: Value| {
        schema(&document(json!({ "tasks": {
            "fields": { "organizationId": organization, "createdBy": field("string"),
                "createdAt": { "type": "date", "isOptional": false, "isIndexed": true,
                    "column": "made_at" } },
            "relations": {}, "tenancy": { "kind": "column", "column": "tenant_id" },
        } })))
    };
    let columns = |schema| {
        let database = Server::shared().database();
        let mut session = database.session();
        provision_silently(&mut session, &schema);
        catalogue(&mut session)["public"]["tasks"]
            .columns
            .keys()
            .cloned()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(columns(text(field("string"))), "created_by id made_at tenant_id updated_at");
    let renamed =
        json!({ "type": "string", "isOptional": false, "isIndexed": false, "column": "org" });
    assert_eq!(columns(text(renamed)), "created_by id made_at tenant_id updated_at");
}

#[test]
fn names_of_63_bytes_that_differ_in_the_last_byte_stay_distinct() {
    let (a, b) = ("x".repeat(62) + "a", "x".repeat(62) + "b");
    let column = |column: &str| {
        json!({ "type": "enum", "isOptional": false, "isIndexed": true,
            "enumValues": ["v"], "column": column })
    };
    let model = |table: &str| {
        json!({ "tableName": table, "relations": {
            "one": { "type": "belongsTo", "target": "ones", "foreignKey": "one",
                "foreignKeyColumn": "one", "options": { "fk": true } },
        }, "fields": { "left": column(&a), "right": column(&b), "one": field("string") } })
    };
    let schema = schema(&document(json!({ "ones": model(&a), "twos": model(&b) })));
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema);
    let first = footprint(&mut session);
    provision_silently(&mut session, &schema);
    assert_eq!(footprint(&mut session), first);
    let tables = &catalogue(&mut session)["public"];
    for table in [&tables[&a], &tables[&b]] {
        let kinds: Vec<_> = table.constraints.values().map(|known| &*known.kind).collect();
        assert_eq!(kinds.iter().filter(|kind| **kind == "check").count(), 2, "{kinds:?}");
        assert_eq!(kinds.iter().filter(|kind| **kind == "foreign key").count(), 1, "{kinds:?}");
        assert_eq!(table.indexes.len(), 5, "primary key, list, two declared, foreign key");
    }
}

#[test]
fn colliding_index_names_are_made_distinct() {
    let indexed = json!({ "type": "string", "isOptional": true, "isIndexed": true });
    let text = document(json!({
        "a": { "fields": { "bC": indexed }, "relations": {}, "tenancy": { "kind": "none" } },
        "a_b": { "fields": { "c": indexed }, "relations": {}, "tenancy": { "kind": "none" } },
        "a_pkey": { "fields": {}, "relations": {}, "tenancy": { "kind": "none" } },
        "a_b_c_idx": { "fields": {}, "relations": {}, "tenancy": { "kind": "none" } },
    }));
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema(&text));
    let tables = &catalogue(&mut session)["public"];
    assert_eq!((tables["a"].indexes.len(), tables["a_b"].indexes.len(), tables.len()), (3, 3, 4));
}

#[test]
fn exactly_the_declared_enum_values_are_accepted() {
    let values = [
        "it's",
        "\"",
        "back\\slash",
        "\\",
        "'; DROP TABLE tasks; --",
        "$$",
        "tab\there",
        "line\nbreak",
        "\r",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{2028}",
        "\u{202e}",
        "été",
        "日本語",
        "😀",
        "",
        " ",
        "%s %I",
        "{}",
        "NULL",
        ":name",
        "E'x'",
    ];
    let text = document(json!({ "tasks": {
        "fields": { "status": { "type": "enum", "isOptional": false, "isIndexed": false,
            "enumValues": values } },
        "relations": {}, "tenancy": { "kind": "none" },
    } }));
    let schema = schema(&text);
    for conforming in ["on", "off"] {
        let database = Server::shared().database();
        let mut session = database.session();
        session
            .run(&format!("SET standard_conforming_strings = {conforming}"))
            .expect("the setting is accepted");
        provision_silently(&mut session, &schema);
        let first = footprint(&mut session);
        provision_silently(&mut session, &schema);
        assert_eq!(footprint(&mut session), first);

        let mut session = database.session();
        for (id, value) in values.iter().enumerate() {
            let inserted = session.insert("tasks", &[("id", &id.to_string()), ("status", value)]);
            assert_eq!(inserted, Ok(()), "{value:?} with standard_conforming_strings {conforming}");
        }
        let refused = session
            .insert("tasks", &[("id", "other"), ("status", "back\\\\slash")])
            .expect_err("the enum has no such value");
        assert!(refused.starts_with("23514"), "{refused}");
    }
}

#[test]
fn table_names_may_contain_any_characters() {
    let names = [
        "select",
        "it's",
        "quo\"te",
        "back\\slash",
        "do$$llar$",
        "a.b",
        "日本",
        "tab\there",
        "parent",
        "; --",
    ];
    let models: serde_json::Map<String, Value> = names
        .iter()
        .enumerate()
        .map(|(at, table)| {
            let text = json!({ "type": "enum", "isOptional": true, "isIndexed": true,
                "enumValues": ["a"], "description": "d" });
            let parent = if at == 0 { "null" } else { names[at - 1] };
            let tenancy = if at % 3 == 0 {
                json!({ "kind": "column", "column": "user" })
            } else {
                json!({ "kind": "parent", "via": { "localKey": "up", "parentTable": parent } })
            };
            let up = json!({ "type": "belongsTo", "target": "m0", "foreignKey": "up",
                "foreignKeyColumn": "up", "options": { "fk": true } });
            (
                format!("m{at}"),
                json!({ "tableName": table,
                "fields": { "check": text, "up": field("string") },
                "relations": { "up": up }, "tenancy": tenancy }),
            )
        })
        .collect();
    let schema = schema(&document(Value::Object(models)));
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema);
    let first = footprint(&mut session);
    provision_silently(&mut session, &schema);
    assert_eq!(footprint(&mut session), first);
    let tables = &catalogue(&mut session)["public"];
    assert_eq!(tables.keys().map(String::as_str).collect::<Vec<_>>(), sorted(&names));
    assert!(tables.values().all(|table| table.policies.len() == 1 && table.constraints.len() == 3));
}

fn sorted<'n>(names: &[&'n str]) -> Vec<&'n str> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names
}

#[test]
fn the_file_runs_with_psql_and_prints_nothing() {
    let unicode = fixtures::read(
        &fixtures::root().join("conformance/authored/unicode-and-escapes/schema.json"),
    );
    let relations =
        fixtures::read(&fixtures::root().join("conformance/authored/relations/schema.json"));
    for text in [unicode, relations] {
        let program = program(&schema(&text));
        let folder = tempfile::tempdir().expect("a temporary folder is created");
        let file = folder.path().join("provision.sql");
        std::fs::write(&file, program.file()).expect("the file is written");
        let database = Server::shared().database();
        assert_eq!(database.psql(&file), Ok(String::new()));
        let mut session = database.session();
        let first = footprint(&mut session);
        assert_eq!(database.psql(&file), Ok(String::new()));
        assert_eq!(footprint(&mut session), first);
        assert_eq!(apply(&mut session, &program), Vec::<String>::new());
        assert_eq!(footprint(&mut session), first, "a driver and psql have the same effect");
    }
}

#[test]
fn a_role_that_owns_only_the_schema_can_provision_it() {
    let schema = schema(&document(
        json!({ "tasks": { "fields": { "title": field("string") }, "relations": {} } }),
    ));
    let database = Server::shared().database();
    let mut admin = database.admin();
    admin
        .run("CREATE ROLE only_schema LOGIN; CREATE SCHEMA app_acme AUTHORIZATION only_schema")
        .expect("the role is created");
    let options = PostgresOptions {
        organization: Some("Acme".to_owned()),
        foreign_keys: true,
        ..PostgresOptions::default()
    };
    let program = provision(&schema, &options).expect("the options are valid");
    let mut session = database.session_of("only_schema");
    // The program must not depend on the settings of the session.
    session
        .run("SET search_path = ''; SET quote_all_identifiers = on")
        .expect("the settings are accepted");
    assert_eq!(apply(&mut session, &program), Vec::<String>::new());
    let first = footprint(&mut session);
    assert_eq!(apply(&mut session, &program), Vec::<String>::new());
    assert_eq!(footprint(&mut session), first);
    assert!(catalogue(&mut session)["app_acme"].contains_key("tasks"));
}

#[test]
fn a_thousand_tables_fit_into_one_transaction() {
    let fields: serde_json::Map<String, Value> =
        (0..6).map(|at| (format!("field{at}"), field("string"))).collect();
    let models: serde_json::Map<String, Value> = (0..1000)
        .map(|at| (format!("model{at}"), json!({ "fields": fields, "relations": {} })))
        .collect();
    let database = Server::shared().database();
    let mut session = database.session();
    provision_silently(&mut session, &schema(&document(Value::Object(models))));
    assert_eq!(catalogue(&mut session)["public"].len(), 1000);
}
