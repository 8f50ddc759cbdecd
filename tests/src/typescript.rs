//! The TypeScript judge: the real compiler, pinned, under its strictest flags.
//!
//! Generated files are laid out in a temporary folder, one folder per schema, and compiled in one run. The compiler is
//! installed by its lock file into `tests/judges/typescript/node_modules` the first time it is needed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The folder of the judge: its package, its flags and the programs that use generated code.
#[must_use]
pub fn judge_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/typescript")
}

/// A folder of TypeScript to be judged.
#[derive(Debug)]
pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// An empty project.
    #[must_use]
    pub fn new() -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a temporary folder can be made") };
        project.write("package.json", r#"{ "private": true, "type": "module" }"#);
        project
    }

    /// Writes a file, its path relative to the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("the path is relative")).expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    /// Where a file of the project is.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Compiles everything with the judge's flags and these on top, and gives the compiler's report.
    ///
    /// # Panics
    /// When the compiler finds an error.
    #[must_use]
    pub fn compile(&self, flags: &[&str]) -> String {
        let output = self.try_compile(flags);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "tsc refuses the generated TypeScript:\n{text}");
        text
    }

    /// Compiles everything with the judge's flags and these on top.
    #[must_use]
    pub fn try_compile(&self, flags: &[&str]) -> Output {
        let base = serde_json::json!({ "extends": judge_dir().join("tsconfig.json"), "include": ["**/*.ts"] });
        self.write("tsconfig.json", &base.to_string());
        let mut tsc = Command::new("node");
        tsc.arg(tsc_path()).args(["--project", "tsconfig.json", "--pretty", "false"]).args(flags);
        tsc.current_dir(self.dir.path()).output().expect("node runs")
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

/// The compiler, installed if it is not there yet.
fn tsc_path() -> &'static Path {
    static TSC: OnceLock<PathBuf> = OnceLock::new();
    TSC.get_or_init(|| {
        let tsc = judge_dir().join("node_modules/typescript/bin/tsc");
        if !tsc.exists() {
            install();
        }
        tsc
    })
}

fn install() {
    let hint = "the TypeScript judge needs Node 18 or newer with npm, and once the network; \
        run `npm ci` in tests/judges/typescript";
    let npm = Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(judge_dir()).output();
    let output = npm.unwrap_or_else(|error| panic!("npm does not start ({error}): {hint}"));
    assert!(output.status.success(), "{hint}\n{}", String::from_utf8_lossy(&output.stderr));
}
