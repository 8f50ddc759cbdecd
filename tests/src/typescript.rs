//! The TypeScript judge: the real compiler, pinned, under its strictest flags.
//!
//! Generated files are laid out in a temporary folder, one folder per schema, and compiled in one run. The compiler is
//! installed by its lock file into `tests/judges/typescript/node_modules` the first time it is needed.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, Schema};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
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
        fs::create_dir_all(path.parent().expect("the path is relative"))
            .expect("folders can be made");
        fs::write(path, text).expect("files can be written");
    }

    /// Writes a generated file, of which the compiler is to check all: who uses it need not.
    pub fn write_checked(&self, path: &str, text: &str) {
        let whole = text.starts_with("// @ts-nocheck").then(|| text.split_once('\n')).flatten();
        self.write(path, whole.map_or(text, |(_, rest)| rest));
    }

    /// Where a file of the project is.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Lets the project import the judge's packages.
    ///
    /// # Panics
    /// When they cannot be installed.
    #[cfg(unix)]
    pub fn use_packages(&self) {
        let _installed = tsc_path();
        let packages = judge_dir().join("node_modules");
        std::os::unix::fs::symlink(packages, self.path("node_modules"))
            .expect("a link can be made");
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
        let base = serde_json::json!({
            "extends": judge_dir().join("tsconfig.json"), "include": ["**/*.ts"], "exclude": ["out", "node_modules"]
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

/// The programs of `tests/typescript/` with the client of their schema, compiled once.
///
/// # Panics
/// When the compiler finds an error.
#[must_use]
pub fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<Project> = OnceLock::new();
    let project = PROGRAMS.get_or_init(|| {
        let project = Project::new();
        let schema = ablo_schema::front::json::read(&program_schema())
            .schema
            .expect("the schema is a good one");
        emit(&schema, &[("source", true)])
            .iter()
            .for_each(|(path, text)| project.write_checked(path, text));
        project.use_packages();
        for entry in fs::read_dir(programs_dir()).expect("the programs are there") {
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

fn programs_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("typescript")
}

/// The schema of the programs, as its document.
#[must_use]
pub fn program_schema() -> String {
    fs::read_to_string(programs_dir().join("schema.json")).expect("it is there")
}

/// What the `typescript` target writes with these options.
#[must_use]
pub fn emit(schema: &Schema, options: &[(&str, bool)]) -> Files {
    let target =
        targets().iter().find(|target| target.id() == "typescript").expect("the target is built");
    let (hashes, mut files) = (Hashes::of(schema), Files::default());
    let options =
        options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
    target
        .configure(&options)
        .expect("good options")
        .emit(&Input::new(schema, &hashes), &mut files);
    files
}

/// Runs one of the programs in Node.js, shows `hear` each line that it prints as it does, and gives them all.
///
/// # Panics
/// When it fails.
pub fn run(program: &str, arguments: &[&str], mut hear: impl FnMut(&str)) -> Vec<String> {
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
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        hear(&line);
        said.push(line);
    }
    let status = child.wait().expect("it ends");
    let errors = errors.join().expect("what it says");
    assert!(status.success(), "{}: {errors}\nafter {said:#?}", program.display());
    said
}

/// How many bytes a file of TypeScript is after minification and gzip.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn minified(path: &Path) -> usize {
    judge("minified.mjs", &[path]).trim().parse().expect("a number")
}

/// Makes one script of a program and everything it imports.
///
/// # Panics
/// When it is none.
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

/// The compiler, installed if it is not there yet.
fn tsc_path() -> &'static Path {
    static TSC: OnceLock<PathBuf> = OnceLock::new();
    TSC.get_or_init(|| {
        let lock = judge_dir().join("package-lock.json");
        let (wanted, mark) =
            (fs::read(&lock).expect("a lock file"), judge_dir().join("node_modules/.installed"));
        if fs::read(&mark).is_ok_and(|installed| installed != wanted) || !mark.exists() {
            install();
            fs::write(&mark, wanted).expect("it can be marked");
        }
        judge_dir().join("node_modules/typescript/bin/tsc")
    })
}

fn install() {
    let hint = "the TypeScript judge needs Node 18 or newer with npm, and once the network; \
        run `npm ci` in tests/judges/typescript";
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(judge_dir())
        .output();
    let output = npm.unwrap_or_else(|error| panic!("npm does not start ({error}): {hint}"));
    assert!(output.status.success(), "{hint}\n{}", String::from_utf8_lossy(&output.stderr));
}
