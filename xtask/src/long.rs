//! `cargo xtask long`: tests with many cases, in parts of at most an hour each.

use crate::setup;
use crate::step::{Step, cargo, root};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Instant;

/// A part, which runs by itself.
struct Part {
    name: &'static str,
    step: Step,
}

/// Runs all parts, one of them (`--part NAME`), or prints their names (`--list`).
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let parts = parts();
    let wanted: Vec<Part> = match arguments {
        [] => parts,
        ["--list"] => {
            parts.iter().for_each(|part| println!("{}", part.name));
            return Ok(());
        }
        ["--part", name] => {
            let found: Vec<Part> = parts.into_iter().filter(|part| part.name == *name).collect();
            if found.is_empty() {
                return Err(format!("no part `{name}`; `cargo xtask long --list` names them"));
            }
            found
        }
        _ => return Err("expected --part NAME or --list".to_owned()),
    };
    setup::run()?;
    let mut failed = Vec::new();
    for part in wanted {
        let began = Instant::now();
        let outcome = part.step.run();
        record(part.name, &outcome, began.elapsed().as_secs())?;
        failed.extend(outcome.err());
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// Appends commit, part, result and seconds to `target/long.tsv`.
fn record(part: &str, outcome: &Result<(), String>, seconds: u64) -> Result<(), String> {
    let commit = Step::new("commit", "git", &["describe", "--always", "--dirty"]).output()?;
    let result = if outcome.is_ok() { "passed" } else { "failed" };
    let line = format!("{}\t{part}\t{result}\t{seconds} s", commit.trim());
    println!("{line}");
    let path = root().join("target/long.tsv");
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| writeln!(file, "{line}")).map_err(|error| error.to_string())
}

/// Returns the tests of one module of a test binary of `ablo-tests`.
fn module(name: &'static str, about: &str, binary: &str, module: &str) -> Part {
    let arguments = [
        "test",
        "--profile",
        "long",
        "--package",
        "ablo-tests",
        "--test",
        binary,
        module,
        "--",
        "--nocapture",
    ];
    Part { name, step: cargo(about, &arguments) }
}

fn fuzz(target: &'static str, about: &str) -> Part {
    let (found, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    // The first folder receives what the fuzzer finds.
    std::fs::create_dir_all(root().join(&found)).unwrap_or_default();
    let mut arguments = vec!["+nightly", "fuzz", "run", target, &found];
    if root().join(&seeds).exists() {
        arguments.push(&seeds);
    }
    arguments.extend(["--", "-max_total_time=600", "-max_len=4096"]);
    Part { name: target, step: cargo(about, &arguments) }
}

/// Returns everything that uses PostgreSQL on the version in the name.
fn postgres(name: &'static str) -> Part {
    let version = name.trim_start_matches("postgres-");
    Part { name, step: cargo(name, &["xtask", "postgres", version]) }
}

impl Part {
    fn with(self, name: &str, value: &str) -> Self {
        Self { name: self.name, step: self.step.with(name, value) }
    }
}

fn parts() -> Vec<Part> {
    vec![
        module("properties", "property tests with many cases", "compiler", "properties::")
            .with("PROPTEST_CASES", "20000"),
        module("judges", "judges of generated schemas", "compiler", "judged::")
            .with("ABLO_LONG", "1"),
        module(
            "postgres-migrations",
            "migrations of generated pairs on PostgreSQL",
            "database",
            "postgres_migrate::",
        )
        .with("PROPTEST_CASES", "2000"),
        module(
            "sqlite-migrations",
            "migrations of generated pairs on SQLite",
            "database",
            "sqlite_migrate::",
        )
        .with("PROPTEST_CASES", "2000"),
        module(
            "migration-faults",
            "migrations with a server crash at every statement",
            "database",
            "migrate_faults::",
        )
        .with("ABLO_LONG", "1"),
        module(
            "migration-outages",
            "migrations with a full disk and a reading server at every statement",
            "database",
            "migrate_outages::",
        )
        .with("ABLO_LONG", "1"),
        module(
            "migrations",
            "migrations of a million rows beside writers",
            "database",
            "migrate_locks::",
        )
        .with("ABLO_LONG", "1"),
        module(
            "migration-constraints",
            "constraints on a million rows beside writers",
            "database",
            "migrate_constraints::",
        )
        .with("ABLO_LONG", "1"),
        module(
            "sqlite-versions",
            "generated SQL on the earliest SQLite that it is for",
            "database",
            "sqlite_versions::",
        )
        .with("ABLO_LONG", "1"),
        module("histories", "random histories of the coordinator", "coordinator", "model::")
            .with("ABLO_LONG", "1"),
        module("model", "all orders of steps of claims and writes", "coordinator", "exploration::")
            .with("ABLO_DEPTH", "8")
            .with("ABLO_WALKS", "600"),
        module("access", "random histories of rights", "coordinator", "access_histories::")
            .with("ABLO_HISTORIES", "100000"),
        module("transfers", "guarded transfers between accounts", "coordinator", "transfers::")
            .with("ABLO_TRANSFERS", "25000")
            .with("RUST_TEST_THREADS", "1"),
        module(
            "openapi",
            "HTTP operations against the OpenAPI document, and clients made from it",
            "coordinator",
            "openapi",
        )
        .with("ABLO_LONG", "1"),
        Part {
            name: "data-source-crashes",
            step: cargo(
                "crashes of a coordinator and a data source",
                &[
                    "test",
                    "--profile",
                    "long",
                    "--package",
                    "ablo-cli",
                    "--test",
                    "command",
                    "data_source::",
                ],
            )
            .with("ABLO_LONG", "1"),
        },
        module(
            "deltas",
            "deltas written by Rust, read in TypeScript",
            "clients",
            "typescript_client::",
        )
        .with("ABLO_LONG", "1"),
        module(
            "bundlers",
            "the TypeScript client in bundlers, test runners and runtimes",
            "clients",
            "bundlers::",
        )
        .with("ABLO_LONG", "1"),
        postgres("postgres-14"),
        postgres("postgres-15"),
        postgres("postgres-16"),
        postgres("postgres-17"),
        postgres("postgres-18"),
        fuzz("json_front", "fuzz the JSON front end"),
        fuzz("rust_front", "fuzz the Rust front end"),
        fuzz("delta_json", "fuzz the JSON delta decoder"),
        fuzz("delta_binary", "fuzz the binary delta decoder"),
        fuzz("http_bodies", "fuzz the bodies of HTTP requests"),
        fuzz("socket_frames", "fuzz the frames of sockets"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn parts_have_distinct_names() {
        let names: BTreeSet<&str> = parts().iter().map(|part| part.name).collect();
        assert_eq!(names.len(), parts().len());
    }
}
