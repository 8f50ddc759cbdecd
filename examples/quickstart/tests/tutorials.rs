//! The tutorials: their programs print what the pages show.

use ablo_tests::coordinator::Coordinator;
use ablo_tests::server::World;
use ablo_tests::typescript::{Project, emit_default};
use std::process::Command;
use std::sync::Arc;

#[path = "../src/schema.rs"]
#[allow(dead_code, reason = "only the schema is used")]
mod schema;

const RUST: &str = include_str!("../../../docs/tutorial/rust.md");
const TYPESCRIPT: &str = include_str!("../../../docs/tutorial/typescript.md");

/// The lines that a page shows as its program's output.
fn shown(page: &str) -> Vec<String> {
    let (_, rest) = page.split_once("<!-- output -->\n\n```text\n").expect("the page has output");
    let (output, _) = rest.split_once("```").expect("the block is closed");
    output.lines().map(str::to_owned).collect()
}

/// Runs a program with the address and key of a new coordinator, and returns the lines it prints.
async fn run(program: impl FnOnce() -> Command + Send + 'static) -> Vec<String> {
    let document = schema::App::SCHEMA.to_json().expect("the schema is valid");
    let world = World::sqlite(&document);
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let running = tokio::task::spawn_blocking(move || {
        let mut program = program();
        program.args([&url, &key]).env("ABLO_URL", &url).env("ABLO_KEY", &key);
        program.output().expect("the program starts")
    });
    let output = running.await.expect("the program ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_tutorial_prints_what_it_shows() {
    let printed = run(|| Command::new(env!("CARGO_BIN_EXE_quickstart"))).await;
    assert_eq!(printed, shown(RUST));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_of_the_readme_prints_what_it_shows() {
    let printed = run(|| Command::new(env!("CARGO_BIN_EXE_readme"))).await;
    assert_eq!(printed, [r#"Some("Rain.")"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_tutorial_prints_what_it_shows() {
    let document = schema::App::SCHEMA.to_json().expect("the schema is valid");
    let schema = ablo_schema::front::json::read(&document).schema.expect("the schema is valid");
    let project = Project::new();
    emit_default(&schema)
        .iter()
        .for_each(|(path, text)| project.write(&format!("generated/{path}"), text));
    project.write("main.ts", include_str!("../typescript/main.ts"));
    let _report = project.compile(&[
        "--outDir",
        "out",
        "--rootDir",
        ".",
        "--rewriteRelativeImportExtensions",
    ]);
    let script = project.path("out/main.js");
    let printed = run(move || {
        let mut node = Command::new("node");
        node.arg(script);
        node
    });
    assert_eq!(printed.await, shown(TYPESCRIPT));
}
