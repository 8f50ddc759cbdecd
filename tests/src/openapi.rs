//! The judges of OpenAPI documents: two programs by others, installed as their lock files say.
//!
//! `tests/judges/openapi/` has the lock files and a small script for each judge. [`Judge::problems`] copies them to
//! `target/judges/openapi/`, installs there what is missing (`npm ci`, `python3 -m venv`, `pip install -r`), and runs
//! the script on all documents at once. Without Node, Python or a network the first time, the test fails and says what
//! to run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// A program that says what is wrong with an OpenAPI document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// `@redocly/openapi-core`: its own reading of the specification, and lints on references, ids and paths.
    Redocly,
    /// `openapi-spec-validator`: the official meta-schema, and checks of ids, references and path parameters.
    SpecValidator,
}

impl Judge {
    /// Every judge.
    pub const ALL: [Judge; 2] = [Judge::Redocly, Judge::SpecValidator];

    /// What it finds wrong in these documents, a line per problem.
    ///
    /// # Panics
    /// When it cannot be installed or run.
    #[must_use]
    pub fn problems(self, documents: &[PathBuf]) -> Vec<String> {
        let room = room();
        let (program, script) = match self {
            Judge::Redocly => (PathBuf::from("node"), "redocly.mjs"),
            Judge::SpecValidator => (room.join("venv/bin/python"), "spec_validator.py"),
        };
        let output = run(Command::new(program).arg(room.join(script)).args(documents));
        let lines: Vec<String> =
            String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        let told = output.status.code() == Some(if lines.is_empty() { 0 } else { 10 });
        assert!(told, "{self:?} broke down: {}", String::from_utf8_lossy(&output.stderr));
        lines
    }
}

const FILES: [&str; 5] =
    ["package.json", "package-lock.json", "redocly.mjs", "requirements.txt", "spec_validator.py"];

/// The folder in which both judges are ready to run.
fn room() -> &'static Path {
    static ROOM: OnceLock<PathBuf> = OnceLock::new();
    ROOM.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let room = tests.join("../target/judges/openapi");
        fs::create_dir_all(&room).expect("the target folder can be written");
        // Test programs may run side by side: one installs, the others wait.
        let lock = File::create(room.join("lock")).expect("the target folder can be written");
        lock.lock().expect("a file can be locked");
        for file in FILES {
            fs::copy(tests.join("judges/openapi").join(file), room.join(file))
                .expect("a judge's file can be copied");
        }
        let read = |file: &str| fs::read_to_string(room.join(file)).unwrap_or_default();
        let wanted = [read("package-lock.json"), read("requirements.txt")].concat();
        if read("installed") != wanted {
            install(&room);
            fs::write(room.join("installed"), wanted).expect("the target folder can be written");
        }
        room
    })
}

fn install(room: &Path) {
    let python = room.join("venv/bin/python");
    let steps: [(&Path, &[&str]); 3] = [
        (Path::new("npm"), &["ci", "--ignore-scripts", "--no-audit", "--no-fund"]),
        (Path::new("python3"), &["-m", "venv", "venv"]),
        (&python, &["-m", "pip", "install", "-q", "-r", "requirements.txt"]),
    ];
    for (program, arguments) in steps {
        let why = match Command::new(program).args(arguments).current_dir(room).output() {
            Ok(output) if output.status.success() => continue,
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        panic!(
            "the OpenAPI judges cannot be installed: {why}\nThey need Node 20.19 or later with npm, Python 3.10 or later \
             with venv, and a package registry the first time. To try by hand, in {}: npm ci && python3 -m venv venv \
             && venv/bin/python -m pip install -r requirements.txt",
            room.display()
        );
    }
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"))
}
