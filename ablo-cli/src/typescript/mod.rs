//! Runs a schema in TypeScript with the project's own Node.js.

use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report};
use ablo_schema::front::json;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Reports whether a path names a file that Node.js runs.
pub(crate) fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| matches!(it, "ts" | "mts" | "cts" | "js" | "mjs" | "cjs"))
}

/// A program that was run.
pub(crate) struct Program {
    /// The document that it exports, on lines.
    pub(crate) document: Result<String, Failure>,
    /// The files that it imports, itself included, and missing ones.
    pub(crate) files: Vec<PathBuf>,
}

/// The output of `run.mjs`.
#[derive(Default, Deserialize)]
struct Printed {
    files: Vec<PathBuf>,
    document: Option<String>,
}

/// Runs a program, if it can be read and Node.js started.
pub(crate) fn run(path: &Path) -> Result<Program, Failure> {
    let name = path.display();
    let unreadable =
        |error| failure(path, codes::SOURCE_UNREADABLE, format!("cannot read `{name}`: {error}"));
    let file = path.canonicalize().map_err(unreadable)?;
    let mut node = Command::new("node");
    node.args(["--no-warnings", "--input-type=module", "--eval", include_str!("run.mjs")]);
    node.arg("--").arg(&file).arg(include_str!("hooks.mjs"));
    node.current_dir(file.parent().unwrap_or(Path::new(".")));
    let output = node.output().map_err(|error| {
        failure(path, codes::TYPESCRIPT_NO_NODE, format!("cannot run `node`: {error}"))
    })?;
    let printed: Printed = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let document = match printed.document.filter(|_| output.status.success()) {
        Some(text) => Ok(json::format(&text).unwrap_or(text)),
        None => Err(refusal(path, &output)),
    };
    Ok(Program { document, files: printed.files })
}

/// Returns why there is no document.
fn refusal(path: &Path, output: &Output) -> Failure {
    let name = path.display();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ablo: no compiler") {
        let message = format!("`{name}` cannot be compiled");
        return failure(path, codes::TYPESCRIPT_NO_COMPILER, message);
    }
    if errors.contains("ablo: no schema") {
        let message = format!("`{name}` exports no schema");
        return failure(path, codes::TYPESCRIPT_NO_SCHEMA, message);
    }
    let message = format!("`{name}` failed:\n{}", errors.trim_end());
    failure(path, codes::TYPESCRIPT_FAILED, message)
}

fn failure(path: &Path, code: Code, message: String) -> Failure {
    let finding = Finding::new(code, message);
    Failure::new(Exit::CannotRun, Report::about(Some(path), vec![finding]))
}
