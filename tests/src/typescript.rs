//! The TypeScript judge: a pinned compiler with its strictest flags.
//!
//! Generated files are written to a temporary folder and compiled in one run. The compiler is
//! installed from its lock file into `tests/judges/typescript/node_modules` on first use.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, Schema};
use serde_json::{Map, Value};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Returns the judge's folder: its package, its flags and programs that use generated code.
#[must_use]
pub fn judge_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/typescript")
}

/// Returns a generated file without the lines by which compilers and linters skip it.
#[must_use]
pub fn checked(text: &str) -> String {
    let skips = |line: &&str| line.starts_with("/* eslint-disable") || line.contains("@ts-nocheck");
    text.split_inclusive('\n').filter(|line| !skips(line)).collect()
}

/// A folder of TypeScript to compile.
#[derive(Debug)]
pub struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// Creates an empty project.
    #[must_use]
    pub fn new() -> Self {
        let project = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        project.write("package.json", r#"{ "private": true, "type": "module" }"#);
        project
    }

    /// Writes a file. The path is relative to the project.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("the path is relative"))
            .expect("the folder is writable");
        fs::write(path, text).expect("the file is writable");
    }

    /// Writes a generated file so that it is type-checked.
    pub fn write_checked(&self, path: &str, text: &str) {
        self.write(path, &checked(text));
    }

    /// Returns the path of a file of the project.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Makes the judge's packages available to the project.
    ///
    /// # Panics
    /// Panics if they cannot be installed.
    #[cfg(unix)]
    pub fn use_packages(&self) {
        let _installed = tsc_path();
        let packages = judge_dir().join("node_modules");
        std::os::unix::fs::symlink(packages, self.path("node_modules")).expect("a symbolic link");
    }

    /// Compiles everything with the judge's flags and further ones. Returns the compiler's output.
    ///
    /// # Panics
    /// Panics if the compiler reports an error.
    #[must_use]
    pub fn compile(&self, flags: &[&str]) -> String {
        let output = self.try_compile(flags);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "tsc rejects the generated TypeScript:\n{text}");
        text
    }

    /// Compiles everything with the judge's flags and further ones.
    #[must_use]
    pub fn try_compile(&self, flags: &[&str]) -> Output {
        let base = serde_json::json!({
            "extends": judge_dir().join("tsconfig.json"),
            "include": ["**/*.ts", "**/*.tsx"],
            "exclude": ["out", "node_modules"]
        });
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

/// Returns the folder of the compiled programs of `tests/typescript/` and the client of their
/// schema.
///
/// # Panics
/// Panics if the compiler reports an error.
#[must_use]
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<Project> = OnceLock::new();
    let project = PROGRAMS.get_or_init(|| {
        let project = Project::new();
        let schema =
            ablo_schema::front::json::read(&program_schema()).schema.expect("the schema is valid");
        emit(&schema, &[("source", true)])
            .iter()
            .for_each(|(path, text)| project.write_checked(path, text));
        // `runtime.ts` does not export the decisions, so their sources are compiled beside it.
        for source in ["policy.ts", "errors.ts", "platform.ts"] {
            let text = fs::read_to_string(runtime_dir().join(source)).expect("the source exists");
            project.write(&format!("typescript/{source}"), &text);
        }
        project.use_packages();
        for entry in fs::read_dir(programs_dir()).expect("the programs exist") {
            let path = entry.expect("readable").path();
            if path.extension().is_some_and(|ending| ending == "ts") {
                let name = path.file_name().expect("a file").to_string_lossy();
                project.write(&name, &fs::read_to_string(&path).expect("readable"));
            }
        }
        let _report = project.compile(&["--outDir", "out", "--rootDir", "."]);
        project
    });
    project.dir.path()
}

fn runtime_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ablo-codegen/src/emit/typescript/runtime")
}

fn programs_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript")
}

/// Returns the schema document of the programs.
#[must_use]
pub fn program_schema() -> String {
    fs::read_to_string(programs_dir().join("schema.json")).expect("the schema exists")
}

/// Returns the output of the `typescript` target with these options, for projects that `tsc`
/// compiles.
#[must_use]
pub fn emit(schema: &Schema, options: &[(&str, bool)]) -> Files {
    let mut set: Map<String, Value> =
        options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    set.insert("import-extension".to_owned(), "js".into());
    emit_with(schema, &set)
}

/// Returns the output of the `typescript` target with its default options.
#[must_use]
pub fn emit_default(schema: &Schema) -> Files {
    emit_with(schema, &Map::new())
}

/// Returns the output of the `typescript` target with these options.
#[must_use]
pub fn emit_with(schema: &Schema, options: &Map<String, Value>) -> Files {
    let target = targets()
        .iter()
        .find(|target| target.id() == "typescript")
        .expect("the target is registered");
    let (hashes, mut files) = (Hashes::of(schema), Files::default());
    target
        .configure(options)
        .expect("the options are valid")
        .emit(&Input::new(schema, &hashes), &mut files);
    files
}

/// Runs one of the programs in Node.js. Calls `on_line` for each line of its output, and returns
/// all.
///
/// # Panics
/// Panics if the program fails.
pub fn run(program: &str, arguments: &[&str], mut on_line: impl FnMut(&str)) -> Vec<String> {
    let program = programs().join("out").join(program);
    let mut child = Command::new("node")
        .arg(&program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node runs");
    let mut errors = child.stderr.take().expect("a pipe");
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let mut output = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        on_line(&line);
        output.push(line);
    }
    let status = child.wait().expect("the program ends");
    let errors = errors.join().expect("stderr is readable");
    assert!(status.success(), "{}: {errors}\nafter {output:#?}", program.display());
    output
}

/// Returns the size in bytes of a TypeScript file after minification and gzip.
///
/// # Panics
/// Panics if the file is invalid.
#[must_use]
pub fn minified(path: &Path) -> usize {
    judge("minified.mjs", &[path]).trim().parse().expect("a number")
}

/// Bundles a program and its imports into one script.
///
/// # Panics
/// Panics if the program is invalid.
pub fn bundle(program: &Path, script: &Path) {
    judge("bundle.mjs", &[program, script]);
}

fn judge(script: &str, arguments: &[&Path]) -> String {
    let _installed = tsc_path();
    let output = Command::new("node")
        .arg(judge_dir().join(script))
        .args(arguments)
        .output()
        .expect("node runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the path of the compiler and installs it if necessary.
fn tsc_path() -> &'static Path {
    static TSC: OnceLock<PathBuf> = OnceLock::new();
    TSC.get_or_init(|| {
        let lock = judge_dir().join("package-lock.json");
        let (wanted, mark) =
            (fs::read(&lock).expect("a lock file"), judge_dir().join("node_modules/.installed"));
        if fs::read(&mark).is_ok_and(|installed| installed != wanted) || !mark.exists() {
            install();
            fs::write(&mark, wanted).expect("node_modules is writable");
        }
        judge_dir().join("node_modules/typescript/bin/tsc")
    })
}

fn install() {
    let hint = "the TypeScript judge needs Node.js 18 or later with npm, and on the first run a \
        network; run `npm ci` in tests/judges/typescript";
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(judge_dir())
        .output();
    let output = npm.unwrap_or_else(|error| panic!("cannot start npm ({error}): {hint}"));
    assert!(output.status.success(), "{hint}\n{}", String::from_utf8_lossy(&output.stderr));
}
