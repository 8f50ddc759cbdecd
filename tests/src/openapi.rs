//! The judges of OpenAPI documents: two external validators, installed from lock files.
//!
//! `tests/judges/openapi/` has the lock files and a script per judge. [`Judge::problems`] copies
//! them to `target/judges/openapi/`, installs missing packages (`npm ci`, `python3 -m venv`, `pip
//! install -r`) and runs the script on all documents. The first run needs Node.js, Python and a
//! network.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A validator of OpenAPI documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// `@redocly/openapi-core`: validates the document and lints references, ids and paths.
    Redocly,
    /// `openapi-spec-validator`: the official meta-schema, ids, references and path parameters.
    SpecValidator,
}

impl Judge {
    /// All judges.
    pub const ALL: [Judge; 2] = [Judge::Redocly, Judge::SpecValidator];

    /// Returns the problems in these documents, one line each.
    ///
    /// # Panics
    /// Panics if the judge cannot be installed or run.
    #[must_use]
    pub fn problems(self, documents: &[PathBuf]) -> Vec<String> {
        let folder = installed();
        let (program, script) = match self {
            Judge::Redocly => (PathBuf::from("node"), "redocly.mjs"),
            Judge::SpecValidator => (folder.join("venv/bin/python"), "spec_validator.py"),
        };
        let output = run(Command::new(program).arg(folder.join(script)).args(documents));
        let lines: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let expected = if lines.is_empty() { 0 } else { 10 };
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{self:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        lines
    }
}

const FILES: [&str; 5] =
    ["package.json", "package-lock.json", "redocly.mjs", "requirements.txt", "spec_validator.py"];

/// Returns the folder with both judges installed.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tests.join("../target/judges/openapi");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        // Test programs can run in parallel: one installs, the others wait.
        let lock = File::create(folder.join("lock")).expect("the target folder is writable");
        lock.lock().expect("the lock is available");
        for file in FILES {
            fs::copy(tests.join("judges/openapi").join(file), folder.join(file))
                .expect("a judge's file can be copied");
        }
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        let wanted = [read("package-lock.json"), read("requirements.txt")].concat();
        if read("installed") != wanted {
            install(&folder);
            fs::write(folder.join("installed"), wanted).expect("the target folder is writable");
        }
        folder
    })
}

fn install(folder: &Path) {
    let python = folder.join("venv/bin/python");
    let steps: [(&Path, &[&str]); 3] = [
        (Path::new("npm"), &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]),
        (Path::new("python3"), &["-m", "venv", "venv"]),
        (&python, &["-m", "pip", "install", "-q", "-r", "requirements.txt"]),
    ];
    for (program, arguments) in steps {
        let why = match Command::new(program).args(arguments).current_dir(folder).output() {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        panic!(
            "cannot install the OpenAPI judges: {why}\nThey need Node.js 20.19 or later with npm, \
             Python 3.10 or later with venv, and on the first run a package registry. To install \
             by hand, run in {}: npm ci && python3 -m venv venv \
             && venv/bin/python -m pip install -r requirements.txt",
            folder.display()
        );
    }
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"))
}
