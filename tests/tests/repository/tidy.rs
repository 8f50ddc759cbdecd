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
        "ablo-source",
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

/// Folders of targets below `emit/`.
const TARGETS: [&str; 7] =
    ["rust", "typescript", "python", "sql/postgres", "sql/sqlite", "openapi", "json_schema"];

/// The module below `emit` that a path in source text names, with `/` between segments.
///
/// `folder` is the module of the file that contains the path, as segments below `emit`.
fn emit_module(path: &str, folder: &[&str]) -> Option<String> {
    if let Some(absolute) = path.strip_prefix("crate::emit::") {
        return Some(absolute.replace("::", "/"));
    }
    let mut segments = path.split("::").peekable();
    // The first `super` leaves the file itself.
    segments.next_if_eq(&"super")?;
    let mut base: Vec<&str> = folder.to_vec();
    while segments.next_if_eq(&"super").is_some() {
        base.pop()?;
    }
    base.extend(segments);
    Some(base.join("/"))
}

/// Paths in source text: runs of identifiers joined by `::`.
fn code_paths(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !(one.is_alphanumeric() || one == '_' || one == ':'))
        .filter(|path| path.contains("::"))
}

/// Other targets that a file below `emit/` names.
fn foreign_targets(file: &str, text: &str) -> Vec<&'static str> {
    let folder: Vec<&str> = file.split('/').collect();
    // A `mod.rs` is the module of its folder, one level above the files beside it.
    let depth = if file.ends_with("/mod.rs") { 2 } else { 1 };
    let folder = &folder[..folder.len() - depth];
    let own = TARGETS.iter().find(|target| file.starts_with(&format!("{target}/")));
    let Some(own) = own else { return Vec::new() };
    let named = code_paths(text).filter_map(|path| emit_module(path, folder));
    named
        .filter_map(|module| {
            TARGETS.into_iter().find(|target| {
                target != own && (module == *target || module.starts_with(&format!("{target}/")))
            })
        })
        .collect()
}

#[test]
fn targets_do_not_import_each_other() {
    let mut checked = 0;
    for (path, text) in sources("ablo-codegen/src/emit", ".rs") {
        let file = path.strip_prefix("ablo-codegen/src/emit/").expect("below emit/");
        assert_eq!(foreign_targets(file, &text), [""; 0], "{path} names another target");
        checked += usize::from(TARGETS.iter().any(|target| file.starts_with(target)));
    }
    assert!(checked > 50, "only {checked} files of targets");
}

#[test]
fn an_import_of_another_target_is_found() {
    let found = |file, text| foreign_targets(file, text);
    assert_eq!(found("rust/doc.rs", "use crate::emit::typescript::writer;"), ["typescript"]);
    assert_eq!(found("rust/doc.rs", "use super::super::openapi::doc;"), ["openapi"]);
    assert_eq!(found("sql/sqlite/ddl.rs", "super::super::postgres::x()"), ["sql/postgres"]);
    assert_eq!(
        found("sql/postgres/migrate/file.rs", "use super::super::super::sqlite::ddl;"),
        ["sql/sqlite"]
    );
    assert_eq!(found("sql/sqlite/mod.rs", "use super::postgres::ddl;"), ["sql/postgres"]);
    assert_eq!(found("sql/sqlite/ddl.rs", "use super::super::names; use super::render;"), [""; 0]);
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

#[test]
fn release_builds_unwind() {
    // The coordinator answers 500 after a panic, which needs unwinding.
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let profiles = manifest.lines().filter(|line| line.starts_with("panic = \"abort\""));
    assert_eq!(profiles.count(), 0);
}
