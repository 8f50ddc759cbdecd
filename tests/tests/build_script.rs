//! A user's crate with a build script: cargo runs it when it must, its report points into the source, and a read-only
//! tree is enough.

use ablo_tests::fixtures;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

const MANIFEST: &str = r#"[package]
name = "user"
version = "0.0.0"
edition = "2024"

[workspace]

[build-dependencies]
ablo-codegen = { path = "ROOT/ablo-codegen", default-features = false, features = ["build", "typescript"] }
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
        let root = fs::canonicalize(fixtures::root().join("..")).expect("the repository is there");
        let user = Self {
            folder: tempfile::tempdir().expect("a folder"),
            target: root.join("target/build-script"),
        };
        user.put("Cargo.toml", &MANIFEST.replace("ROOT", &root.display().to_string()));
        fs::copy(root.join("Cargo.lock"), user.path("Cargo.lock")).expect("copied");
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
        fs::create_dir_all(path.parent().expect("in a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn cargo(&self, word: &str) -> Output {
        let mut command = Command::new(env!("CARGO"));
        command.args([word, "--offline", "--verbose"]).current_dir(self.folder.path());
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
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

#[test]
fn a_build_script_generates_when_it_must_and_reports_where() {
    let user = User::new();
    let before = files(user.folder.path());
    let (out, _) = user.run();
    assert!(out.contains("export interface Task"), "{out}");
    assert_eq!(files(user.folder.path()), before, "only OUT_DIR is written");

    let (_, err) = user.run();
    assert!(err.contains("Fresh user"), "nothing changed, so nothing runs: {err}");

    // Times of files are as coarse as a second on some disks.
    std::thread::sleep(Duration::from_millis(1100));
    user.put(
        "src/schema/tasks.rs",
        "#[derive(AbloModel)]\npub struct Chore {\n    pub title: String,\n}\n",
    );
    let (out, _) = user.run();
    assert!(out.contains("export interface Chore"), "a module counts: {out}");

    std::thread::sleep(Duration::from_millis(1100));
    user.put(
        "src/schema/tasks.rs",
        "#[derive(AbloModel)]\npub struct Chore {\n    pub title: usize,\n}\n",
    );
    let output = user.cargo("run");
    let err = text(&output.stderr);
    assert!(!output.status.success());
    for said in [
        "error[ablo::rust::unsupported_type]: unsupported field type `usize`",
        "--> src/schema/tasks.rs:3:16",
        "3  |     pub title: usize,",
        "   |                ^^^^^",
        "= help: its width depends on the platform",
    ] {
        assert!(err.contains(said), "{said} is not in\n{err}");
    }
}

#[test]
fn a_generator_says_what_is_wrong_with_its_own_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = folder.path().join("schema.rs");
    fs::write(&schema, "#[derive(AbloModel)] struct Task { title: String }").expect("written");
    let generator = || ablo_codegen::Generator::new(&schema).out(folder.path().join("out"));
    let said =
        |generator: ablo_codegen::Generator| generator.run().expect_err("it fails").to_string();

    let failure =
        said(generator().target("typescrpt").option("postgres", "wat", true).target("postgres"));
    assert!(
        failure.contains("unknown target `typescrpt`")
            && failure.contains("did you mean `typescript`?"),
        "{failure}"
    );
    assert!(
        failure.contains("invalid options for `postgres`") && failure.contains("wat"),
        "{failure}"
    );
    let failure = said(generator().target("typescript").option("postgres", "foreign-keys", true));
    assert!(failure.contains("which is not selected"), "{failure}");
    let failure = said(ablo_codegen::Generator::new("nowhere.rs").out("out"));
    assert!(failure.contains("cannot read `nowhere.rs`"), "{failure}");

    let failure = said(generator().target("typescript").check(true));
    assert!(failure.contains("models.ts` is missing"), "{failure}");
    let generated = generator().target("typescript").run().expect("it is written");
    assert_eq!(
        (&generated.read, generated.written.len()),
        (&vec![schema.clone()], generated.files.len())
    );
    let again = generator().target("typescript").check(true).run().expect("nothing is stale");
    assert_eq!(again.written, [""; 0].map(PathBuf::from));
}
