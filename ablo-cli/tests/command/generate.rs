//! `ablo generate`: output folders, written files and untouched files.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use serde_json::Value;
use std::fs;
use std::time::SystemTime;

const POSTGRES: [&str; 6] = ["generate", "schema.json", "--target", "postgres", "--out", "out"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&POSTGRES[..], more].concat()
}

#[test]
fn every_target_has_its_folder() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&["generate", "schema.json", "--out", "out"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let names = dir.names();
    for file in ["out/postgres/provision.sql", "out/openapi/openapi.json"] {
        assert!(names.iter().any(|name| name == file), "{file} in {names:?}");
        assert!(ran.out.contains(file), "{}", ran.out);
    }
    for folder in ["out/rust/", "out/typescript/", "out/json-schema/"] {
        assert!(names.iter().any(|name| name.starts_with(folder)), "{folder} in {names:?}");
        assert!(ran.out.contains(folder), "{}", ran.out);
    }
    assert!(
        names.iter().all(|name| name == "schema.json" || name.starts_with("out/")),
        "{names:?}"
    );
}

#[test]
fn only_the_selected_targets_are_written() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&POSTGRES);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        ran.out,
        "3 models of schema.json\n  postgres     2 created                    \
         see out/postgres/provision.sql\n"
    );
    assert_eq!(
        dir.names(),
        [
            "out/postgres/.ablo-files",
            "out/postgres/provision.sql",
            "out/postgres/service.sql",
            "schema.json"
        ]
    );
}

#[test]
fn a_second_run_touches_nothing() {
    let dir = TestDir::with_schema();
    dir.run(&POSTGRES);
    let files = ["provision.sql", ".ablo-files"].map(|name| {
        let path = dir.path("out/postgres").join(name);
        fs::File::options().write(true).open(path).expect("a file")
    });
    for file in &files {
        file.set_modified(SystemTime::UNIX_EPOCH).expect("an earlier time");
    }
    let ran = dir.run(&POSTGRES);
    assert!(ran.out.contains("2 unchanged"), "{}", ran.out);
    for file in files {
        let age = file.metadata().and_then(|data| data.modified()).expect("a time");
        assert_eq!(age, SystemTime::UNIX_EPOCH);
    }
}

#[test]
fn check_lists_stale_files_and_writes_nothing() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&with(&["--check"]));
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("out/postgres/provision.sql is missing"), "{}", ran.out);
    assert_eq!(dir.names(), ["schema.json"]);

    dir.run(&POSTGRES);
    let ran = dir.run(&with(&["--check"]));
    assert_eq!((ran.status, ran.out.as_str()), (0, "2 files up to date\n"));

    dir.put("out/postgres/provision.sql", "-- edited\n");
    let before = dir.tree();
    let ran = dir.run(&with(&["--check"]));
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("out/postgres/provision.sql differs"), "{}", ran.out);
    let ran = dir.run(&with(&["--check", "--format", "json"]));
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(ran.status, 1);
    assert_eq!(document["files"][0]["path"], "out/postgres/provision.sql");
    assert_eq!(document["files"][0]["change"], "updated");
    let ran = dir.run(&with(&["--check", "--format", "github"]));
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.starts_with(
            "::error file=out/postgres/provision.sql,title=ablo%3A%3Aoutput%3A%3Astale::"
        ),
        "{}",
        ran.out
    );
    assert_eq!(dir.tree(), before);
}

#[test]
fn line_ends_and_formatting_are_not_stale() {
    let dir = TestDir::with_schema();
    let run = |more: &[&str]| {
        let ran = dir.run(&[&["generate", "schema.json", "--out", "out"], more].concat());
        (ran.status, ran.out)
    };
    assert_eq!(run(&["--gitattributes"]).0, 0);
    let check = ["--gitattributes", "--check"];
    let attributes = fs::read_to_string(dir.path("out/typescript/.gitattributes")).expect("text");
    assert!(attributes.contains("eol=lf"), "{attributes}");
    let edit = |name: &str, edit: &dyn Fn(&str) -> String| {
        let path = dir.path(name);
        let text = fs::read_to_string(&path).expect("text");
        assert_ne!(edit(&text), text, "{name}");
        fs::write(&path, edit(&text)).expect("written");
    };

    edit("out/typescript/models.ts", &|text| text.replace('\n', "\r\n"));
    edit("out/postgres/provision.sql", &|text| text.replace('\n', "\r\n"));
    assert_eq!(run(&check).0, 0);
    run(&["--gitattributes"]);
    let kept = fs::read_to_string(dir.path("out/typescript/models.ts")).expect("text");
    assert!(kept.contains("\r\n"), "`generate` leaves line ends alone");

    // As Prettier with single quotes and without semicolons, and rustfmt with tabs.
    edit("out/typescript/index.ts", &|text| text.replace('"', "'").replace(";\n", "\n"));
    edit("out/rust/mod.rs", &|text| text.replace("    ", "\t"));
    assert_eq!(run(&check), (0, run(&check).1));
    edit("out/rust/mod.rs", &|text| text.replacen("String", "Str", 1));
    let (status, out) = run(&check);
    assert!(status == 1 && out.contains("rust/mod.rs differs\n1 file stale"), "{out}");
}

