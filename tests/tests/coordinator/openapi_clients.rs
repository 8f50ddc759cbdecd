//! Programs that other generators make of the documents read and write rows of a coordinator.
//!
//! The quick tests run some generators on one schema; `ABLO_LONG` runs all on all schemas.

use ablo_tests::consumers::{Case, Generator, Tools, succeed, write_documents, write_openapi};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::fixtures;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;

const CASES: [Case; 3] = [
    Case {
        fixture: "newsroom",
        key: "factChecks",
        snake: "fact_checks",
        type_name: "FactCheck",
        field: "verdict",
        body: r#"{"reportId":"r","verdict":"holds","evidence":{"a":[1,null]},"checkedBy":"human",
            "confidence":0.5}"#,
        before: &[
            ("desks", "d", r#"{"name":"Weather","beat":"weather"}"#),
            (
                "reports",
                "r",
                r#"{"headline":"h","status":"draft","priority":1,"isBreaking":false,
                    "language":"en","deskId":"d"}"#,
            ),
        ],
    },
    Case {
        fixture: "field-facets",
        key: "gauges",
        snake: "gauges",
        type_name: "Gauge",
        field: "uint64",
        body: r#"{"int8":-128,"int16":1,"uint8":255,"uint32":4294967295,"float":0.5,"double":0.1,
            "int64":"9223372036854775807","uint64":"18446744073709551615","decimal":"1.50",
            "price":"9.99","token":"67e55044-10b1-426f-9247-bb680e5fe0c8"}"#,
        before: &[],
    },
    Case {
        fixture: "obstacle-course",
        key: "widget",
        snake: "widget",
        type_name: "Widget",
        field: "status",
        body: r#"{"status":"on","patch":"a","create":"b"}"#,
        before: &[],
    },
];

fn is_long() -> bool {
    std::env::var_os("ABLO_LONG").is_some()
}

fn source(case: &Case) -> String {
    fixtures::read(&fixtures::root().join(format!("schemas/{}/schema.json", case.fixture)))
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("the case is JSON")
}

async fn create(server: &Coordinator, model: &str, id: &str, fields: &str) {
    let body = json!({ "id": id, "data": parsed(fields) });
    let path = format!("/api/v1/models/{model}");
    let (status, answer) = server.ask(&server.key, "POST", &path, Some(body)).await;
    assert_eq!(status, 201, "{answer}");
}

async fn read_and_write(generator: Generator, case: &'static Case) {
    let world = World::sqlite(&source(case));
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (model, id, fields) in case.before {
        create(&server, model, id, fields).await;
    }
    let (schema, key) = (world.schema().clone(), server.key.clone());
    let url = format!("http://{}/api", server.address);
    let printed = tokio::task::spawn_blocking(move || generator.run(case, &schema, &url, &key))
        .await
        .unwrap_or_else(|failure| panic!("{generator:?} on {}: {failure}", case.fixture));
    let path = format!("/api/v1/models/{}/1", case.key);
    let (_, stored) = server.ask(&server.key, "GET", &path, None).await;
    for (name, value) in parsed(case.body).as_object().expect("an object") {
        assert_eq!(stored["data"][name], *value, "{generator:?} writes {name}");
        assert_eq!(printed["row"][name], *value, "{generator:?} reads {name}");
    }
    assert_eq!(printed["field"], stored["data"][case.field], "{generator:?}");
}

/// openapi-typescript reads no document with a member `hasOwnProperty`.
fn is_readable(generator: Generator, case: &Case) -> bool {
    generator != Generator::OpenapiTypescript || case.fixture != "obstacle-course"
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_clients_read_and_write_rows() {
    let generators =
        if is_long() { &Generator::ALL[..] } else { &Generator::ALL[..Generator::QUICK] };
    let cases = if is_long() { &CASES[..] } else { &CASES[..1] };
    for case in cases {
        for generator in generators.iter().filter(|generator| is_readable(**generator, case)) {
            read_and_write(*generator, case).await;
        }
    }
}

/// Spectral with its rules for OpenAPI, on both versions of the documents.
#[test]
fn spectral_finds_no_error() {
    let tools = Tools::installed();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ruleset = folder.path().join("ruleset.yaml");
    std::fs::write(&ruleset, include_str!("../../judges/consumers/spectral.yaml"))
        .expect("written");
    let lint = |document: &std::path::Path| {
        let mut spectral = tools.node("@stoplight/spectral-cli/dist/index.js", &["lint"]);
        spectral.arg("--ruleset").arg(&ruleset).args(["--fail-severity", "error"]).arg(document);
        spectral
    };
    // Spectral, too, reads no document with a member `hasOwnProperty`.
    for case in CASES.iter().filter(|case| case.fixture != "obstacle-course") {
        let schema = ablo_schema::front::json::read(&source(case)).schema.expect("a valid schema");
        for version in ["3.1", "3.0"] {
            write_openapi(&schema, version, folder.path());
            succeed(&mut lint(&folder.path().join("openapi/openapi.json")));
        }
    }
    let path = folder.path().join("broken.json");
    let mut broken = parsed(&fixtures::read(&folder.path().join("openapi/openapi.json")));
    broken.as_object_mut().expect("an object").remove("info");
    std::fs::write(&path, broken.to_string()).expect("written");
    let found = lint(&path).output().expect("spectral runs");
    assert!(!found.status.success(), "an invalid document is accepted");
}

/// Ajv with its default options refuses unknown formats and keywords.
#[tokio::test(flavor = "multi_thread")]
async fn ajv_compiles_every_definition_and_validates_rows() {
    let case = &CASES[0];
    let world = World::sqlite(&source(case));
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (model, id, fields) in case.before {
        create(&server, model, id, fields).await;
    }
    let (_, row) = server.ask(&server.key, "GET", "/api/v1/models/reports/r", None).await;
    let read = |case: &Case| ablo_schema::front::json::read(&source(case)).schema.expect("valid");
    let schemas: Vec<_> = CASES.iter().map(read).collect();
    tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let modules = folder.path().join("node_modules");
        let tools = Tools::installed();
        std::os::unix::fs::symlink(tools.modules(), modules).expect("a symbolic link");
        let program = include_str!("../../judges/consumers/ajv.mjs");
        std::fs::write(folder.path().join("ajv.mjs"), program).expect("a writable folder");
        std::fs::write(folder.path().join("row.json"), row["data"].to_string()).expect("written");
        for schema in &schemas {
            write_documents(schema, folder.path());
            let mut ajv = tools.node_at(&folder.path().join("ajv.mjs"), &[]);
            succeed(ajv.current_dir(folder.path()));
        }
    })
    .await
    .expect("Ajv accepts the schemas");
}
