//! `ablo generate`: where files go, what is written, and what is left alone.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use std::fs;
use std::time::Duration;
use support::{Place, SCHEMA};

const POSTGRES: [&str; 6] = ["generate", "schema.json", "--target", "postgres", "--out", "out"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&POSTGRES[..], more].concat()
}

#[test]
fn every_target_has_its_folder() {
    let place = Place::with_schema();
    let ran = place.run(&["generate", "schema.json", "--out", "out"]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let names = place.names();
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
    let place = Place::with_schema();
    let ran = place.run(&POSTGRES);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        ran.out,
        "3 models of schema.json\n  postgres     2 created                    see out/postgres/provision.sql\n"
    );
    assert_eq!(
        place.names(),
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
    let place = Place::with_schema();
    place.run(&POSTGRES);
    let ages = || {
        ["provision.sql", ".ablo-files"].map(|name| {
            fs::metadata(place.path("out/postgres").join(name))
                .expect("a file")
                .modified()
                .expect("a time")
        })
    };
    let before = ages();
    std::thread::sleep(Duration::from_millis(20));
    let ran = place.run(&POSTGRES);
    assert!(ran.out.contains("2 unchanged"), "{}", ran.out);
    assert_eq!(ages(), before);
}

#[test]
fn check_says_what_is_stale_and_writes_nothing() {
    let place = Place::with_schema();
    let ran = place.run(&with(&["--check"]));
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("out/postgres/provision.sql is missing"), "{}", ran.out);
    assert_eq!(place.names(), ["schema.json"]);

    place.run(&POSTGRES);
    let ran = place.run(&with(&["--check"]));
    assert_eq!((ran.status, ran.out.as_str()), (0, "nothing is stale in 2 files\n"));

    place.put("out/postgres/provision.sql", "-- edited\n");
    let before = place.tree();
    let ran = place.run(&with(&["--check"]));
    assert_eq!(ran.status, 1);
    assert!(ran.out.contains("out/postgres/provision.sql differs"), "{}", ran.out);
    let ran = place.run(&with(&["--check", "--format", "json"]));
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(ran.status, 1);
    assert_eq!(document["files"][0]["path"], "out/postgres/provision.sql");
    assert_eq!(document["files"][0]["change"], "updated");
    let ran = place.run(&with(&["--check", "--format", "github"]));
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.starts_with(
            "::error file=out/postgres/provision.sql,title=ablo%3A%3Aoutput%3A%3Astale::"
        ),
        "{}",
        ran.out
    );
    assert_eq!(place.tree(), before);
}

#[test]
fn an_error_in_the_schema_leaves_the_output_untouched() {
    let place = Place::with_schema();
    place.run(&POSTGRES);
    place.put(
        "schema.json",
        SCHEMA.replace(
            "\"belongsTo\", \"target\": \"projects\"",
            "\"belongsTo\", \"target\": \"nobody\"",
        ),
    );
    let before = place.tree();
    let ran = place.run(&POSTGRES);
    assert_eq!((ran.status, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("ablo::relation::unknown_target"), "{}", ran.err);
    assert_eq!(place.tree(), before);
    let ran = place.run(&with(&["--format", "json"]));
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(document["diagnostics"][0]["code"], "ablo::relation::unknown_target");
    assert_eq!(document.get("files"), None);
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_written() {
    let refused = |put: &dyn Fn(&Place), code: &str, path: &str| {
        let place = Place::with_schema();
        put(&place);
        let before = place.tree();
        let ran = place.run(&POSTGRES);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(code) && ran.err.contains(path), "{}", ran.err);
        assert_eq!(place.tree(), before);
    };
    refused(&|place| place.put("out", ""), "ablo::output::not_a_folder", "`out`");
    refused(&|place| place.put("out/postgres", ""), "ablo::output::not_a_folder", "`out/postgres`");
    refused(
        &|place| place.put("out/postgres/provision.sql/x", ""),
        "ablo::output::not_a_file",
        "provision.sql",
    );
    refused(
        &|place| place.put("out/postgres/provision.sql", "mine"),
        "ablo::output::not_ours",
        "provision.sql",
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_ends_with_2() {
    let place = Place::with_schema();
    // Nobody may write here, not even the superuser.
    let ran =
        place.run(&["generate", "schema.json", "--target", "postgres", "--out", "/proc/ablo"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(
        ran.err.contains("ablo::output::refused") && ran.err.contains("`/proc/ablo"),
        "{}",
        ran.err
    );
}

#[test]
fn a_subset_drops_what_leaves_it_and_keeps_the_hash_of_the_whole() {
    let place = Place::with_schema();
    let ran = place.run(&with(&["--models", "notes"]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.starts_with("1 model of schema.json\n"), "{}", ran.out);
    let sql = place.get("out/postgres/provision.sql");
    assert!(sql.contains("notes") && !sql.contains("projects"), "{sql}");
}

#[test]
fn a_subset_without_a_parent_or_with_strangers_is_refused() {
    let place = Place::with_schema();
    let ran = place.run(&with(&["--models", "tasks,notez"]));
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("ablo::select::parent_leaves"), "{}", ran.err);
    assert!(
        ran.err.contains("ablo::select::unknown_model")
            && ran.err.contains("did you mean `notes`?"),
        "{}",
        ran.err
    );
    assert_eq!(place.names(), ["schema.json"]);
    assert_eq!(place.run(&with(&["--models", "tasks,projects"])).status, 0);
}

#[test]
fn options_reach_their_target() {
    let place = Place::with_schema();
    let ran = place.run(&with(&["--option", "postgres.schema=\"sales\""]));
    assert_eq!(ran.status, 0, "{}", ran.err);
    let quoted = place.get("out/postgres/provision.sql");
    assert!(quoted.contains("sales"));
    place.run(&with(&["--option", "postgres.schema=sales"]));
    assert_eq!(place.get("out/postgres/provision.sql"), quoted);
}

#[test]
fn wrong_flags_are_said_all_at_once() {
    let place = Place::with_schema();
    let ran = place.run(&[
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
fn a_warning_is_said_and_does_not_stop() {
    let place = Place::empty();
    place.put(
        "schema.json",
        SCHEMA.replacen("\"relations\": {}", "\"relations\": {}, \"wat\": 1", 1),
    );
    let ran = place.run(&POSTGRES);
    assert_eq!(ran.status, 0);
    assert!(ran.err.contains("ablo::json::unknown_member"), "{}", ran.err);
    assert!(place.path("out/postgres/provision.sql").exists());
}

#[test]
fn the_same_schema_gives_the_same_bytes() {
    let (one, other) = (Place::with_schema(), Place::with_schema());
    for place in [&one, &other] {
        assert_eq!(place.run(&["generate", "schema.json", "--out", "out"]).status, 0);
    }
    assert_eq!(one.tree(), other.tree());
}
