//! Generates files from a build script.
//!
//! Rust sources are read as text; nothing is compiled or run. Every file that a run reads is
//! reported to cargo, which reruns the script only when one of them changes.

mod report;
mod source;

pub use report::Failure;
pub use source::RustFiles;

use crate::write::{ChangeKind, FileChange, Folder, WritePlan};
use crate::{Emit, Files, Input, Target, targets};
use ablo_schema::diag::Suggest;
use ablo_schema::front::rust::{Cfg, file};
use ablo_schema::front::{Located, json};
use ablo_schema::{Hashes, Schema, Severity};
use report::{SourceText, render};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Generates files from a schema, in a `build.rs` or anywhere else.
///
/// ```
/// # let folder = std::env::temp_dir().join("ablo-generator-example");
/// # std::fs::create_dir_all(&folder)?;
/// # let source = "#[derive(AbloModel)] struct Task { title: String }";
/// # std::fs::write(folder.join("schema.rs"), source)?;
/// # std::env::set_current_dir(&folder)?;
/// ablo_codegen::Generator::new("schema.rs")
///     .target("typescript")
///     .out("generated")
///     .run()?;
/// let models = std::fs::read_to_string("generated/typescript/models.ts")?;
/// assert!(models.contains("export interface Task"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Without [`out`](Generator::out), files go to cargo's `OUT_DIR` and the source tree is not
/// modified:
///
/// ```no_run
/// ablo_codegen::Generator::new("src/schema.rs").target("rust").run_or_exit();
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until `run`"]
pub struct Generator {
    source: PathBuf,
    targets: Vec<String>,
    options: Vec<(String, String, Value)>,
    out: Option<PathBuf>,
    check: bool,
    allow_unknown: bool,
    cfg: Vec<String>,
    git_attributes: bool,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// All files that were read.
    pub read: Vec<PathBuf>,
    /// All files of the selected targets.
    pub files: Vec<PathBuf>,
    /// The files that were created or changed.
    pub written: Vec<PathBuf>,
}

impl Generator {
    /// Creates a generator that reads `source`: Rust if it ends in `.rs`, otherwise Schema JSON. In
    /// a build script, relative paths are relative to the package root.
    pub fn new(source: impl Into<PathBuf>) -> Self {
        Self {
            source: source.into(),
            targets: Vec::new(),
            options: Vec::new(),
            out: None,
            check: false,
            allow_unknown: false,
            cfg: Vec::new(),
            git_attributes: false,
        }
    }

    /// Adds a target by its id, as listed by `ablo targets`. Without any, all targets are written.
    pub fn target(mut self, id: impl Into<String>) -> Self {
        self.targets.push(id.into());
        self
    }

    /// Sets an option of a target, as listed by `ablo targets`.
    pub fn option(
        mut self,
        target: impl Into<String>,
        name: impl Into<String>,
        value: impl Into<Value>,
    ) -> Self {
        self.options.push((target.into(), name.into(), value.into()));
        self
    }

