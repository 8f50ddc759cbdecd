//! Development tasks: `cargo xtask <command>`.
//!
//! A command is a list of steps that stops at the first failure. No product code depends on this
//! crate.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints its progress")]

mod book;
mod errors_doc;
mod expansion;
mod long;
mod pins;
mod postgres;
mod setup;
mod step;

use std::process::ExitCode;
use step::{Step, cargo};

const HELP: &str = "\
Development tasks of this repository

Usage: cargo xtask <COMMAND>

Commands:
  check      Check formatting, clippy, docs and dependencies; warnings are errors
  setup      Install the programs that checks and judges need: cargo-deny, PostgreSQL, Node.js,
             Python, Chromium
  test       Run setup, check and all tests, like CI
  bless      Accept all snapshots, rebuild generated pages, run the tests again
  codes      Rebuild docs/reference/errors.md; with --check, fail if it is stale
  book       Build the documentation as a book in target/book
  bench      Run all benchmarks; results go to docs/design/performance.md
  expansion  Measure the compile time of the derives compared with serde and prost
  long       Run property tests, judges and fault tests with many cases, and fuzz each decoder and
             front end for ten minutes; --part NAME runs one part, --list names them
  pins       Update the pinned versions of bundlers, runtimes and generators of clients
  postgres   Run everything that uses PostgreSQL on a version: `cargo xtask postgres 18`
  help       Print this help
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["check"] => setup::cargo_deny().and_then(|()| step::run_all(check())),
        ["setup"] => setup::run(),
        ["test"] => setup::run()
            .and_then(|()| step::run_all(check()))
            .and_then(|()| step::run_all(test()))
            .and_then(|()| postgres::oldest_and_newest()),
        ["bless"] => step::run_all(accept())
            .and_then(|()| errors_doc::write())
            .and_then(|()| step::run_all(test())),
        ["book"] => book::build(),
        ["codes"] => errors_doc::write(),
        ["codes", "--check"] => errors_doc::check(),
        ["bench"] => step::run_all(bench()),
        ["expansion"] => expansion::run(),
        ["pins"] => pins::update(),
        ["postgres", version] => postgres::all_tests(version),
        ["long", arguments @ ..] => long::run(arguments),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn check() -> Vec<Step> {
    let config = "examples/weather/ablo.toml";
    let fresh = [
        "run",
        "--quiet",
        "--package",
        "ablo-cli",
        "--",
        "generate",
        "--config",
        config,
        "--check",
    ];
    let mut steps = vec![
        cargo("format", &["fmt", "--all", "--check"]),
        cargo(
            "clippy",
            &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        ),
        cargo("docs", &["doc", "--workspace", "--no-deps", "--locked"])
            .with("RUSTDOCFLAGS", "-D warnings"),
        cargo("docs/reference/errors.md", &["xtask", "codes", "--check"]),
        cargo("generated files of the weather example", &fresh),
        // cargo-deny reads the packages of every platform.
        cargo("packages of dependencies", &["fetch", "--locked"]),
        cargo(
            "licenses, bans and sources of dependencies",
            &["deny", "--offline", "check", "licenses", "bans", "sources"],
        ),
    ];
    if setup::has_wasm() {
        steps.push(cargo(
            "the runtime for WebAssembly",
            &["check", "--package", "ablo", "--locked", "--target", setup::WASM],
        ));
    } else {
        println!(
            "skipped: the runtime for WebAssembly, because `rustup target add {}` failed",
            setup::WASM
        );
    }
    steps
}

fn test() -> Vec<Step> {
    let mut tests = cargo("tests", &["test", "--workspace", "--locked"]).with("INSTA_UPDATE", "no");
    if std::env::var_os("CI").is_some() {
        // A clean checkout is built once, so incremental data only costs time and gigabytes.
        tests = tests.with("CARGO_INCREMENTAL", "0");
    }
    vec![tests]
}

fn bench() -> Vec<Step> {
    vec![
        cargo("benchmarks of the compiler", &["bench", "--package", "ablo-tests"]),
        cargo(
            "delta codecs and their peers",
            &["run", "--release", "--manifest-path", "benches/Cargo.toml"],
        ),
    ]
}

fn accept() -> Vec<Step> {
    vec![
        cargo("accept snapshots", &["test", "--workspace", "--no-fail-fast"])
            .with("INSTA_UPDATE", "always")
            .with("ABLO_BLESS", "1"),
    ]
}
