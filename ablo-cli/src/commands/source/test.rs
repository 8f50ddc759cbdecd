//! `ablo source test`: the conformance kit over HTTP.

use super::{keys, refused, report, schema};
use crate::codes;
use crate::data_source::{ReportArg, ReportKind, TestArgs};
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use crate::{args::Format, commands::serve};
use ablo_server::kit::{self, Outcome as Checked, Remote, Subject};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(30);

pub(super) fn run(args: &TestArgs) -> Result<Outcome, Failure> {
    let subject = subject(args)?;
    let remote = Remote::new(&args.url, WITHIN).map_err(|error| refused(&error.to_string()))?;
    let mut checked = Vec::new();
    serve::run(async {
        // Where nobody answers, that is all there is to say.
        kit::reach(&remote)
            .await
            .map_err(|error| refused(&format!("nobody answers at the address: {error}")))?;
        checked = kit::run(&remote, &subject).await;
        Ok(())
    })?;
    for ReportArg { kind, path } in &args.reports {
        let text = match kind {
            ReportKind::Junit => {
                report::junit(&subject.model, &checked).map_err(|error| refused(&error))?
            }
            ReportKind::Json => report::json(&subject.model, &checked),
        };
        std::fs::write(path, text)
            .map_err(|error| refused(&format!("{}: {error}", path.display())))?;
    }
    Ok(outcome(args.input.format, &subject.model, &checked))
}

/// What is written about: as it was said, else made up from the schema.
fn subject(args: &TestArgs) -> Result<Subject, Failure> {
    let key = keys(None)?.swap_remove(0);
    let mut subject = match (&args.model, &args.row) {
        (Some(model), Some(row)) => {
            let row: Map<String, Value> = serde_json::from_str(row)
                .map_err(|error| refused(&format!("--row is no JSON object: {error}")))?;
            Subject::new(&key, model, row)
        }
        (model, _) => {
            let schema = schema(&args.input)?;
            let made = Subject::of(&key, &schema, model.as_deref());
            made.map_err(|why| {
                refused(&format!("{why}: say what a row is with --model and --row"))
            })?
        }
    };
    if let Some(text) = &args.text {
        subject.text.clone_from(text);
    }
    if !subject.row.get(&subject.text).is_some_and(Value::is_string) {
        return Err(refused("the row has no member of text that could be changed"));
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
    // One way out for all of them is said once.
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
