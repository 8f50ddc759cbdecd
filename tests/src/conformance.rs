//! Schemathesis: a program by others that reads an OpenAPI document and asks its server everything that the document allows, and
//! things that it does not.

use crate::python::venv;
use std::process::Command;

/// What it holds a server to. That every valid request is accepted is none of it, as a cursor may be another list's, nor that every
/// other is refused, as `null` stands for what is left out, and `-1` for 0.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,missing_required_header,unsupported_method,use_after_free,ignored_auth";

/// Asks a server for everything in a document, and gives what is not as the document says.
///
/// # Panics
/// When it cannot be installed or run.
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
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {
            assert!(said.contains("generated"), "it asked for nothing: {said}");
            None
        }
        Some(1) if said.contains("Failures:") => Some(said),
        _ => panic!("{said}{}", String::from_utf8_lossy(&output.stderr)),
    }
}
