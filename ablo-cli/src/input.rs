//! Reads a schema from a file: Rust if the name ends in `.rs`, TypeScript that Node.js runs, else
//! Schema JSON.

use crate::args::ReadArgs;
use crate::finding::{Exit, Failure, Finding, Fix, Location, Report, Source};
use crate::source::{self, STDIN};
use crate::typescript;
use ablo_codegen::RustFiles;
use ablo_schema::front::{self, Located, json, rust};
use ablo_schema::{Diagnostics, Schema};
use std::path::{Path, PathBuf};

/// The result of reading a schema.
pub(crate) struct Input {
    /// The name, as given on the command line.
    pub(crate) name: String,
    pub(crate) schema: Option<Schema>,
    pub(crate) has_errors: bool,
    /// One report for each file with findings.
    pub(crate) reports: Vec<Report>,
}

impl Input {
    /// Takes the schema, or fails with the reports.
    pub(crate) fn schema(&mut self) -> Result<Schema, Failure> {
        let reports = &mut self.reports;
        self.schema
            .take()
            .ok_or_else(|| Failure { exit: Exit::Errors, reports: std::mem::take(reports) })
    }
}

/// Reports whether a path names a Rust file.
pub(crate) fn is_rust(path: &Path) -> bool {
    path != Path::new(STDIN) && path.extension().is_some_and(|extension| extension == "rs")
}

/// Reports whether a path names a JSON file.
pub(crate) fn is_json(path: &Path) -> bool {
    !is_rust(path) && !typescript::is_script(path)
}

/// Reads and validates a schema.
pub(crate) fn read(path: &Path, args: &ReadArgs) -> Result<Input, Failure> {
    if is_rust(path) {
        return read_rust(path, args);
    }
    if typescript::is_script(path) {
        return read_script(path, args);
    }
    let source = source::read(path, json::MAX_BYTES)?;
    let read = reader(args)(&source.text);
    Ok(of_json(source, read))
}

/// Reads the document that a program exports. Places and fixes of findings are not in its file.
fn read_script(path: &Path, args: &ReadArgs) -> Result<Input, Failure> {
    let name = path.display().to_string();
    let text = typescript::run(path)?.document?;
    let read = reader(args)(&text);
    let source = Source { name: format!("{name} (its document)"), text };
    let mut input = Input { name, ..of_json(source, read) };
    let findings = input.reports.iter_mut().flat_map(|report| &mut report.findings);
    findings.for_each(|finding| finding.fix = None);
    Ok(input)
}

/// Returns the function that reads Schema JSON.
pub(crate) fn reader(args: &ReadArgs) -> fn(&str) -> json::Read {
    if args.allow_unknown { json::read } else { json::read_authored }
}

/// Returns the result of reading a document.
pub(crate) fn of_json(source: Source, read: json::Read) -> Input {
    let located = json::locate(&source.text, &read.diagnostics);
    let reports = reports(&[&source], &located, &read.diagnostics);
    let has_errors = read.diagnostics.has_errors();
    Input { name: source.name, schema: read.schema, has_errors, reports }
}

/// Reads a valid schema without its warnings, which only `check` and `generate` report.
pub(crate) fn schema(path: &Path, args: &ReadArgs) -> Result<Schema, Failure> {
    read(path, args)?.schema()
}

/// Reads a JSON document that accompanies a schema, such as hints.
pub(crate) fn read_document<T>(
    path: &Path,
    read: impl FnOnce(&str) -> (Option<T>, Diagnostics),
) -> Result<(T, Source), Failure> {
    let source = source::read(path, json::MAX_BYTES)?;
    match read(&source.text) {
        (Some(done), _) => Ok((done, source)),
        (None, diagnostics) => Err(invalid_document(&source, &diagnostics)),
    }
}

/// Creates the failure for an invalid JSON document.
pub(crate) fn invalid_document(source: &Source, diagnostics: &Diagnostics) -> Failure {
    let located = json::locate(&source.text, diagnostics);
    Failure { exit: Exit::CannotRun, reports: reports(&[source], &located, diagnostics) }
}

