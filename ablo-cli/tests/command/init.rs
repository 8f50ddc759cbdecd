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

/// Lets Node.js find a compiler of TypeScript from the folder.
fn compiler(dir: &TestDir) {
    let project = ablo_tests::typescript::Project::new();
    project.use_packages();
    let packages = project.path("node_modules").canonicalize().expect("packages");
    std::os::unix::fs::symlink(packages, dir.path("node_modules")).expect("a link");
}