    /// Writes below this folder, with one subfolder per target, instead of `OUT_DIR`.
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.out = Some(folder.into());
        self
    }

    /// Writes nothing, and fails if a file is missing or out of date.
    pub fn check(mut self, check: bool) -> Self {
        self.check = check;
        self
    }

    /// Reports unknown members of Schema JSON as warnings instead of errors.
    pub fn allow_unknown(mut self, allow_unknown: bool) -> Self {
        self.allow_unknown = allow_unknown;
        self
    }

    /// Writes a `.gitattributes` beside the files of each target: line ends stay `\n` on every
    /// system, and reviews fold the files.
    pub fn git_attributes(mut self, write: bool) -> Self {
        self.git_attributes = write;
        self
    }

    /// Declares a configuration that a Rust source is compiled with: `unix`, `name=\"value\"`, or
    /// `not(…)` with one of them. In a build script, features and the target are known without it.
    pub fn cfg(mut self, cfg: impl Into<String>) -> Self {
        self.cfg.push(cfg.into());
        self
    }

    /// Runs the generator.
    ///
    /// # Errors
    /// Returns a report with source excerpts if the schema or an option is invalid, or if the files
    /// cannot be written.
    pub fn run(&self) -> Result<Generated, Failure> {
        let runs = self.runs()?;
        let Reading { schema, paths } =
            read(&self.source, self.allow_unknown, &self.configuration()?)?;
        let hashes = Hashes::of(&schema);
        let mut files = Files::default();
        for (_, emit) in &runs {
            emit.emit(&Input::new(&schema, &hashes), &mut files);
        }
        if self.git_attributes {
            files.add_git_attributes();
        }
        let folder =
            |id: &'static str| Ok(Folder { prefix: id, path: self.out_folder()?.join(id) });
        let folders = runs.iter().map(|(id, _)| folder(id)).collect::<Result<Vec<_>, Failure>>()?;
        let plan = WritePlan::new(&folders, &files).map_err(|errors| {
            Failure::new(errors.iter().map(|error| format!("error: {error}\n")).collect::<String>())
        })?;
        let all: Vec<PathBuf> = paths_where(&plan, |_| true);
        let written = paths_where(&plan, |kind| kind != ChangeKind::Unchanged);
        if self.check && plan.is_stale() {
            return Err(stale(plan.changes()));
        }
        if !self.check {
            plan.apply().map_err(|error| Failure::new(format!("error: {error}")))?;
            restored_by_cargo(&all, &written);
        }
        Ok(Generated { read: paths, files: all, written })
    }

    /// Runs the generator. On failure, prints the report to standard error and exits the process.
    /// Intended for a `main` that returns nothing.
    #[expect(clippy::print_stderr, reason = "a build script's report goes to standard error")]
    pub fn run_or_exit(&self) -> Generated {
        self.run().unwrap_or_else(|failure| {
            eprintln!("{failure}");
            std::process::exit(1)
        })
    }

    /// Returns what cargo and the caller say of the configuration.
    fn configuration(&self) -> Result<Cfg, Failure> {
        let mut cfg = match std::env::var_os("OUT_DIR") {
            Some(_) => Cfg::of_build_script(std::env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            })),
            None => Cfg::default(),
        };
        for text in &self.cfg {
            cfg.add(text)
                .map_err(|error| Failure::new(format!("error: invalid cfg `{text}`: {error}")))?;
        }
        Ok(cfg)
    }

    fn out_folder(&self) -> Result<PathBuf, Failure> {
        let out_dir = || std::env::var_os("OUT_DIR").map(PathBuf::from);
        self.out.clone().or_else(out_dir).ok_or_else(|| {
            let help = "call `.out(\"generated\")`; in a build script, cargo sets OUT_DIR";
            Failure::new(format!("error: no output folder\n  = help: {help}"))
        })
    }

    /// Returns the selected targets with their options applied.
    fn runs(&self) -> Result<Vec<Run>, Failure> {
        let known = |id: &str| targets().iter().find(|target| target.id() == id).copied();
        let named = self.targets.iter().chain(self.options.iter().map(|(target, ..)| target));
        let mut faults = String::new();
        for id in named.filter(|id| known(id).is_none()) {
            let help = Suggest::default()
                .help(id, targets().iter().map(|target| target.id()))
                .unwrap_or_default();
            faults += &format!("error: unknown target `{id}`\n  = help: {help}\n");
        }
        let chosen = |target: &&dyn Target| {
            self.targets.is_empty() || self.targets.iter().any(|id| id == target.id())
        };
        for (id, name, _) in
            self.options.iter().filter(|(id, ..)| known(id).is_some_and(|target| !chosen(&target)))
        {
            faults += &format!(
                "error: option `{name}` is set for target `{id}`, which is not selected\n"
            );
        }
        let mut runs = Vec::new();
        for target in targets().iter().copied().filter(chosen) {
            let of = self.options.iter().filter(|(id, ..)| id == target.id());
            let options: Map<String, Value> =
                of.map(|(_, name, value)| (name.clone(), value.clone())).collect();
            match target.configure(&options) {
                Ok(emit) => runs.push((target.id(), emit)),
                Err(error) => {
                    faults += &format!("error: invalid options for `{}`: {error}\n", target.id())
                }
            }
        }
        if faults.is_empty() { Ok(runs) } else { Err(Failure::new(faults)) }
    }
}

