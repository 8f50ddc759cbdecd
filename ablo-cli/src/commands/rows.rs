//! `ablo import` and `ablo export`: the rows of a model in bulk.

use super::hosting::{failure, sqlite_path, store_failure, system_failure};
use crate::args::Format;
use crate::args::rows::{ExportArgs, ImportArgs, RowsArgs, RowsFormat};
use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report, did_you_mean};
use crate::outcome::{Outcome, counted};
use crate::rows_file::{self, Cells, FileRow, Writer};
use crate::{database, render};
use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_migrate::{Dialect, IfMissing, dialect_of};
use ablo_schema::front::json;
use ablo_server::{
    ApiError, Bulk, DbPath, EngineError, ImportReport, ImportRow, Postgres, Sqlite, Store,
};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The number of rows in one transaction.
const SET: usize = 1000;
/// The number of rows after which the progress is printed.
const PROGRESS: usize = 100_000;
/// The maximum number of rows that are reported.
const MAX_FINDINGS: usize = 100;

pub(super) fn import(args: &ImportArgs) -> Result<Outcome, Failure> {
    let format = format(&args.rows, Some(&args.file))?;
    let bulk = open(&args.rows, &args.model, true)?;
    let cells = Cells { fields: bulk.fields(), null: args.rows.null.clone() };
    let (path, runtime, faults) = (args.file.as_path(), runtime()?, Faults::default());
    let mut import = Import { path, format, cells, bulk, runtime, faults };
    let total = import.check()?;
    if !import.faults.findings.is_empty() {
        return Ok(import.faults.outcome(&args.file, "nothing was imported"));
    }
    let report = import.run(total)?;
    let mut remark = format!(
        "imported {} into {}; {} existed",
        counted(report.inserted, "row"),
        import.bulk.key(),
        counted(report.present, "row")
    );
    if !import.faults.findings.is_empty() {
        return Ok(import.faults.outcome(&args.file, &remark));
    }
    remark.push('\n');
    Ok(Outcome { remark, ..Outcome::text(String::new()) })
}

/// The findings about rows, of which only the first ones are kept.
#[derive(Default)]
struct Faults {
    findings: Vec<Finding>,
    dropped: usize,
}

impl Faults {
    fn add(&mut self, code: Code, line: u64, reason: &str) {
        if self.findings.len() == MAX_FINDINGS {
            self.dropped += 1;
            return;
        }
        self.findings.push(Finding::new(code, format!("line {line}: {reason}")));
    }

    fn outcome(self, file: &Path, remark: &str) -> Outcome {
        render::note(remark, Format::Human);
        let mut report = Report::about(Some(file), self.findings);
        report.dropped = self.dropped;
        Outcome { exit: Exit::Errors, reports: vec![report], ..Outcome::text(String::new()) }
    }
}

/// An import of one file.
struct Import<'i> {
    path: &'i Path,
    format: RowsFormat,
    cells: Cells,
    bulk: Bulk,
    runtime: Runtime,
    faults: Faults,
}

impl Import<'_> {
    /// Reads the file, until `take` returns false.
    fn read(&self, take: impl FnMut(FileRow) -> bool) -> Result<(), Failure> {
        let file = File::open(self.path).map_err(|error| file_failure(self.path, &error))?;
        rows_file::read(file, self.format, &self.cells, take)
            .map_err(|error| file_failure(self.path, &error))
    }

    fn parse(&self, row: Result<String, String>) -> Result<ImportRow, String> {
        self.bulk.parse(&row?).map_err(|refusal| self.explain(&refusal))
    }

    /// Returns the message of a refusal, with the field that was probably meant.
    fn explain(&self, refusal: &ApiError) -> String {
        let envelope = refusal.envelope();
        let members = self.cells.fields.iter().map(|field| field.member.as_str());
        let unknown = envelope.param.as_deref().filter(|_| refusal.code() == "invalid_request");
        match unknown.and_then(|unknown| did_you_mean(unknown, members)) {
            Some(suggestion) => format!("{}; {suggestion}", envelope.message),
            None => envelope.message.clone(),
        }
    }

    /// Checks all rows. Returns their number.
    fn check(&mut self) -> Result<usize, Failure> {
        let (mut faults, mut total) = (Faults::default(), 0);
        self.read(|(line, row)| {
            total += 1;
            if let Err(reason) = self.parse(row) {
                faults.add(codes::IMPORT_INVALID, line, &reason);
            }
            true
        })?;
        self.faults = faults;
        Ok(total)
    }

    /// Writes all rows, in sets.
    fn run(&mut self, total: usize) -> Result<ImportReport, Failure> {
        let (mut faults, mut all) = (Faults::default(), ImportReport::default());
        let (mut result, mut done) = (Ok(()), 0);
        let mut set: Vec<(u64, ImportRow)> = Vec::with_capacity(SET);
        self.read(|(line, row)| {
            match self.parse(row) {
                Ok(row) => set.push((line, row)),
                // The file has changed since it was checked.
                Err(reason) => faults.add(codes::IMPORT_INVALID, line, &reason),
            }
            if set.len() == SET {
                done += SET;
                result = self.write(std::mem::take(&mut set), &mut all, &mut faults);
                if done.is_multiple_of(PROGRESS) {
                    render::note(&format!("{done} of {total} rows"), Format::Human);
                }
            }
            result.is_ok()
        })?;
        result?;
        self.write(set, &mut all, &mut faults)?;
        self.faults = faults;
        Ok(all)
    }

    fn write(
        &self,
        set: Vec<(u64, ImportRow)>,
        all: &mut ImportReport,
        faults: &mut Faults,
    ) -> Result<(), Failure> {
        let (lines, rows): (Vec<u64>, Vec<ImportRow>) = set.into_iter().unzip();
        let report = self.runtime.block_on(self.bulk.import(rows));
        let report = report.map_err(|error| failed(&error))?;
        all.inserted += report.inserted;
        all.present += report.present;
        for (at, refusal) in report.refused {
            let line = lines.get(at).copied().unwrap_or_default();
            faults.add(codes::IMPORT_REFUSED, line, &refusal.envelope().message);
        }
        Ok(())
    }
}

