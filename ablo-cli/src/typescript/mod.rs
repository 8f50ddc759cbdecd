//! Runs a schema in TypeScript with the project's own Node.js.

use crate::codes::{self, Code};
use crate::finding::{Exit, Failure, Finding, Report};
use ablo_schema::front::json;
use std::path::Path;
use std::process::Command;

/// Reports whether a path names a file that Node.js runs.
pub(crate) fn is_script(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| matches!(it, "ts" | "mts" | "cts" | "js" | "mjs" | "cjs"))
}

/// Returns the document that a file exports, on lines.
pub(crate) fn document(path: &Path) -> Result<String, Failure> {
    let failure = |code: Code, message: String| {
        let finding = Finding::new(code, message);
        Failure::new(Exit::CannotRun, Report::about(Some(path), vec![finding]))
    };
    let name = path.display();
    let unreadable =
        |error| failure(codes::SOURCE_UNREADABLE, format!("cannot read `{name}`: {error}"));
    let file = path.canonicalize().map_err(unreadable)?;
    let mut node = Command::new("node");
    node.args(["--no-warnings", "--input-type=module", "--eval", include_str!("run.mjs")]);
    node.arg("--").arg(&file).arg(include_str!("hooks.mjs"));
    node.current_dir(file.parent().unwrap_or(Path::new(".")));
    let output = node.output().map_err(|error| {
        failure(codes::TYPESCRIPT_NO_NODE, format!("cannot run `node`: {error}"))
    })?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        if errors.contains("ablo: no compiler") {
            let message = format!("`{name}` cannot be compiled");
            return Err(failure(codes::TYPESCRIPT_NO_COMPILER, message));
        }
        if errors.contains("ablo: no schema") {
            let message = format!("`{name}` exports no schema");
            return Err(failure(codes::TYPESCRIPT_NO_SCHEMA, message));
        }
        let message = format!("`{name}` failed:\n{}", errors.trim_end());
        return Err(failure(codes::TYPESCRIPT_FAILED, message));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(json::format(&text).unwrap_or(text))
}