/// A target id and its configured emitter.
type Run = (&'static str, Box<dyn Emit>);

fn paths_where(plan: &WritePlan<'_>, matches: impl Fn(ChangeKind) -> bool) -> Vec<PathBuf> {
    let changes = plan
        .changes()
        .iter()
        .filter(|change| change.kind != ChangeKind::Removed && matches(change.kind));
    changes.map(|change| change.path.clone()).collect()
}

fn stale(changes: &[FileChange<'_>]) -> Failure {
    let word = |kind| match kind {
        ChangeKind::Unchanged | ChangeKind::Formatted => None,
        ChangeKind::Created => Some("is missing"),
        ChangeKind::Updated => Some("differs"),
        ChangeKind::Removed => Some("is left over"),
    };
    let all = changes.iter().filter_map(|change| Some((change.path.display(), word(change.kind)?)));
    let lines: String = all.map(|(path, word)| format!("error: `{path}` {word}\n")).collect();
    Failure::new(lines + "  = help: generate again without `check` and commit the result")
}

/// A validated source and the files that it was read from.
struct Reading {
    schema: Schema,
    paths: Vec<PathBuf>,
}

fn read(path: &Path, allow_unknown: bool, cfg: &Cfg) -> Result<Reading, Failure> {
    let text = source::read_bounded(path).map_err(|error| {
        // Reruns the script when the file is created.
        rerun_if_changed(&[path.to_owned()]);
        let here = std::env::current_dir().unwrap_or_default();
        let help = format!("paths are relative to `{}`", here.display());
        Failure::new(format!("error: cannot read `{}`: {error}\n  = help: {help}", path.display()))
    })?;
    if path.extension().is_none_or(|extension| extension != "rs") {
        rerun_if_changed(&[path.to_owned()]);
        let read = if allow_unknown { json::read(&text) } else { json::read_authored(&text) };
        let texts = [SourceText { path: path.to_owned(), text: &text }];
        let schema =
            schema_or_report(read.schema, &texts, &json::locate(&text, &read.diagnostics))?;
        return Ok(Reading { schema, paths: vec![path.to_owned()] });
    }
    let mut files = RustFiles::new(path);
    let mut read = file::read_configured(&text, cfg, &mut |wanted| files.load(wanted));
    rerun_if_changed(files.paths());
    rerun_if_changed(files.missing());
    let schema = read.schema.take();
    let texts = files.paths().iter().zip(&read.texts);
    let texts: Vec<SourceText<'_>> =
        texts.map(|(path, text)| SourceText { path: path.clone(), text }).collect();
    let schema = schema_or_report(schema, &texts, &read.locate())?;
    Ok(Reading { schema, paths: files.paths().to_vec() })
}

/// Returns the schema, or a report of all diagnostics. Warnings are printed as cargo warnings.
fn schema_or_report(
    schema: Option<Schema>,
    texts: &[SourceText<'_>],
    all: &[Located<'_>],
) -> Result<Schema, Failure> {
    let Some(schema) = schema else { return Err(Failure::new(render(texts, all))) };
    for located in all.iter().filter(|located| located.diagnostic.severity == Severity::Warning) {
        let path = texts
            .get(located.location.file)
            .map(|text| text.path.display().to_string())
            .unwrap_or_default();
        let (place, diagnostic) = (&located.location, located.diagnostic);
        cargo_directive(
            "warning",
            &format!(
                "{path}:{}:{}: {} [{}]",
                place.line, place.column, diagnostic.message, diagnostic.code
            ),
        );
    }
    Ok(schema)
}

/// Lets cargo run the script again when an output is edited or deleted. For cargo, a file that is
/// newer than the start of the script has changed, so new outputs get the time of the start.
fn restored_by_cargo(all: &[PathBuf], written: &[PathBuf]) {
    // cargo touches this file before it starts the script.
    let start = std::env::var_os("OUT_DIR").and_then(|out| {
        let mark = Path::new(&out).parent()?.join("invoked.timestamp");
        mark.metadata().ok()?.modified().ok()
    });
    let Some(start) = start else { return };
    let is_old = |path: &PathBuf| {
        let file = File::options().write(true).open(path);
        !written.contains(path) || file.is_ok_and(|file| file.set_modified(start).is_ok())
    };
    let old: Vec<PathBuf> = all.iter().filter(|path| is_old(path)).cloned().collect();
    rerun_if_changed(&old);
}

fn rerun_if_changed(paths: &[PathBuf]) {
    paths.iter().for_each(|path| cargo_directive("rerun-if-changed", &path.display().to_string()));
}

/// Prints a cargo directive. `OUT_DIR` is set only in a build script.
fn cargo_directive(name: &str, value: &str) {
    if std::env::var_os("OUT_DIR").is_some() && !value.contains('\n') {
        // A closed standard output is not an error.
        let _ = writeln!(std::io::stdout(), "cargo::{name}={value}");
    }
}
