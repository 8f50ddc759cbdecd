//! The instructions that a model takes, counted by valgrind: unlike times, they hardly differ
//! between runs.
#![cfg(all(feature = "openapi", feature = "postgres", feature = "typescript"))]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "a test fails loudly")]

#[allow(unreachable_pub, reason = "a module of another crate")]
#[path = "../../tests/src/synthetic.rs"]
mod synthetic;

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, front::json};
use serde_json::Map;
use std::process::Command;

/// The limit of a build for tests, from the text of a model to three targets: a twentieth more than
/// was counted. A release takes about a tenth. Raise it only for a reason.
const LIMIT: u64 = 2_900_000;

/// The number of models, in the environment of the process that is counted.
const MODELS: &str = "ABLO_TEST_MODELS";

#[test]
fn a_model_takes_few_instructions() {
    if let Some(models) = std::env::var(MODELS).ok().and_then(|models| models.parse().ok()) {
        return generate(models);
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        return eprintln!("skipped: valgrind is not installed (`cargo xtask setup` does so)");
    }
    let (few, many) = (10, 30);
    let each = (count(many) - count(few)) / (many - few) as u64;
    assert!(each <= LIMIT, "a model takes {each} instructions, more than {LIMIT}");
    assert!(each > LIMIT / 2, "a model takes {each} instructions: lower the limit of {LIMIT}");
}

/// Generates three targets, as the command does.
fn generate(models: usize) {
    let read = json::read_authored(&synthetic::document(models));
    let schema = read.schema.expect("the schema is valid");
    let hashes = Hashes::of(&schema);
    let (input, mut files) = (Input::new(&schema, &hashes), Files::default());
    for target in targets() {
        if ["openapi", "postgres", "typescript"].contains(&target.id()) {
            let emit = target.configure(&Map::new()).expect("the defaults are valid");
            emit.emit(&input, &mut files);
        }
    }
    assert!(files.get("openapi/openapi.json").is_some_and(|text| text.len() > models * 5000));
}

/// Returns the number of instructions of this program when it generates from a number of models.
fn count(models: usize) -> u64 {
    let program = std::env::current_exe().expect("this program has a path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--exact", "a_model_takes_few_instructions", "--test-threads=1"])
        .env(MODELS, models.to_string())
        .output()
        .expect("valgrind runs");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = collected.unwrap_or_else(|| panic!("no count in {report}"));
    number.trim().parse().expect("valgrind prints a number")
}
