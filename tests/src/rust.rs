//! The judge of generated Rust: rustc and clippy themselves, on a scratch crate that depends on the runtime.
//!
//! Scratch crates live below the workspace's own target folder, take its `Cargo.lock`, and share one target folder, so that
//! nothing is fetched and dependencies are built once.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::Hashes;
use ablo_schema::front::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What `ablo generate --target rust` writes for a schema.
///
/// # Panics
/// When the schema is refused.
#[must_use]
pub fn generate(text: &str) -> String {
    let schema = json::read(text).schema.expect("the schema is accepted");
    let target =
        targets().iter().find(|target| target.id() == "rust").expect("the target is registered");
    let mut files = Files::default();
    let emitter = target.configure(&serde_json::Map::new()).expect("it needs no option");
    emitter.emit(&Input::new(&schema, &Hashes::of(&schema)), &mut files);
    files.get("rust/mod.rs").expect("it writes one file").to_owned()
}

/// A crate as a user would have it.
#[derive(Debug)]
pub struct Scratch {
    root: PathBuf,
    target: PathBuf,
}

impl Scratch {
    /// An empty crate in a folder of this name below `scratch`.
    ///
    /// # Panics
    /// When the folder cannot be written.
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
                "[package]\nname = \"judged\"\nversion = \"0.0.0\"\nedition = \"{edition}\"\n\n[workspace]\n\n\
                 [dependencies]\nablo = {{ path = {:?} }}\nserde_json = {{ version = \"1\", features = [\"raw_value\"] }}\n",
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
    /// When it cannot be written.
    pub fn add(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&self.root)).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    /// Runs cargo in the crate, without network.
    ///
    /// # Panics
    /// When cargo cannot be started.
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

    /// Where a file of the crate is.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// Fails with what the tool said, unless it succeeded.
///
/// # Panics
/// When it did not succeed.
pub fn succeeds(what: &str, output: &Output) {
    if !output.status.success() {
        panic!(
            "{what}:\n{}\n{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