/// Returns every file that a schema is read from, and every missing file that was looked for, also
/// if the schema has errors.
pub(crate) fn files(path: &Path, args: &ReadArgs) -> Vec<PathBuf> {
    if typescript::is_script(path) {
        return typescript::run(path).map(|program| program.files).unwrap_or_default();
    }
    if !is_rust(path) {
        return vec![path.to_owned()];
    }
    let Ok(source) = source::read(path, rust::file::MAX_BYTES) else { return Vec::new() };
    let mut files = RustFiles::new(path);
    let cfg = args.configuration();
    let _read = rust::file::read_configured(&source.text, &cfg, &mut |it| files.load(it));
    files.paths().iter().chain(files.missing()).cloned().collect()
}

fn read_rust(path: &Path, args: &ReadArgs) -> Result<Input, Failure> {
    let source = source::read(path, rust::file::MAX_BYTES)?;
    let mut files = RustFiles::new(path);
    let cfg = args.configuration();
    let read = rust::file::read_configured(&source.text, &cfg, &mut |wanted| files.load(wanted));
    Ok(of_rust(&files, read))
}

/// Fixes a Rust source and its modules. Also returns the number of fixes.
pub(crate) fn fix_rust(path: &Path, args: &ReadArgs) -> Result<(Input, usize), Failure> {
    let source = source::read(path, rust::file::MAX_BYTES)?;
    let mut files = RustFiles::new(path);
    let cfg = args.configuration();
    let mut before = vec![source.text.clone()];
    let rust::Fixed { applied, read } = rust::fix(&source.text, &cfg, &mut |wanted| {
        files.load(wanted).inspect(|text| before.push(text.clone()))
    });
    for ((path, old), new) in files.paths().iter().zip(&before).zip(&read.texts) {
        if old != new {
            source::replace(path, new)?;
        }
    }
    Ok((of_rust(&files, read), applied))
}

/// Returns the result of reading a Rust source.
fn of_rust(files: &RustFiles, mut read: rust::file::Read) -> Input {
    let texts = files.paths().iter().zip(&read.texts);
    let sources: Vec<Source> = texts
        .map(|(path, text)| Source { name: path.display().to_string(), text: text.clone() })
        .collect();
    let schema = read.schema.take();
    let reports = reports(&sources.iter().collect::<Vec<_>>(), &read.locate(), &read.diagnostics);
    let has_errors = read.diagnostics.has_errors();
    let name = sources.into_iter().next().map(|source| source.name).unwrap_or_default();
    Input { name, schema, has_errors, reports }
}

/// Groups diagnostics by file, in the order in which the files were read.
fn reports(sources: &[&Source], all: &[Located<'_>], diagnostics: &Diagnostics) -> Vec<Report> {
    let mut reports = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let in_file = all.iter().filter(|located| located.location.file == file);
        let findings: Vec<Finding> = in_file.map(|located| finding(located, sources)).collect();
        if !findings.is_empty() {
            let source = Source { name: source.name.clone(), text: source.text.clone() };
            reports.push(Report::in_source(source, findings));
        }
    }
    if let Some(first) = reports.first_mut() {
        first.dropped = diagnostics.dropped();
    }
    reports
}

fn finding(located: &Located<'_>, sources: &[&Source]) -> Finding {
    let home = located.location.file;
    let location = |place: &front::Location| {
        let elsewhere = sources.get(place.file).filter(|_| place.file != home);
        Location {
            range: place.range.clone(),
            line: place.line,
            column: place.column,
            end_line: place.end_line,
            end_column: place.end_column,
            // Only JSON has pointers. The empty one stands for the whole document.
            pointer: is_json_at(sources, place.file).then(|| place.pointer.clone()),
            file: elsewhere.map(|source| source.name.clone()),
        }
    };
    Finding {
        code: located.diagnostic.code.as_str(),
        severity: located.diagnostic.severity,
        message: located.diagnostic.message.clone(),
        location: Some(location(&located.location)),
        also: located
            .also
            .iter()
            .map(|(place, what)| (location(place), (*what).to_owned()))
            .collect(),
        help: located.diagnostic.help.clone(),
        fix: located.fix.as_ref().map(|fix| Fix {
            applicability: fix.applicability,
            edits: fix.edits.iter().map(|(at, text)| (location(at), text.clone())).collect(),
        }),
    }
}

fn is_json_at(sources: &[&Source], file: usize) -> bool {
    sources.get(file).is_some_and(|source| !is_rust(Path::new(&source.name)))
}
