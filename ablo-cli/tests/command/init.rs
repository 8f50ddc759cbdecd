//! `ablo init`, and schemas in TypeScript.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::TestDir;

#[test]
fn each_language_passes_check_and_generate() {
    let mut hashes = Vec::new();
    for language in ["json", "rust", "typescript"] {
        let dir = TestDir::empty();
        if language == "typescript" {
            compiler(&dir);
        }
        let init = dir.run(&["init", "--schema", language]);
        assert_eq!(init.status, 0, "{language}: {}", init.err);
        let check = dir.run(&["check", "--deny-warnings"]);
        assert_eq!(check.status, 0, "{language}: {}{}", check.out, check.err);
        let generate = dir.run(&["generate"]);
        assert_eq!(generate.status, 0, "{language}: {}", generate.err);
        assert!(dir.path("generated/typescript/index.ts").exists(), "{language}");
        let hash = dir.run(&["schema", "hash"]);
        hashes.push((language, dir.run(&["schema", "print"]).out, hash.status));
    }
    assert_eq!(hashes[0].1, hashes[2].1, "JSON and TypeScript declare the same schema");
    assert!(hashes.iter().all(|(_, _, status)| *status == 0));
}

#[test]
fn short_forms_of_tenancy_are_those_of_the_document() {
    let dir = TestDir::empty();
    compiler(&dir);
    assert_eq!(dir.run(&["init", "--schema", "typescript"]).status, 0);
    let models = [
        ("a", "orgScoped: false", r#"{"kind":"none"}"#),
        ("b", "orgColumn: 'team_id'", r#"{"kind":"column","column":"team_id"}"#),
        (
            "c",
            "scopedVia: { localKey: 'b_id', parentTable: 'b', parentOrgColumn: 'team_id' }",
            r#"{"kind":"parent","via":{"localKey":"b_id","parentTable":"b","parentOrgColumn":"team_id"}}"#,
        ),
        ("d", "orgScoped: true", r#"{"kind":"column","column":"organization_id"}"#),
    ];
    let mut text = "import { defineSchema, model, string } from './define-schema';\n\
        export default defineSchema({\n"
        .to_owned();
    for (key, option, _) in models {
        text +=
            &format!("{key}: model({{ bId: string() }}, {{}}, {{ {option}, mutable: true }}),\n");
    }
    dir.put("schema.ts", text + "});\n");
    let printed = dir.run(&["schema", "print", "schema.ts"]);
    assert_eq!(printed.status, 0, "{}", printed.err);
    let document: serde_json::Value = serde_json::from_str(&printed.out).expect("JSON");
    for (key, option, tenancy) in models {
        let expected: serde_json::Value = serde_json::from_str(tenancy).expect("JSON");
        let found = &document["models"][key]["tenancy"];
        assert!(*found == expected || found.is_null() && key == "d", "{option}: {found}");
    }
}

#[test]
fn what_the_reference_prints_is_read_as_it_is() {
    let vectors = ablo_tests::fixtures::find("conformance", "expected.json");
    assert!(vectors.len() > 50, "too few vectors");
    for path in vectors.iter().step_by(10) {
        let text = ablo_tests::fixtures::read(path);
        let vector: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let serialized = vector["serialized"].as_str().expect("a text");
        // The document itself, its text, and an object that becomes it.
        for value in ["document", "JSON.stringify(document)", "{ toJSON: () => document }"] {
            let dir = TestDir::empty();
            dir.put(
                "s.mjs",
                format!("const document = {serialized};\nexport const schema = {value};"),
            );
            let printed = dir.run(&["schema", "print", "s.mjs"]);
            assert_eq!(printed.out.trim_end(), serialized, "{}: {}", path.display(), printed.err);
        }
    }
}

#[test]
fn faults_of_a_document_are_not_placed_in_its_program() {
    let dir = TestDir::empty();
    dir.put("schema.mjs", "export default { v: 3, models: {}, identityRoles: [], mutabel: true };");
    let ran = dir.run(&["check", "schema.mjs", "--format", "json"]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let document: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let found = &document["diagnostics"][0];
    assert_eq!(found["pointer"], "/mutabel");
    assert_eq!(found["file"], "schema.mjs (its document)");
    assert!(found["fix"].is_null(), "{found}");
}

#[test]
fn no_file_is_replaced() {
    let dir = TestDir::empty();
    dir.put("app/client.ts", "mine");
    let ran = dir.run(&["init", "app"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("ablo::init::exists"), "{}", ran.err);
    assert_eq!(dir.names(), ["app/client.ts"]);
    assert_eq!(dir.get("app/client.ts"), "mine");
    assert_eq!(dir.run(&["init", "other"]).status, 0);
    assert!(dir.path("other/schema.json").exists());
}

#[test]
fn the_schema_in_rust_is_that_of_the_tutorial() {
    let dir = TestDir::empty();
    assert_eq!(dir.run(&["init", "--schema", "rust"]).status, 0);
    let tutorial = include_str!("../../../examples/quickstart/src/schema.rs");
    assert_eq!(dir.get("src/schema.rs"), tutorial);
}

/// The example is compiled with the tests.
#[test]
fn the_client_in_rust_compiles() {
    let dir = TestDir::empty();
    assert_eq!(dir.run(&["init", "--schema", "rust"]).status, 0);
    let example = include_str!("../../../examples/quickstart/examples/client.rs");
    assert_eq!(dir.get("examples/client.rs"), example);
}

/// Lets Node.js find a compiler of TypeScript from the folder.
fn compiler(dir: &TestDir) {
    let project = ablo_tests::typescript::Project::new();
    project.use_packages();
    let packages = project.path("node_modules").canonicalize().expect("packages");
    std::os::unix::fs::symlink(packages, dir.path("node_modules")).expect("a link");
}
