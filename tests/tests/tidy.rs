//! Checks conventions of ARCHITECTURE.md that the compiler does not check.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the paths and texts of the files with a suffix below a folder of the repository.
fn sources(folder: &str, suffix: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !["target", "node_modules", ".git"].contains(&name.as_str()) {
                folders.push(path);
            } else if name.ends_with(suffix) {
                let text = fs::read_to_string(&path).expect("source files are UTF-8");
                let path = path
                    .strip_prefix(root())
                    .expect("the path is below the root")
                    .to_string_lossy()
                    .into_owned();
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has no {suffix} files");
    found.sort();
    found
}

fn crates() -> Vec<(String, String)> {
    [
        "ablo-schema",
        "ablo-wire",
        "ablo-codegen",
        "ablo-migrate",
        "ablo-server",
        "ablo",
        "ablo-cli",
        "tests",
        "xtask",
    ]
    .iter()
    .flat_map(|folder| sources(folder, ".rs"))
    .collect()
}

#[test]
fn modules_have_at_most_500_lines() {
    for (path, text) in crates() {
        let lines = text.lines().count();
        assert!(lines <= 500, "{path} has {lines} lines; split modules over 500 lines");
    }
}

#[test]
fn modules_start_with_a_doc_comment() {
    for (path, text) in crates() {
        assert!(text.starts_with("//!"), "{path} does not start with `//!`");
    }
}

#[test]
fn the_schema_crate_is_independent_of_targets() {
    for (path, text) in sources("ablo-schema/src", ".rs") {
        for word in
            ["rustc", "TEXT PRIMARY", "CREATE TABLE", "export interface", "JSONB", "use heck"]
        {
            assert!(!text.contains(word), "{path} contains {word}");
        }
    }
}

#[test]
fn emitters_do_no_io_and_read_no_environment() {
    for (path, text) in sources("ablo-codegen/src", ".rs") {
        if path.contains("/write") || path.contains("/generator") {
            continue;
        }
        for word in [
            "std::fs",
            "std::env",
            "std::time",
            "SystemTime",
            "CARGO_PKG_VERSION",
            "std::net",
            "rand::",
        ] {
            assert!(!text.contains(word), "{path} uses {word}");
        }
    }
}

#[test]
fn targets_do_not_import_each_other() {
    let targets = ["rust", "typescript", "postgres", "sqlite", "openapi"];
    for (path, text) in sources("ablo-codegen/src/emit", ".rs") {
        for target in targets.iter().filter(|target| !path.contains(*target)) {
            let import = format!("emit::{target}");
            let nested = format!("emit::sql::{target}");
            assert!(!text.contains(&import) && !text.contains(&nested), "{path} imports {target}");
        }
    }
}

#[test]
fn library_crates_import_no_unordered_collection() {
    for folder in [
        "ablo-schema/src",
        "ablo-codegen/src",
        "ablo-macros/src",
        "ablo-migrate/src",
        "ablo-server/src",
        "ablo-wire/src",
        "ablo/src",
        "ablo-cli/src",
    ] {
        for (path, text) in sources(folder, ".rs") {
            // The Rust front end may name the types that it refuses.
            let imports = |line: &str| line.contains("std::collections") && line.contains("Hash");
            assert!(!text.lines().any(imports), "{path} imports an unordered collection");
        }
    }
}

#[test]
fn no_unfinished_code_or_ignored_tests() {
    // Split, so that this file does not match.
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("FIX", "ME"),
    ];
    for (path, text) in crates() {
        for word in words {
            assert!(!text.contains(word), "{path} contains {word}");
        }
    }
}
