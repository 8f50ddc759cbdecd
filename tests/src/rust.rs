//! The judge of generated Rust: rustc and clippy on a scratch crate that depends on the runtime.
//!
//! Scratch crates use the workspace's `Cargo.lock` and share one target folder, so nothing is
//! fetched and dependencies are built once.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::Hashes;
use ablo_schema::front::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Returns the output of `ablo generate --target rust` for a schema.
///
/// # Panics
/// Panics if the schema is invalid.
#[must_use]
pub fn generate(text: &str) -> String {
    let schema = json::read(text).schema.expect("the schema is valid");
    let target =
        targets().iter().find(|target| target.id() == "rust").expect("the target is registered");
    let mut files = Files::default();
    let emitter = target.configure(&serde_json::Map::new()).expect("no options are required");
    emitter.emit(&Input::new(&schema, &Hashes::of(&schema)), &mut files);
    files.get("rust/mod.rs").expect("the target writes rust/mod.rs").to_owned()
}

/// A crate like a user's.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
    target: PathBuf,
}

impl Scratch {
    /// Creates an empty crate in a folder below `scratch`.
    ///
    /// # Panics
    /// Panics if the folder cannot be written.
    #[must_use]
    pub fn new(scratch: &Path, name: &str, edition: &str) -> Self {
        let root = scratch.join("rust-judge").join(name);
        let workspace =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace");
        if root.exists() {
            fs::remove_dir_all(&root).expect("an old scratch crate can be removed");
        }
        let crate_ = Self { root, target: scratch.join("rust-judge").join("target") };
        let runtime = workspace.join("ablo");
        crate_.add(
            "Cargo.toml",
            &format!(
                "[package]\nname = \"judged\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n\
                 [workspace]\n\n[dependencies]\nablo = {{ path = {:?} }}\n\
                 serde_json = {{ version = \"1\", features = [\"raw_value\"] }}\n",
                runtime.display().to_string()
            ),
        );
        fs::copy(workspace.join("Cargo.lock"), crate_.root.join("Cargo.lock"))
            .expect("the lock file can be copied");
        crate_
    }

    /// Writes a file of the crate.
    ///
    /// # Panics
    /// Panics if the file cannot be written.
    pub fn add(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.root)).expect("the folder is writable");
        fs::write(path, text).expect("the file is writable");
    }

    /// Runs cargo in the crate without network.
    ///
    /// # Panics
    /// Panics if cargo cannot be started.
    #[must_use]
    pub fn cargo(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO"))
            .args(arguments)
            .arg("--offline")
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env_remove("RUSTFLAGS")
            .env("RUSTDOCFLAGS", "-D warnings")
            .output()
            .expect("cargo runs")
    }

    /// Returns the path of a file of the crate.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// Asserts that a command succeeded.
///
/// # Panics
/// Panics with the command's output if it failed.
pub fn succeeds(what: &str, output: &Output) {
    if !output.status.success() {
        panic!(
            "{what}:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
