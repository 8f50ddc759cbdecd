//! Data source endpoints in other languages over HTTP: the generated TypeScript handler and the
//! Python example.
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

/// A server process that is killed on drop.
struct Program {
    child: Child,
    url: String,
    _input: ChildStdin,
    output: Arc<Mutex<String>>,
}

impl Drop for Program {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program and reads the port from its output.
fn start(command: &mut Command) -> Program {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let input = child.stdin.take().expect("the stream is piped");
    let (sender, port) = std::sync::mpsc::channel();
    let output = Arc::new(Mutex::new(String::new()));
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("the stream is piped")),
        Box::new(child.stderr.take().expect("the stream is piped")),
    ];
    for stream in streams {
        let (sender, output) = (sender.clone(), Arc::clone(&output));
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
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
                output.lock().expect("the lock is not poisoned").push_str(&(line + "\n"));
            }
        });
    }
    let port = port
        .recv_timeout(Duration::from_secs(60))
        .unwrap_or_else(|_| panic!("{}", output.lock().expect("the lock is not poisoned")));
    Program {
        child,
        url: format!("http://127.0.0.1:{port}/api/ablo/source"),
        _input: input,
        output,
    }
}

async fn assert_kit_passes(program: &Program, subject: &Subject) {
    let remote = Remote::new(&program.url, Duration::from_secs(20)).expect("a valid URL");
    let outcomes = kit::run(&remote, subject).await;
    assert!(outcomes.len() >= 23, "{} checks", outcomes.len());
    let failed: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| {
            outcome.result.as_ref().err().map(|why| format!("{}: {why}", outcome.name))
        })
        .collect();
    assert!(
        failed.is_empty(),
        "{}\n{}",
        failed.join("\n"),
        program.output.lock().expect("the lock is not poisoned")
    );
}

#[tokio::test]
async fn the_generated_typescript_handler_passes_the_kit() {
    let schema = schema(&program_schema());
    let database = std::thread::spawn(|| Server::shared().database())
        .join()
        .expect("the thread creates a database");
    drop(
        Postgres::open(&database.address(), &schema, &Default::default())
            .expect("the tables are created"),
    );
    let script = programs().join("out/source.js");
    let program = start(Command::new("node").arg(script).arg(database.address()));
    assert_kit_passes(
        &program,
        &Subject::of(KEY, &schema, Some("reports")).expect("the schema has the model"),
    )
    .await;
}

#[tokio::test]
async fn the_python_example_passes_the_kit() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/source-python");
    let schema =
        schema(&std::fs::read_to_string(example.join("schema.json")).expect("a valid schema"));
    let work_dir = tempfile::tempdir().expect("a temporary directory");
    let mut uvicorn = Command::new(
        venv("source-python", "examples/source-python/requirements.txt").join("bin/uvicorn"),
    );
    uvicorn
        .args(["main:app", "--port", "0", "--app-dir"])
        .arg(&example)
        .current_dir(work_dir.path());
    uvicorn.env("ABLO_SOURCE_KEY", KEY).env("PYTHONDONTWRITEBYTECODE", "1");
    let program = start(&mut uvicorn);
    let mut subject = Subject::of(KEY, &schema, None).expect("the schema has the model");
    // Only the endpoint sets `archivedAt`.
    subject.row.remove("archivedAt");
    assert_kit_passes(&program, &subject).await;
}

/// The route in docs/guide/data-sources.md compiles with the web types that frameworks use.
#[test]
fn the_documented_framework_route_compiles() {
    let project = Project::new();
    let files = emit(&schema(&program_schema()), &[("source", true)]);
    files.iter().for_each(|(path, text)| project.write(&format!("generated/{path}"), text));
    let guide = include_str!("../../../docs/guide/data-sources.md");
    let route = guide
        .split("```ts\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("the guide has a TypeScript example");
    project.write("route.ts", route);
    project.write(
        "tables.ts",
        "import type { Report, ReportCreate, ReportPatch } from \
         \"./generated/typescript/models.js\";\n\
         import { postgresLedger, type Ledger, type Table } from \
         \"./generated/typescript/source_handler.js\";\n\
         type Tx = { query(sql: string, values: readonly unknown[]): Promise<{ rows: { [column: \
         string]: unknown }[] }> };\n\
         declare const begin: Ledger<Tx>[\"transaction\"];\n\
         export const ledger: Ledger<Tx> = postgresLedger(async (tx, sql, values) => (await \
         tx.query(sql, values)).rows, begin);\n\
         export declare const reports: Table<Tx, Report, ReportCreate, ReportPatch>;\n",
    );
    project.write("env.d.ts", "declare const process: { env: { ABLO_SOURCE_KEY?: string } };\n");
    project.write(
        "use.ts",
        "import { POST } from \"./route.js\";\n\
         const route: (request: Request) => Promise<Response> = POST;\n\
         // @ts-expect-error: the table belongs to another model.\n\
         import(\"./generated/typescript/source.js\").then(({ dataSource }) => dataSource({ key: \
         \"k\", ledger: null!, models: { counters: (null! as typeof \
         import(\"./tables.js\")).reports } }));\n\
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
