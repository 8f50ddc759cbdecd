//! Runs a user's crate with a build script: cargo reruns it on changes, errors point into the
//! source, and only `OUT_DIR` is written.

use ablo_tests::fixtures;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

const MANIFEST: &str = r#"[package]
name = "user"
version = "0.0.0"
edition = "2024"

[workspace]

[build-dependencies]
ablo-codegen = { path = "ROOT/ablo-codegen", default-features = false,
 features = ["build", "typescript"] }
"#;

const BUILD: &str = r#"fn main() -> Result<(), Box<dyn std::error::Error>> {
    ablo_codegen::Generator::new("src/schema.rs").target("typescript").run()?;
    Ok(())
}
"#;

const MAIN: &str = r#"fn main() {
    print!("{}", include_str!(concat!(env!("OUT_DIR"), "/typescript/models.ts")));
}
"#;

struct User {
    folder: tempfile::TempDir,
    target: PathBuf,
}

impl User {
    fn new() -> Self {
        let root = fs::canonicalize(fixtures::root().join("..")).expect("the repository exists");
        let user = Self {
            folder: tempfile::tempdir().expect("a temporary folder is created"),
            target: root.join("target/build-script"),
        };
        user.put("Cargo.toml", &MANIFEST.replace("ROOT", &root.display().to_string()));
        fs::copy(root.join("Cargo.lock"), user.path("Cargo.lock"))
            .expect("the lock file is copied");
        user.put("build.rs", BUILD);
        user.put("src/main.rs", MAIN);
        user.put("src/schema.rs", "mod tasks;\n");
        user.put(
            "src/schema/tasks.rs",
            "#[derive(AbloModel)]\npub struct Task {\n    pub title: String,\n}\n",
        );
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("the path has a parent"))
            .expect("the folder is created");
        fs::write(path, text).expect("the file is written");
    }

    /// Replaces a file. Some file systems store modification times in whole seconds.
    fn replace(&self, name: &str, text: &str, later: u64) {
        self.put(name, text);
        let file = fs::File::options().write(true).open(self.path(name)).expect("a file");
        let later = SystemTime::now() + Duration::from_secs(2 * later);
        file.set_modified(later).expect("a later time");
    }

    fn cargo(&self, subcommand: &str) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args([subcommand, "--offline", "--verbose"]).current_dir(self.folder.path());
        command
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("OUT_DIR")
            .output()
            .expect("cargo runs")
    }

    fn run(&self) -> (String, String) {
        let output = self.cargo("run");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{err}");
        (out, err)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is readable")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    all.sort();
    all
}

#[test]
fn a_build_script_regenerates_on_changes_and_reports_source_positions() {
    let user = User::new();
    let before = files(user.folder.path());
    let (out, _) = user.run();
    assert!(out.contains("export interface Task"), "{out}");
    assert_eq!(files(user.folder.path()), before, "only OUT_DIR is written");

    let (_, err) = user.run();
    assert!(err.contains("Fresh user"), "nothing is rerun without a change: {err}");

    user.replace(
        "src/schema/tasks.rs",
        "#[derive(AbloModel)]\npub struct Chore {\n    pub title: String,\n}\n",
        1,
    );
    let (out, _) = user.run();
    assert!(out.contains("export interface Chore"), "a changed module triggers a rerun: {out}");

    user.replace(
        "src/schema/tasks.rs",
        "#[derive(AbloModel)]\npub struct Chore {\n    pub title: usize,\n}\n",
        2,
    );
    let output = user.cargo("run");
    let err = text(&output.stderr);
    assert!(!output.status.success());
    for expected in [
        "error[ablo::rust::unsupported_type]: unsupported field type `usize`",
        "--> src/schema/tasks.rs:3:16",
        "3  |     pub title: usize,",
        "   |                ^^^^^",
        "= help: its width depends on the platform",
    ] {
        assert!(err.contains(expected), "{expected} is not in\n{err}");
    }
}

#[test]
fn a_build_script_knows_features_and_is_not_run_by_its_own_files() {
    let user = User::new();
    let manifest = fs::read_to_string(user.path("Cargo.toml")).expect("a manifest");
    user.put("Cargo.toml", &(manifest + "\n[features]\ndefault = [\"on\"]\non = []\noff = []\n"));
    user.put("build.rs", &BUILD.replace(".run()", ".out(\"generated\").cfg(\"given\").run()"));
    user.put(
        "src/main.rs",
        "fn main() { print!(\"{}\", include_str!(\"../generated/typescript/models.ts\")); }\n",
    );
    let source = |name: &str| {
        format!(
            "#[derive(AbloModel)]\npub struct {name} {{\n    #[cfg(feature = \"on\")]\n    \
             pub on: String,\n    #[cfg(any(feature = \"off\", not(any(unix, windows))))]\n    \
             pub off: String,\n    #[cfg(given)]\n    pub given: String,\n}}\n"
        )
    };
    user.put("src/schema/tasks.rs", &source("Task"));
    let earlier = SystemTime::now() - Duration::from_secs(60);
    let file = fs::File::options().write(true).open(user.path("src/schema/tasks.rs"));
    file.expect("a file").set_modified(earlier).expect("an earlier time");
    let (out, _) = user.run();
    for (member, is_read) in
        [("  on: string;", true), ("  off: string;", false), ("  given: string;", true)]
    {
        assert_eq!(out.contains(member), is_read, "{member}: {out}");
    }

    user.put("src/schema/tasks.rs", &source("Chore"));
    let (out, _) = user.run();
    assert!(out.contains("export interface Chore"), "{out}");
    let is_fresh = || user.run().1.contains("Fresh user");
    assert!(is_fresh(), "the files of the script run it again");

    let output = "generated/typescript/models.ts";
    user.replace(output, &format!("{out}// Mine.\n"), 1);
    assert_eq!(user.run().0, out, "an edited output is restored");
    assert!(is_fresh(), "the restored file runs the script again");
    fs::remove_file(user.path(output)).expect("removed");
    assert_eq!(user.run().0, out, "a deleted output is restored");
    assert!(is_fresh(), "the restored file runs the script again");
}

#[test]
fn invalid_generator_settings_are_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    let schema = folder.path().join("schema.rs");
    fs::write(&schema, "#[derive(AbloModel)] struct Task { title: String }")
        .expect("the file is written");
    let generator = || ablo_codegen::Generator::new(&schema).out(folder.path().join("out"));
    let error = |generator: ablo_codegen::Generator| {
        generator.run().expect_err("the run fails").to_string()
    };

    let failure =
        error(generator().target("typescrpt").option("postgres", "wat", true).target("postgres"));
    assert!(
        failure.contains("unknown target `typescrpt`")
            && failure.contains("did you mean `typescript`?"),
        "{failure}"
    );
    assert!(
        failure.contains("invalid options for `postgres`") && failure.contains("wat"),
        "{failure}"
    );
    let failure = error(generator().target("typescript").option("postgres", "foreign-keys", true));
    assert!(failure.contains("which is not selected"), "{failure}");
    let failure = error(ablo_codegen::Generator::new("nowhere.rs").out("out"));
    assert!(failure.contains("cannot read `nowhere.rs`"), "{failure}");

    let failure = error(generator().target("typescript").check(true));
    assert!(failure.contains("models.ts` is missing"), "{failure}");
    let generated = generator().target("typescript").run().expect("the files are written");
    assert_eq!(
        (&generated.read, generated.written.len()),
        (&vec![schema.clone()], generated.files.len())
    );
    let again = generator().target("typescript").check(true).run().expect("no file is stale");
    assert_eq!(again.written, [""; 0].map(PathBuf::from));
}
