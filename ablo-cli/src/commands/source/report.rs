//! Reports of the conformance kit: text, JSON and JUnit XML.

use crate::outcome::counted;
use ablo_server::kit::Outcome;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;
use std::fmt::Write as _;

fn failed(checked: &[Outcome]) -> usize {
    checked.iter().filter(|check| check.result.is_err()).count()
}

fn skipped(checked: &[Outcome]) -> usize {
    checked.iter().filter(|check| check.skipped.is_some()).count()
}

/// Returns one line per check and a summary. The reasons of failures are printed as findings.
pub(super) fn human(model: &str, checked: &[Outcome]) -> String {
    let mut out = String::new();
    for check in checked {
        // Writing to a `String` cannot fail.
        let _ = match (&check.result, check.skipped) {
            (_, Some(why)) => writeln!(out, "skip  {}: {why}", check.name),
            (Ok(()), None) => writeln!(out, "ok    {} ({} ms)", check.name, check.took.as_millis()),
            (Err(_), None) => writeln!(out, "FAIL  {} ({} ms)", check.name, check.took.as_millis()),
        };
    }
    let (failed, skipped) = (failed(checked), skipped(checked));
    let passed = checked.len() - failed - skipped;
    let _ = writeln!(
        out,
        "{} of `{model}`: {passed} passed, {failed} failed, {skipped} skipped",
        counted(checked.len(), "check")
    );
    out
}

/// Returns one JSON object and a newline.
pub(super) fn json(model: &str, checked: &[Outcome]) -> String {
    let each: Vec<_> = checked
        .iter()
        .map(|check| {
            let status = match (&check.result, check.skipped) {
                (_, Some(_)) => "skipped",
                (Ok(()), None) => "passed",
                (Err(_), None) => "failed",
            };
            let why = check.result.as_ref().err().map(String::as_str).or(check.skipped);
            json!({
                "name": check.name, "status": status, "message": why,
                "milliseconds": check.took.as_millis(),
            })
        })
        .collect();
    let (failed, skipped) = (failed(checked), skipped(checked));
    let passed = checked.len() - failed - skipped;
    let all = json!({
        "model": model, "passed": passed, "failed": failed, "skipped": skipped, "checks": each,
    });
    all.to_string() + "\n"
}

/// Returns JUnit XML.
pub(super) fn junit(model: &str, checked: &[Outcome]) -> Result<String, String> {
    let mut suite = TestSuite::new(format!("ablo source test {model}"));
    for check in checked {
        let status = match (&check.result, check.skipped) {
            (_, Some(why)) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(why);
                status
            }
            (Ok(()), None) => TestCaseStatus::success(),
            (Err(why), None) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(why.as_str());
                status
            }
        };
        let mut case = TestCase::new(check.name, status);
        case.set_classname(model).set_time(check.took);
        suite.add_test_case(case);
    }
    let mut report = Report::new("ablo source test");
    report.add_test_suite(suite);
    report.to_string().map_err(|error| error.to_string())
}
