//! `ablo.toml`: where it is found, what it says, and what is wrong with it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use serde_json::Value;
use support::{Place, SCHEMA};

const PLAIN: &str = "schema = \"schema.json\"\ntargets = [\"postgres\"]\n";

fn place(config: &str) -> Place {
    let place = Place::with_schema();
    place.put("ablo.toml", config);
    place
}

fn refused(config: &str) -> String {
    let place = place(config);
    let ran = place.run(&["generate"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_eq!(place.names(), ["ablo.toml", "schema.json"]);
    ran.err
}

#[test]
fn it_saves_flags() {
    let place = place(
        "schema = \"schema.json\"\ntargets = [\"postgres\"]\nout = \"made\"\nmodels = [\"notes\"]\n",
    );
    let ran = place.run(&["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!place.get("made/postgres/provision.sql").contains("projects"));
    assert_eq!(place.run(&["check"]).out, "schema.json is valid: 3 models\n");
    assert!(place.run(&["schema", "hash"]).out.starts_with("{\"schemaHash\":"));
}

#[test]
fn it_is_found_above_and_its_paths_are_relative_to_it() {
    let place = place(PLAIN);
    place.put("deep/er/here", "");
    let ran = place.run_in("deep/er", &["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("../../generated/postgres/provision.sql"), "{}", ran.out);
    assert!(place.path("generated/postgres/provision.sql").exists());
}

#[test]
fn it_is_read_from_elsewhere_when_asked() {
    let place = Place::empty();
    place.put("conf/ablo.toml", PLAIN);
    place.put("conf/schema.json", SCHEMA);
    let ran = place.run(&["generate", "--config", "conf/ablo.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(place.path("conf/generated/postgres/provision.sql").exists());
    assert_eq!(place.run(&["generate", "--config", "conf/absent.toml"]).status, 2);
}

#[test]
fn it_is_not_read_when_a_file_is_named() {
    let place = place("nonsense");
    assert_eq!(place.run(&["check", "schema.json"]).status, 0);
    assert_eq!(place.run(&["check", "schema.json", "--config", "ablo.toml"]).status, 2);
}

#[test]
fn flags_win_over_it() {
    let config = "schema = \"absent.json\"\nmodels = [\"tasks\", \"projects\"]\n\
                  [target.postgres]\nout = \"db\"\nschema = \"of_file\"\n";
    let place = place(config);
    let ran = place.run(&[
        "generate",
        "schema.json",
        "--config",
        "ablo.toml",
        "--target",
        "postgres",
        "--out",
        "out",
        "--models",
        "notes",
        "--option",
        "postgres.schema=of_flag",
    ]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let sql = place.get("out/postgres/provision.sql");
    assert!(
        sql.contains("of_flag")
            && !sql.contains("of_file")
            && sql.contains("notes")
            && !sql.contains("projects")
    );
    assert!(!place.path("db").exists());
}

#[test]
fn a_target_may_have_a_folder_of_its_own() {
    let place = place(&format!("{PLAIN}[target.postgres]\nout = \"db\"\n"));
    let ran = place.run(&["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        place.names(),
        ["ablo.toml", "db/.ablo-files", "db/provision.sql", "db/service.sql", "schema.json"]
    );
}

#[test]
fn everything_wrong_is_said_at_once_with_its_place() {
    let err = refused(
        "shema = \"schema.json\"\nschema = 3\ntargets = [\"postgres\", \"postgrs\", true]\nmodels = \"tasks\"\n\
         [target.postgres]\nforeign-kys = true\nforeign-keys = \"yes\"\nout = []\n\
         [target.postgrez]\nx = 1\n",
    );
    insta::assert_snapshot!("everything", err);
}

#[test]
fn places_are_in_the_file_for_programs_too() {
    let place = place(&format!("{PLAIN}[target.postgres]\n\"foreign-keys\" = 1979-05-27\n"));
    let ran = place.run(&["generate", "--format", "json"]);
    assert_eq!(ran.status, 2);
    let document: Value = serde_json::from_str(&ran.out).expect("JSON");
    let it = &document["diagnostics"][0];
    assert_eq!(it["code"], "ablo::config::wrong_type");
    assert_eq!(
        (&it["file"], &it["line"], &it["column"]),
        (&"ablo.toml".into(), &4.into(), &18.into())
    );
}

#[test]
fn options_that_nothing_reads_are_errors() {
    let err =
        refused("schema = \"schema.json\"\ntargets = []\n[target.postgres]\nforeign-keys = true\n");
    assert!(
        err.contains("ablo::config::unused_option") && err.contains("[ablo.toml:3:9]"),
        "{err}"
    );
    let place = place(&format!("{PLAIN}[target.postgres]\nforeign-keys = true\n"));
    // Narrowing a run by a flag leaves the file as right as it was.
    assert_eq!(place.run(&["generate"]).status, 0);
}

#[test]
fn options_that_do_not_go_together_are_errors() {
    let err = refused(&format!("{PLAIN}[target.postgres]\nschema = \"a\"\norganization = \"b\"\n"));
    assert!(err.contains("ablo::config::wrong_type") && err.contains("[ablo.toml:3:9]"), "{err}");
}

#[test]
fn models_are_placed_in_the_file() {
    let err = refused(&format!("{PLAIN}models = [\"tasks\",\n \"notez\"]\n"));
    assert!(
        err.contains("ablo::select::parent_leaves") && err.contains("[ablo.toml:3:11]"),
        "{err}"
    );
    assert!(
        err.contains("ablo::select::unknown_model") && err.contains("[ablo.toml:4:2]"),
        "{err}"
    );
}

#[test]
fn folders_are_not_shared() {
    let err = refused(
        "schema = \"schema.json\"\n[target.postgres]\nout = \"x/../same\"\n[target.openapi]\nout = \"same\"\n",
    );
    assert!(err.contains("ablo::config::shared_folder"), "{err}");
}

#[test]
fn a_file_that_is_no_toml_or_names_no_schema_is_refused() {
    let err = refused("schema = \"schema.json\nout = [\n");
    assert!(err.contains("ablo::config::syntax") && err.contains("[ablo.toml:1:"), "{err}");
    let err = refused("out = \"x\"\n");
    assert!(err.contains("ablo::config::missing"), "{err}");
    let err = refused("schema = \"a\"\nschema = \"b\"\n");
    assert!(err.contains("ablo::config::syntax") && err.contains("[ablo.toml:2:"), "{err}");
}