#[test]
fn an_error_in_the_schema_leaves_the_output_untouched() {
    let dir = TestDir::with_schema();
    dir.run(&POSTGRES);
    dir.put(
        "schema.json",
        SCHEMA.replace(
            "\"belongsTo\", \"target\": \"projects\"",
            "\"belongsTo\", \"target\": \"missing\"",
        ),
    );
    let before = dir.tree();
    let ran = dir.run(&POSTGRES);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("ablo::relation::unknown_target"), "{}", ran.err);
    assert_eq!(dir.tree(), before);
    let ran = dir.run(&with(&["--format", "json"]));
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(document["diagnostics"][0]["code"], "ablo::relation::unknown_target");
    assert_eq!(document.get("files"), None);
}

#[test]
fn obstacles_are_named_and_nothing_is_written() {
    let refused = |put: &dyn Fn(&TestDir), code: &str, path: &str| {
        let dir = TestDir::with_schema();
        put(&dir);
        let before = dir.tree();
        let ran = dir.run(&POSTGRES);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(code) && ran.err.contains(path), "{}", ran.err);
        assert_eq!(dir.tree(), before);
    };
    refused(&|dir| dir.put("out", ""), "ablo::output::not_a_folder", "`out`");
    refused(&|dir| dir.put("out/postgres", ""), "ablo::output::not_a_folder", "`out/postgres`");
    refused(
        &|dir| dir.put("out/postgres/provision.sql/x", ""),
        "ablo::output::not_a_file",
        "provision.sql",
    );
    refused(
        &|dir| dir.put("out/postgres/provision.sql", "mine"),
        "ablo::output::not_ours",
        "provision.sql",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_folder_exits_with_2() {
    let dir = TestDir::with_schema();
    // Not even root can write here.
    let ran = dir.run(&["generate", "schema.json", "--target", "postgres", "--out", "/proc/ablo"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("ablo::output::refused") && ran.err.contains("`/proc/ablo"),
        "{}",
        ran.err
    );
}

#[test]
fn a_subset_omits_other_models() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&with(&["--models", "notes"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.starts_with("1 model of schema.json\n"), "{}", ran.out);
    let sql = dir.get("out/postgres/provision.sql");
    assert!(sql.contains("notes") && !sql.contains("projects"), "{sql}");
}

#[test]
fn a_subset_without_a_parent_or_with_unknown_models_is_refused() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&with(&["--models", "tasks,notez"]));
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("ablo::select::parent_leaves"), "{}", ran.err);
    assert!(
        ran.err.contains("ablo::select::unknown_model")
            && ran.err.contains("did you mean `notes`?"),
        "{}",
        ran.err
    );
    assert_eq!(dir.names(), ["schema.json"]);
    assert_eq!(dir.run(&with(&["--models", "tasks,projects"])).status, 0);
}

#[test]
fn options_reach_their_target() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&with(&["--option", "postgres.schema=\"sales\""]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let quoted = dir.get("out/postgres/provision.sql");
    assert!(quoted.contains("sales"));
    dir.run(&with(&["--option", "postgres.schema=sales"]));
    assert_eq!(dir.get("out/postgres/provision.sql"), quoted);
}

#[test]
fn all_invalid_flags_are_reported_at_once() {
    let dir = TestDir::with_schema();
    let ran = dir.run(&[
        "generate",
        "schema.json",
        "--target",
        "postgres,postgrs",
        "--option",
        "postgres.foreign-kys=true",
        "--option",
        "postgres.foreign-keys=maybe",
        "--option",
        "nonsense",
    ]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    insta::assert_snapshot!("flags", ran.err);
}

#[test]
fn a_warning_does_not_stop_generation() {
    let dir = TestDir::empty();
    dir.put(
        "schema.json",
        SCHEMA.replacen("\"relations\": {}", "\"relations\": {}, \"tableName\": \"ablo_x\"", 1),
    );
    let ran = dir.run(&POSTGRES);
    assert_eq!(ran.status, 0);
    assert!(ran.err.contains("ablo::table::reserved"), "{}", ran.err);
    assert!(dir.path("out/postgres/provision.sql").exists());
}

#[test]
fn the_same_schema_gives_the_same_bytes() {
    let (one, other) = (TestDir::with_schema(), TestDir::with_schema());
    for dir in [&one, &other] {
        assert_eq!(dir.run(&["generate", "schema.json", "--out", "out"]).status, 0);
    }
    assert_eq!(one.tree(), other.tree());
}