pub(super) fn export(args: &ExportArgs) -> Result<Outcome, Failure> {
    let format = format(&args.rows, args.out.as_deref())?;
    let bulk = open(&args.rows, &args.model, false)?;
    let Some(path) = &args.out else {
        let stdout = std::io::stdout().lock();
        write_rows(&bulk, stdout, format, &args.rows.null, Path::new("standard output"))?;
        return Ok(Outcome::text(String::new()));
    };
    let file = File::create_new(path).map_err(|error| file_failure(path, &error))?;
    let written = write_rows(&bulk, &file, format, &args.rows.null, path);
    let number = written.inspect_err(|_| {
        // A part of the rows must not look like all of them.
        let _ = std::fs::remove_file(path);
    })?;
    let remark = format!("exported {} of {}\n", counted(number, "row"), bulk.key());
    Ok(Outcome { remark, ..Outcome::text(String::new()) })
}

/// Writes all rows. Returns their number.
fn write_rows(
    bulk: &Bulk,
    out: impl Write,
    format: RowsFormat,
    null: &str,
    path: &Path,
) -> Result<usize, Failure> {
    let file_failure = |error: std::io::Error| file_failure(path, &error);
    let cells = Cells { fields: bulk.fields(), null: null.to_owned() };
    let out = BufWriter::with_capacity(1 << 16, out);
    let mut writer = Writer::new(out, format, cells).map_err(file_failure)?;
    let (runtime, mut cursor, mut number) = (runtime()?, None, 0);
    loop {
        let page = runtime.block_on(bulk.page(cursor, SET as u64));
        let (rows, next) = page.map_err(|error| failed(&error))?;
        for row in &rows {
            if let Some(field) = writer.write(row).map_err(file_failure)? {
                let message = format!("a value of `{field}` is the text that stands for null");
                return Err(failure(codes::EXPORT_AMBIGUOUS, message));
            }
        }
        number += rows.len();
        cursor = next;
        if cursor.is_none() {
            writer.finish().map_err(file_failure)?;
            return Ok(number);
        }
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| system_failure(&error))
}

fn format(args: &RowsArgs, path: Option<&Path>) -> Result<RowsFormat, Failure> {
    let Some(path) = path else { return Ok(args.format.unwrap_or(RowsFormat::Jsonl)) };
    args.format.or_else(|| RowsFormat::of(path)).ok_or_else(|| {
        let message = format!("the ending of `{}` names no form of rows", path.display());
        failure(codes::ROWS_FORMAT, message)
    })
}

/// Opens the rows of a model, with the schema that was applied to the database last.
fn open(args: &RowsArgs, model: &str, writes: bool) -> Result<Bulk, Failure> {
    let address = database::address(args.database_url.as_deref())?;
    let mut session = database::connect(&address, "public", IfMissing::Fail)?;
    let ledger = session.ledger().map_err(|error| database::failure(&error))?;
    drop(session);
    let last = ledger.last().map(|entry| &entry.record);
    let schema = last.and_then(|record| json::read(&record.schema).schema);
    let Some(schema) = schema else {
        return Err(failure(codes::ROWS_NO_SCHEMA, "no schema was applied to the database"));
    };
    let options = PostgresOptions::default();
    let store = match dialect_of(&address) {
        Dialect::Sqlite => {
            let path = DbPath::File(sqlite_path(&address));
            let opened = match writes {
                true => Sqlite::open(&path, &schema),
                false => Sqlite::open_beside(&path, &schema),
            };
            opened.map(|store| Arc::new(store) as Arc<dyn Store>)
        }
        // The tables exist as the ledger says.
        Dialect::Postgres => Postgres::open_existing(&address, &options)
            .map(|store| Arc::new(store) as Arc<dyn Store>),
    };
    let store = store.map_err(|error| store_failure(&error))?;
    let is_adopted = last.is_some_and(|record| !record.accepted.is_empty());
    let bulk = match is_adopted {
        true => Bulk::over_existing(&schema, store, &args.organization, model),
        false => Bulk::new(&schema, store, &args.organization, model).map_err(EngineError::from),
    };
    bulk.map_err(|error| {
        if let EngineError::Store(error) = &error {
            return store_failure(error);
        }
        let keys = schema.models().iter().map(|model| model.key.as_str());
        let finding = Finding::new(
            codes::ROWS_UNKNOWN_MODEL,
            format!("the schema of the database has no model `{model}`"),
        );
        let finding = finding.help(did_you_mean(model, keys));
        Failure::new(Exit::CannotRun, Report::about(None, vec![finding]))
    })
}

fn failed(error: &EngineError) -> Failure {
    match error {
        EngineError::Refused(refusal) => {
            failure(codes::IMPORT_REFUSED, refusal.envelope().message.clone())
        }
        EngineError::Store(error) => store_failure(error),
    }
}

fn file_failure(path: &Path, error: &std::io::Error) -> Failure {
    failure(codes::ROWS_FILE, format!("`{}`: {error}", path.display()))
}
