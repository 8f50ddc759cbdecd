//! `ablo source test`: the conformance kit over HTTP.

use super::super::hosting::{self, failure, source_keys};
use super::{report, schema};
use crate::args::Format;
use crate::args::source::{ReportArg, ReportKind, TestArgs};
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use ablo_server::kit::{self, Outcome as Checked, Remote, Subject};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a response may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn run(args: &TestArgs) -> Result<Outcome, Failure> {
    let subject = subject(args)?;
    let remote = Remote::new(&args.url, RESPONSE_TIMEOUT)
        .map_err(|error| failure(codes::DATA_SOURCE_INVALID_URL, error.to_string()))?;
    let mut checked = Vec::new();
    hosting::run(async {
        // An endpoint that does not respond would fail every check.
        kit::reach(&remote).await.map_err(|error| {
            let message = format!("no response from `{}`: {error}", args.url);
            failure(codes::DATA_SOURCE_UNREACHABLE, message)
        })?;
        checked = kit::run(&remote, &subject).await;
        Ok(())
    })?;
    for ReportArg { kind, path } in &args.reports {
        let unwritten = |error: String| {
            let message = format!("cannot write `{}`: {error}", path.display());
            failure(codes::OUTPUT_REFUSED, message)
        };
        let text = match kind {
            ReportKind::Junit => report::junit(&subject.model, &checked).map_err(unwritten)?,
            ReportKind::Json => report::json(&subject.model, &checked),
        };
        std::fs::write(path, text).map_err(|error| unwritten(error.to_string()))?;
    }
    Ok(outcome(args.input.format, &subject.model, &checked))
}

/// Returns the subject of the checks: the given row, else one that is derived from the schema.
fn subject(args: &TestArgs) -> Result<Subject, Failure> {
    let key = source_keys(None)?.swap_remove(0);
    let mut subject = match (&args.model, &args.row) {
        (Some(model), Some(row)) => {
            let row: Map<String, Value> = serde_json::from_str(row).map_err(|error| {
                let message = format!("`--row` is not a JSON object: {error}");
                failure(codes::DATA_SOURCE_INVALID_ROW, message)
            })?;
            Subject::new(&key, model, row)
        }
        (model, _) => {
            let schema = schema(&args.input)?;
            Subject::of(&key, &schema, model.as_deref())
                .map_err(|reason| failure(codes::DATA_SOURCE_NO_TEST_ROW, reason))?
        }
    };
    if let Some(text) = &args.text {
        subject.text.clone_from(text);
    }
    if !subject.row.get(&subject.text).is_some_and(Value::is_string) {
        let message = if subject.text.is_empty() {
            "the row has no string member".to_owned()
        } else {
            format!("the row has no string member `{}`", subject.text)
        };
        return Err(failure(codes::DATA_SOURCE_INVALID_ROW, message));
    }
    subject.organization.clone_from(&args.organization);
    subject.isolated &= !args.shared;
    subject.generated = args.generated_ids;
    subject.events = !args.no_events;
    Ok(subject)
}

fn outcome(format: Format, model: &str, checked: &[Checked]) -> Outcome {
    let mut findings: Vec<Finding> = checked
        .iter()
        .filter_map(|check| check.result.as_ref().err().map(|why| (check.name, why)))
        .map(|(name, why)| Finding {
            help: None,
            ..Finding::new(codes::DATA_SOURCE_FAILED, format!("{name}: {why}"))
        })
        .collect();
    // The help is the same for all, so only the last finding has it.
    if let Some(last) = findings.last_mut() {
        last.help = Some(codes::DATA_SOURCE_FAILED.fix.to_owned());
    }
    let exit = if findings.is_empty() { Exit::Clean } else { Exit::Errors };
    let text = match format {
        Format::Human => report::human(model, checked),
        Format::Json => report::json(model, checked),
        Format::Github => String::new(),
    };
    Outcome { exit, reports: vec![Report::about(None, findings)], ..Outcome::text(text) }
}
