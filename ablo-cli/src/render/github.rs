//! Renders findings as GitHub workflow commands, one per line:
//! `::error file=…,line=…,col=…,title=…::message`.

use crate::codes;
use crate::finding::{Finding, Report};
use crate::outcome::{Generated, Outcome};
use std::fmt::Write;

pub(super) fn print(outcome: &Outcome) -> String {
    let mut out = String::new();
    for report in &outcome.reports {
        for finding in &report.findings {
            command(&mut out, report, finding);
        }
    }
    if let Some(generated) = outcome.generated.as_ref().filter(|generated| generated.check) {
        stale(&mut out, generated);
    }
    out
}

/// Renders stale files as findings, so that GitHub shows them at the files.
fn stale(out: &mut String, generated: &Generated) {
    for (word, file) in generated.stale() {
        let finding = Finding::new(codes::OUTPUT_STALE, format!("this generated file {word}"));
        command(out, &Report::about(Some(&file.path), Vec::new()), &finding);
    }
}

fn command(out: &mut String, report: &Report, finding: &Finding) {
    let mut properties = Vec::new();
    if let Some(file) = &report.file {
        properties.push(format!("file={}", property(file)));
    }
    if let Some(location) = &finding.location {
        let (line, column) = (location.line, location.column);
        let (end_line, end_column) = (location.end_line, location.end_column);
        properties
            .push(format!("line={line},col={column},endLine={end_line},endColumn={end_column}"));
    }
    properties.push(format!("title={}", property(finding.code)));
    let help = finding.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let message = data(&format!("{}{help}", finding.message));
    // Writing to a `String` cannot fail.
    let _ = writeln!(out, "::{} {}::{message}", finding.severity.as_str(), properties.join(","));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
