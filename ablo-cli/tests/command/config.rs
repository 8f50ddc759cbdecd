//! `ablo.toml`: discovery, settings and errors.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use serde_json::Value;

const PLAIN: &str = "schema = \"schema.json\"\ntargets = [\"postgres\"]\n";

fn dir(config: &str) -> TestDir {
    let dir = TestDir::with_schema();
    dir.put("ablo.toml", config);
    dir
}

fn refused(config: &str) -> String {
    let dir = dir(config);
    let ran = dir.run(&["generate"]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""));
    assert_eq!(dir.names(), ["ablo.toml", "schema.json"]);
    ran.err
}

#[test]
fn it_replaces_flags() {
    let dir = dir("schema = \"schema.json\"\ntargets = [\"postgres\"]\nout = \"made\"\n\
         models = [\"notes\"]\n");
    let ran = dir.run(&["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(!dir.get("made/postgres/provision.sql").contains("projects"));
    assert_eq!(dir.run(&["check"]).out, "schema.json is valid: 3 models\n");
    assert!(dir.run(&["schema", "hash"]).out.starts_with("{\"schemaHash\":"));
}

#[test]
fn it_is_found_in_a_parent_folder_and_its_paths_are_relative_to_it() {
    let dir = dir(PLAIN);
    dir.put("deep/er/here", "");
    let ran = dir.run_in("deep/er", &["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("../../generated/postgres/provision.sql"), "{}", ran.out);
    assert!(dir.path("generated/postgres/provision.sql").exists());
}

#[test]
fn config_flag_selects_another_file() {
    let dir = TestDir::empty();
    dir.put("conf/ablo.toml", PLAIN);
    dir.put("conf/schema.json", SCHEMA);
    let ran = dir.run(&["generate", "--config", "conf/ablo.toml"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(dir.path("conf/generated/postgres/provision.sql").exists());
    assert_eq!(dir.run(&["generate", "--config", "conf/absent.toml"]).status, 2);
}

#[test]
fn it_is_not_read_if_a_schema_is_given() {
    let dir = dir("nonsense");
    assert_eq!(dir.run(&["check", "schema.json"]).status, 0);
    assert_eq!(dir.run(&["check", "schema.json", "--config", "ablo.toml"]).status, 2);
}

#[test]
fn features_and_cfg_of_a_rust_schema_are_settings() {
    let settings = "features = [\"web\"]\ncfg = [\"unix\", 'kind=\"a\"']\n";
    let dir = dir(&format!("schema = \"schema.rs\"\ntargets = [\"postgres\"]\n{settings}"));
    let fields = [("feature = \"web\"", "web"), ("feature = \"app\"", "app"), ("unix", "unix")];
    let fields = fields.map(|(cfg, name)| format!("#[cfg({cfg})] {name}_field: String,\n"));
    let model = format!("#[ablo(mutable)]\nstruct Task {{\n{}}}\n", fields.concat());
    dir.put("schema.rs", format!("#[derive(AbloModel)]\n{model}#[cfg(kind = \"b\")]\nmod gone;\n"));
    let ran = dir.run(&["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let has = |dir: &TestDir| {
        let sql = dir.get("generated/postgres/provision.sql");
        ["web_field", "app_field", "unix_field"].map(|name| sql.contains(name))
    };
    assert_eq!(has(&dir), [true, false, true]);
    assert_eq!(dir.run(&["check"]).status, 0);

    let ran = dir.run(&["generate", "--features", "app"]);
    assert_eq!((ran.status, has(&dir)), (0, [false, true, true]), "{}", ran.err);
    let ran = dir.run(&["generate", "--cfg", "not(unix)", "--cfg", "kind=\"a\""]);
    assert_eq!((ran.status, has(&dir)), (0, [true, false, false]), "{}", ran.err);

    let err = refused("schema = \"schema.rs\"\nfeatures = \"web\"\ncfg = [\"a b\"]\n");
    assert!(err.contains("`features` is a string"), "{err}");
    assert!(err.contains("invalid cfg `a b`"), "{err}");
}

#[test]
fn flags_override_it() {
    let config = "schema = \"absent.json\"\nmodels = [\"tasks\", \"projects\"]\n\
                  [target.postgres]\nout = \"db\"\nschema = \"of_file\"\n";
    let dir = dir(config);
    let ran = dir.run(&[
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
    let sql = dir.get("out/postgres/provision.sql");
    assert!(
        sql.contains("of_flag")
            && !sql.contains("of_file")
            && sql.contains("notes")
            && !sql.contains("projects")
    );
    assert!(!dir.path("db").exists());
}

#[test]
fn a_target_may_have_a_folder_of_its_own() {
    let dir = dir(&format!("{PLAIN}[target.postgres]\nout = \"db\"\n"));
    let ran = dir.run(&["generate"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(
        dir.names(),
        ["ablo.toml", "db/.ablo-files", "db/provision.sql", "db/service.sql", "schema.json"]
    );
}

#[test]
fn all_errors_are_reported_at_once_with_their_location() {
    let err = refused(
        "shema = \"schema.json\"\nschema = 3\ntargets = [\"postgres\", \"postgrs\", true]\n\
         models = \"tasks\"\n\
         [target.postgres]\nforeign-kys = true\nforeign-keys = \"yes\"\nout = []\n\
         [target.postgrez]\nx = 1\n",
    );
    insta::assert_snapshot!("everything", err);
}

#[test]
fn json_has_the_location_in_the_file() {
    let dir = dir(&format!("{PLAIN}[target.postgres]\n\"foreign-keys\" = 1979-05-27\n"));
    let ran = dir.run(&["generate", "--format", "json"]);
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
fn unused_options_are_errors() {
    let err =
        refused("schema = \"schema.json\"\ntargets = []\n[target.postgres]\nforeign-keys = true\n");
    assert!(
        err.contains("ablo::config::unused_option") && err.contains("[ablo.toml:3:9]"),
        "{err}"
    );
    let dir = dir(&format!("{PLAIN}[target.postgres]\nforeign-keys = true\n"));
    // Without the restriction, the options are used.
    assert_eq!(dir.run(&["generate"]).status, 0);
}

#[test]
fn conflicting_options_are_errors() {
    let err = refused(&format!("{PLAIN}[target.postgres]\nschema = \"a\"\norganization = \"b\"\n"));
    assert!(
        err.contains("ablo::config::conflicting_options") && err.contains("[ablo.toml:3:9]"),
        "{err}"
    );
}

#[test]
fn errors_of_models_have_their_location_in_the_file() {
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
fn two_targets_cannot_share_a_folder() {
    let err = refused(
        "schema = \"schema.json\"\n[target.postgres]\nout = \"x/../same\"\n[target.openapi]\n\
         out = \"same\"\n",
    );
    assert!(err.contains("ablo::config::shared_folder"), "{err}");
}

#[test]
fn invalid_toml_and_a_missing_schema_are_errors() {
    let err = refused("schema = \"schema.json\nout = [\n");
    assert!(err.contains("ablo::config::syntax") && err.contains("[ablo.toml:1:"), "{err}");
    let err = refused("out = \"x\"\n");
    assert!(err.contains("ablo::config::missing"), "{err}");
    let err = refused("schema = \"a\"\nschema = \"b\"\n");
    assert!(err.contains("ablo::config::syntax") && err.contains("[ablo.toml:2:"), "{err}");
}
