//! Runs Schemathesis, which generates valid and invalid requests from an OpenAPI document and
//! checks the responses of the server.

use crate::python::venv;
use std::process::Command;

/// The enabled checks.
///
/// `positive_data_acceptance` is off because a valid cursor can belong to a different list.
/// `negative_data_rejection` is off because `null` counts as absent and `-1` as 0.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance,missing_required_header,\
    unsupported_method,use_after_free,ignored_auth";

/// Tests a server against its OpenAPI document. Returns the report if there are failures.
///
/// # Panics
/// Panics if Schemathesis cannot be installed or run.
#[must_use]
pub fn problems(document: &str, server: &str, key: &str, examples: u32) -> Option<String> {
    let venv = venv("http", "tests/judges/http/requirements.txt");
    let program = venv.join("bin/schemathesis");
    let output = Command::new(program)
        .args([
            "run",
            document,
            "--url",
            server,
            "--header",
            &format!("Authorization: Bearer {key}"),
        ])
        .args([
            "--checks",
            CHECKS,
            "--phases",
            "examples,coverage,fuzzing",
            "--seed",
            "1",
            "--no-color",
        ])
        .args([
            "--warnings",
            "off",
            "--generation-database",
            "none",
            "--max-examples",
            &examples.to_string(),
        ])
        .current_dir(&venv)
        .output()
        .expect("Schemathesis");
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {
            assert!(report.contains("generated"), "no requests were made: {report}");
            None
        }
        Some(1) if report.contains("Failures:") => Some(report),
        _ => panic!("{report}{}", String::from_utf8_lossy(&output.stderr)),
    }
}
