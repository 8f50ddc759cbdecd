//! Habits as commands: `cargo xtask <habit>`.
//!
//! Each habit is a list of steps; the first that fails ends it, and its name is said. Nothing of the product may be
//! here.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks")]

mod errors_doc;
mod expansion;
mod setup;
mod step;

use std::process::ExitCode;
use step::{Step, cargo};

const HELP: &str = "\
cargo xtask <habit>

  check            format, clippy and docs, all warnings denied
  setup            install what the judges stand on: PostgreSQL, Node.js, Python
  test             setup, check and every test: what CI runs
  bless            accept the snapshots, rebuild docs/reference/errors.md, then run the tests without updating
  codes [--check]  rebuild docs/reference/errors.md, or say that it is stale
  bench            the benches; figures go to docs/design/performance.md
  expansion        what the derives cost beside serde's and prost's
  long             property tests at length, judges over generated schemas, ten minutes of fuzzing for each decoder and front
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["check"] => step::run_all(check()),
        ["setup"] => setup::run(),
        ["test"] => {
            setup::run().and_then(|()| step::run_all(check())).and_then(|()| step::run_all(test()))
        }
        ["bless"] => step::run_all(accept())
            .and_then(|()| errors_doc::write())
            .and_then(|()| step::run_all(test())),
        ["codes"] => errors_doc::write(),
        ["codes", "--check"] => errors_doc::check(),
        ["bench"] => step::run_all(bench()),
        ["expansion"] => expansion::run(),
        ["long"] => setup::run().and_then(|()| step::run_all(long())),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("no such habit\n\n{HELP}")),
    };
    match done {
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
        cargo("the weather service's files", &fresh),
    ];
    if setup::has_wasm() {
        steps.push(cargo(
            "the runtime in browsers",
            &["check", "--package", "ablo", "--locked", "--target", setup::WASM],
        ));
    } else {
        println!(
            "NOT CHECKED: the runtime in browsers; `rustup target add {}` failed",
            setup::WASM
        );
    }
    steps
}

fn test() -> Vec<Step> {
    vec![cargo("tests", &["test", "--workspace", "--locked"]).with("INSTA_UPDATE", "no")]
}

fn bench() -> Vec<Step> {
    vec![
        cargo("benches of the compiler", &["bench", "--package", "ablo-tests"]),
        cargo(
            "delta codecs beside their peers",
            &["run", "--release", "--manifest-path", "benches/Cargo.toml"],
        ),
    ]
}

fn accept() -> Vec<Step> {
    vec![
        cargo("accept snapshots", &["test", "--workspace", "--no-fail-fast"])
            .with("INSTA_UPDATE", "always"),
    ]
}

fn at_length(test: &'static str) -> [&'static str; 6] {
    ["test", "--release", "--package", "ablo-tests", "--test", test]
}

fn long() -> Vec<Step> {
    let properties = ["test", "--release", "--package", "ablo-tests", "--test", "properties"];
    let judged =
        ["test", "--release", "--package", "ablo-tests", "--test", "judged", "--", "--nocapture"];
    let fuzz =
        |target| ["+nightly", "fuzz", "run", target, "--", "-max_total_time=600", "-max_len=4096"];
    vec![
        cargo("property tests at length", &properties).with("PROPTEST_CASES", "20000"),
        cargo("judges over generated schemas", &judged).with("ABLO_LONG", "1"),
        cargo("migrations of generated pairs on PostgreSQL", &at_length("postgres_migrate"))
            .with("PROPTEST_CASES", "2000"),
        cargo("migrations of generated pairs on SQLite", &at_length("sqlite_migrate"))
            .with("ABLO_LONG", "1"),
        cargo("a server killed between any two statements", &at_length("migrate_faults"))
            .with("ABLO_LONG", "1"),
        cargo("random histories of the coordinator", &at_length("server_model"))
            .with("ABLO_LONG", "1"),
        cargo("every operation as documented", &at_length("server_openapi")).with("ABLO_LONG", "1"),
        cargo(
            "a coordinator and a data source that are killed",
            &["test", "--release", "--package", "ablo-cli", "--test", "data_source"],
        )
        .with("ABLO_LONG", "1"),
        cargo("deltas in TypeScript as Rust writes them", &at_length("typescript_client"))
            .with("ABLO_LONG", "1"),
        cargo("fuzzing the JSON front", &fuzz("json_front")),
        cargo("fuzzing the Rust front", &fuzz("rust_front")),
        cargo("fuzzing deltas in JSON", &fuzz("delta_json")),
        cargo("fuzzing deltas in binary", &fuzz("delta_binary")),
    ]
}
