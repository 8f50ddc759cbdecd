//! `ablo generate`: generates files from a schema.
//!
//! Files are written after every emitter has succeeded, so an error leaves all files unchanged.

use crate::args::GenerateArgs;
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::input::{self, Input};
use crate::outcome::{Generated, GeneratedFile, Outcome};
use crate::settings::{self, Settings};
use ablo_codegen::Files;
use ablo_codegen::write::{FileChange, Folder, WriteError, WritePlan};
use ablo_schema::select::{SelectError, select};
use ablo_schema::{Hashes, Schema};
use std::borrow::Cow;

pub(crate) fn run(args: &GenerateArgs) -> Result<Outcome, Failure> {
    let mut settings = settings::resolve(args)?;
    let input = input::read(&settings.schema.path, &settings.schema.read)?;
    from(input, &mut settings, args)
}

/// Generates files from an input.
pub(crate) fn from(
    mut input: Input,
    settings: &mut Settings,
    args: &GenerateArgs,
) -> Result<Outcome, Failure> {
    let schema = input.schema()?;
    let hashes = Hashes::of(&schema);
    let subset = narrow(&schema, settings)?;
    let mut files = Files::default();
    let emitted = ablo_codegen::Input::new(&subset, &hashes);
    for run in &settings.runs {
        run.emit.emit(&emitted, &mut files);
    }
    if args.gitattributes {
        files.add_git_attributes();
    }
    let folders: Vec<Folder> = settings.runs.iter().map(|run| run.folder.clone()).collect();
    let plan = WritePlan::new(&folders, &files).map_err(write_failure)?;
    let generated = generated(&input.name, subset.models().len(), args.check, &plan);
    let mut outcome = Outcome::text(String::new());
    if !args.check {
        plan.apply().map_err(|error| write_failure(vec![error]))?;
    } else if plan.is_stale() {
        outcome.exit = Exit::Errors;
    }
    outcome.generated = Some(generated);
    outcome.reports = input.reports;
    if !args.watch {
        // The process exits next, so freeing these would only take time.
        std::mem::forget((emitted, files));
        std::mem::forget(subset);
        std::mem::forget(schema);
    }
    Ok(outcome)
}

fn generated(schema: &str, models: usize, check: bool, plan: &WritePlan<'_>) -> Generated {
    let file = |change: &FileChange<'_>| GeneratedFile {
        target: change.prefix,
        path: change.path.clone(),
        kind: change.kind,
    };
    let files = plan.changes().iter().map(file).collect();
    Generated { schema: schema.to_owned(), models, check, files }
}

/// Returns the schema with only the selected models.
fn narrow<'s>(schema: &'s Schema, settings: &mut Settings) -> Result<Cow<'s, Schema>, Failure> {
    let Some(models) = &settings.models else { return Ok(Cow::Borrowed(schema)) };
    let keys: Vec<&str> = models.iter().map(|key| key.value.as_str()).collect();
    let finding = |error: SelectError| {
        let finding = Finding::new(error.code(), error.to_string()).help(Some(error.help()));
        let name = match &error {
            SelectError::UnknownModel { key, .. } => key,
            SelectError::ParentLeaves { model, .. } => model.as_str(),
            _ => "",
        };
        let location = models
            .iter()
            .find(|setting| setting.value == name)
            .and_then(|setting| setting.location.clone());
        Finding { location, ..finding }
    };
    let subset = select(schema, &keys).map_err(|errors| errors.into_iter().map(finding).collect());
    subset.map(Cow::Owned).map_err(|findings| settings::failure(settings.config.take(), findings))
}

fn write_failure(errors: Vec<WriteError>) -> Failure {
    let report = |error: WriteError| {
        let code = match error {
            WriteError::NotOurs(_) => codes::OUTPUT_NOT_OURS,
            WriteError::NotAFile(_) => codes::OUTPUT_NOT_A_FILE,
            WriteError::NotAFolder(_) => codes::OUTPUT_NOT_A_FOLDER,
            WriteError::Io { .. } => codes::OUTPUT_REFUSED,
        };
        Report::about(Some(error.path()), vec![Finding::new(code, error.to_string())])
    };
    Failure { exit: Exit::CannotRun, reports: errors.into_iter().map(report).collect() }
}
