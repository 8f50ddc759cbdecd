//! Endpoints of Data Sources in other languages, over HTTP: the generated handler in TypeScript, and the example in Python.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo::source::Remote;
use ablo::source::kit::{self, Subject};
use ablo_server::store::Postgres;
use ablo_tests::postgres::{Server, schema};
use ablo_tests::python::venv;
use ablo_tests::typescript::{Project, emit, program_schema, programs};
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KEY: &str = "sk_test_example";

/// A program that listens, and ends with this.
struct Program {
    child: Child,
    url: String,
    _input: ChildStdin,
    said: Arc<Mutex<String>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program that says where it listens, in the last number of a line.
fn start(command: &mut Command) -> Program {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let input = child.stdin.take().expect("a pipe");
    let (sender, port) = std::sync::mpsc::channel();
    let said = Arc::new(Mutex::new(String::new()));
    let outputs: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("a pipe")),
        Box::new(child.stderr.take().expect("a pipe")),
    ];
    for output in outputs {
        let (sender, said) = (sender.clone(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let digits = |text: &str| {
                    text.rsplit(':')
                        .next()
                        .map(|end| end.chars().take_while(char::is_ascii_digit).collect::<String>())
                };
                if let Some(port) = line
                    .strip_prefix("listening ")
                    .map(str::to_owned)
                    .or_else(|| line.contains("running on").then(|| digits(&line)).flatten())
                {
                    let _ = sender.send(port);
                }
                said.lock().expect("a text").push_str(&(line + "\n"));
            }
        });
    }
    let port = port
        .recv_timeout(Duration::from_secs(60))
        .unwrap_or_else(|_| panic!("{}", said.lock().expect("a text")));
    Program { child, url: format!("http://127.0.0.1:{port}/api/ablo/source"), _input: input, said }
}

async fn passes(program: &Program, subject: &Subject) {
    let remote = Remote::new(&program.url, Duration::from_secs(20)).expect("an address");
    let outcomes = kit::run(&remote, subject).await;
    assert!(outcomes.len() >= 23, "{} checks", outcomes.len());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            outcome.result.as_ref().err().map(|why| format!("{}: {why}", outcome.name))
        })
        .collect();
    assert!(failed.is_empty(), "{}\n{}", failed.join("\n"), program.said.lock().expect("a text"));
}

#[tokio::test]
async fn the_generated_handler_in_typescript_passes_the_kit() {
    let schema = schema(&program_schema());
    let database = std::thread::spawn(|| Server::shared().database()).join().expect("a database");
    drop(Postgres::open(&database.address(), &schema, &Default::default()).expect("tables"));
    let script = programs().join("out/source.js");
    let program = start(Command::new("node").arg(script).arg(database.address()));
    passes(&program, &Subject::of(KEY, &schema, Some("reports")).expect("a subject")).await;
}

#[tokio::test]
async fn the_example_in_python_passes_the_kit() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/source-python");
    let schema = schema(&std::fs::read_to_string(example.join("schema.json")).expect("a schema"));
    let room = tempfile::tempdir().expect("a folder");
    let mut uvicorn = Command::new(
        venv("source-python", "examples/source-python/requirements.txt").join("bin/uvicorn"),
    );
    uvicorn.args(["main:app", "--port", "0", "--app-dir"]).arg(&example).current_dir(room.path());
    uvicorn.env("ABLO_SOURCE_KEY", KEY).env("PYTHONDONTWRITEBYTECODE", "1");
    let program = start(&mut uvicorn);
    let mut subject = Subject::of(KEY, &schema, None).expect("a subject");
    // Only the endpoint puts rows away.
    subject.row.remove("archivedAt");
    passes(&program, &subject).await;
}

/// What docs/guide/data-sources.md shows, among the types of the web that frameworks bring.
#[test]
fn a_route_of_a_framework_is_a_few_lines() {
    let project = Project::new();
    let files = emit(&schema(&program_schema()), &[("source", true)]);
    files.iter().for_each(|(path, text)| project.write(&format!("generated/{path}"), text));
    let guide = include_str!("../../docs/guide/data-sources.md");
    let route =
        guide.split("```ts\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a program");
    project.write("route.ts", route);
    project.write(
        "tables.ts",
        "import type { Report, ReportCreate, ReportPatch } from \"./generated/typescript/models.js\";\n\
         import { postgresLedger, type Ledger, type Table } from \"./generated/typescript/source_handler.js\";\n\
         type Tx = { query(sql: string, values: readonly unknown[]): Promise<{ rows: { [column: string]: unknown }[] }> };\n\
         declare const begin: Ledger<Tx>[\"transaction\"];\n\
         export const ledger: Ledger<Tx> = postgresLedger(async (tx, sql, values) => (await tx.query(sql, values)).rows, begin);\n\
         export declare const reports: Table<Tx, Report, ReportCreate, ReportPatch>;\n",
    );
    project.write("env.d.ts", "declare const process: { env: { ABLO_SOURCE_KEY?: string } };\n");
    project.write(
        "use.ts",
        "import { POST } from \"./route.js\";\n\
         const route: (request: Request) => Promise<Response> = POST;\n\
         // @ts-expect-error: a table of another model is none of this one's.\n\
         import(\"./generated/typescript/source.js\").then(({ dataSource }) => dataSource({ key: \"k\", ledger: null!, models: { counters: (null! as typeof import(\"./tables.js\")).reports } }));\n\
         export default route;\n",
    );
    let _report = project.compile(&[
        "--noEmit",
        "--lib",
        "es2022,dom,dom.iterable",
        "--isolatedDeclarations",
        "false",
        "--declaration",
        "false",
    ]);
}
