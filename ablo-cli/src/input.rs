//! A schema from a file, whatever front reads it: Rust where the name ends in `.rs`, else Schema JSON.

use crate::finding::{Exit, Finding, Report, Source, Spot, Stop};
use crate::source::{self, STDIN};
use ablo_codegen::RustFiles;
use ablo_schema::front::{Located, Location, json, rust};
use ablo_schema::{Diagnostics, Schema};
use std::path::{Path, PathBuf};

/// What came of an input.
pub(crate) struct Input {
    /// Its name, as it was given.
    pub(crate) name: String,
    pub(crate) schema: Option<Schema>,
    pub(crate) has_errors: bool,
    /// One for each file that there is something to say of; none where all is well.
    pub(crate) reports: Vec<Report>,
    /// Every file that was read, and those that were looked for.
    pub(crate) files: Vec<PathBuf>,
}

impl Input {
    /// The schema, or what stands in its way.
    pub(crate) fn schema(&mut self) -> Result<Schema, Stop> {
        let reports = &mut self.reports;
        self.schema
            .take()
            .ok_or_else(|| Stop { exit: Exit::Errors, reports: std::mem::take(reports) })
    }
}

/// Whether a path names Rust.
fn is_rust(path: &Path) -> bool {
    path != Path::new(STDIN) && path.extension().is_some_and(|extension| extension == "rs")
}

/// Reads and checks.
pub(crate) fn read(path: &Path) -> Result<Input, Stop> {
    if is_rust(path) {
        return read_rust(path);
    }
    let source = source::read(path, json::MAX_BYTES)?;
    let read = json::read(&source.text);
    let name = source.name.clone();
    let located = json::locate(&source.text, &read.diagnostics);
    let reports = reports(&[&source], &located, &read.diagnostics);
    let has_errors = read.diagnostics.has_errors();
    Ok(Input { name, schema: read.schema, has_errors, reports, files: vec![path.to_owned()] })
}

/// Reads a JSON document that stands beside a schema, and says what is wrong with it.
pub(crate) fn aside<T>(
    path: &Path,
    read: impl FnOnce(&str) -> (Option<T>, Diagnostics),
) -> Result<(T, Source), Stop> {
    let source = source::read(path, json::MAX_BYTES)?;
    match read(&source.text) {
        (Some(done), _) => Ok((done, source)),
        (None, diagnostics) => Err(refused(&source, &diagnostics)),
    }
}

/// What is wrong with a JSON document.
pub(crate) fn refused(source: &Source, diagnostics: &Diagnostics) -> Stop {
    let located = json::locate(&source.text, diagnostics);
    Stop { exit: Exit::CannotRun, reports: reports(&[source], &located, diagnostics) }
}

fn read_rust(path: &Path) -> Result<Input, Stop> {
    let source = source::read(path, rust::file::MAX_BYTES)?;
    let mut files = RustFiles::new(path);
    let mut read = rust::file::read_with(&source.text, &mut |wanted| files.load(wanted));
    let texts = files.paths().iter().zip(&read.texts);
    let sources: Vec<Source> = texts
        .map(|(path, text)| Source { name: path.display().to_string(), text: text.clone() })
        .collect();
    let schema = read.schema.take();
    let reports = reports(&sources.iter().collect::<Vec<_>>(), &read.locate(), &read.diagnostics);
    let files = files.paths().iter().chain(files.missing()).cloned().collect();
    Ok(Input {
        name: source.name,
        schema,
        has_errors: read.diagnostics.has_errors(),
        reports,
        files,
    })
}

/// One report for each file, in the order in which they were read.
fn reports(sources: &[&Source], all: &[Located<'_>], diagnostics: &Diagnostics) -> Vec<Report> {
    let mut reports = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let here = all.iter().filter(|located| located.location.file == file);
        let findings: Vec<Finding> = here.map(|located| finding(located, sources)).collect();
        if !findings.is_empty() {
            let source = Source { name: source.name.clone(), text: source.text.clone() };
            reports.push(Report::within(source, findings));
        }
    }
    if let Some(first) = reports.first_mut() {
        first.dropped = diagnostics.dropped();
    }
    reports
}

fn finding(located: &Located<'_>, sources: &[&Source]) -> Finding {
    let home = located.location.file;
    let spot = |place: &Location| {
        let elsewhere = sources.get(place.file).filter(|_| place.file != home);
        Spot {
            range: place.range.clone(),
            line: place.line,
            column: place.column,
            // Only JSON has pointers, and the empty one means its whole document.
            pointer: is_json(sources, place.file).then(|| place.pointer.clone()),
            file: elsewhere.map(|source| source.name.clone()),
        }
    };
    Finding {
        code: located.diagnostic.code.as_str(),
        severity: located.diagnostic.code.severity(),
        message: located.diagnostic.message.clone(),
        spot: Some(spot(&located.location)),
        also: located.also.iter().map(|(place, what)| (spot(place), (*what).to_owned())).collect(),
        help: located.diagnostic.help.clone(),
    }
}

fn is_json(sources: &[&Source], file: usize) -> bool {
    sources.get(file).is_some_and(|source| !is_rust(Path::new(&source.name)))
}
