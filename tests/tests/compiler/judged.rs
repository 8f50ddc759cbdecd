//! Runs the judges on the output for random schemas.
//!
//! Every run uses the same schemas: 12 by default, 300 with `ABLO_LONG` (`cargo xtask long`). Keep
//! a schema that a judge refuses under `fixtures/schemas/`, named after the defect.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, Schema, front::json};
use ablo_tests::arbitrary;
use ablo_tests::openapi::Judge;
use ablo_tests::postgres::{Server, apply, catalogue, footprint, program};
use ablo_tests::rust::{Scratch, succeeds};
use ablo_tests::typescript::Project;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::Map;
use std::fs;
use std::path::Path;

fn schemas() -> Vec<(String, String)> {
    let count = if std::env::var_os("ABLO_LONG").is_some() { 300 } else { 12 };
    let mut runner = TestRunner::deterministic();
    (0..count)
        .map(|n| {
            let document = arbitrary::schema()
                .new_tree(&mut runner)
                .expect("the strategy generates a schema")
                .current();
            (
                format!("generated_{n:03}"),
                serde_json::to_string_pretty(&document).expect("the schema serialises"),
            )
        })
        .collect()
}

fn read(text: &str) -> Schema {
    json::read(text).schema.unwrap_or_else(|| panic!("refused:\n{text}"))
}

fn emit(text: &str, target: &str) -> Files {
    let schema = read(text);
    let target = targets().iter().find(|known| known.id() == target).expect("the target is built");
    let mut files = Files::default();
    let emitter = target.configure(&Map::new()).expect("the default options are valid");
    emitter.emit(&Input::new(&schema, &Hashes::of(&schema)), &mut files);
    files
}

#[test]
fn rustc_accepts_generated_schemas() {
    let judged = Scratch::new(Path::new(env!("CARGO_TARGET_TMPDIR")), "judged-generated", "2021");
    let mut lib = "#![deny(warnings)]\n#![forbid(unsafe_code)]\n".to_owned();
    for (name, text) in schemas() {
        judged.add(
            &format!("src/{name}.rs"),
            emit(&text, "rust").get("rust/mod.rs").expect("the file is generated"),
        );
        lib += &format!("pub mod {name};\n");
    }
    judged.add("src/lib.rs", &lib);
    succeeds("cargo check", &judged.cargo(&["check", "--quiet"]));
}

#[test]
fn tsc_accepts_generated_schemas() {
    let project = Project::new();
    for (name, text) in schemas() {
        let depends_on_schema = ["models.ts", "deltas.ts", "wire.ts", "descriptors.ts"];
        for (path, text) in emit(&text, "typescript").iter() {
            let path = format!("{name}/{path}");
            if depends_on_schema.iter().any(|name| path.ends_with(name)) {
                project.write_checked(&path, text);
            } else {
                // Their imports end in `.ts`, which compilers accept in files that they skip.
                project.write(&path, text);
            }
        }
    }
    let _report = project.compile(&["--noEmit"]);
}

#[test]
fn postgres_accepts_generated_schemas_and_the_second_run_changes_nothing() {
    for (name, text) in schemas() {
        let program = program(&read(&text));
        let database = Server::shared().database();
        let warnings = apply(&mut database.session(), &program);
        let mut session = database.session();
        let (before, tables) = (footprint(&mut session), catalogue(&mut session));
        assert_eq!(apply(&mut session, &program), warnings, "{name}\n{text}");
        assert_eq!(
            catalogue(&mut session),
            tables,
            "{name}: the second run changed something\n{text}"
        );
        assert_eq!(
            footprint(&mut session),
            before,
            "{name}: the second run wrote to the catalog\n{text}"
        );
    }
}

#[test]
fn an_openapi_validator_accepts_generated_schemas() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let documents = schemas()
        .into_iter()
        .map(|(name, text)| {
            let path = folder.path().join(format!("{name}.json"));
            let document = emit(&text, "openapi");
            fs::write(&path, document.get("openapi/openapi.json").expect("the file is generated"))
                .expect("the document is written");
            path
        })
        .collect::<Vec<_>>();
    assert_eq!(Judge::Redocly.problems(&documents), Vec::<String>::new());
}

#[test]
fn json_schema_output_matches_the_meta_schema() {
    for (name, text) in schemas() {
        for (path, text) in emit(&text, "json-schema").iter() {
            let schema = serde_json::from_str(text).expect("the file is JSON");
            assert!(jsonschema::meta::is_valid(&schema), "{name}: {path}");
        }
    }
}
