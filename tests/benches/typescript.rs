//! Benchmarks decoding deltas in TypeScript: the generated decoder compared with `JSON.parse`, zod
//! and msgpackr, in one run of Node.js. Rust writes both binary forms of the batch.
#![allow(clippy::print_stdout, reason = "a benchmark prints its results")]

use ablo::{Deltas, Naming};
use ablo_tests::typescript::{Project, emit};
use std::fs;
use std::path::Path;
use std::process::Command;

mod rows {
    use ablo::JsonValue as Value;

    ablo::define_schema! {
        pub schema Bench {
            #[ablo(key = "reports", mutable)]
            pub struct Report {
                pub title: String,
                #[ablo(default = "draft")]
                pub status: Status,
                pub body: Option<String>,
                pub confidence: Option<u8>,
                pub due_at: Option<ablo::Timestamp>,
                pub readers: Option<i64>,
                #[ablo(decimal(12, 4))]
                pub price: Option<ablo::Decimal>,
                pub sources: Option<Value>,
                pub archived_at: Option<ablo::Timestamp>,
            }
            pub enum Status { Draft, Ready }
        }
    }
}

/// Returns one delta of the batch.
fn delta(at: usize) -> String {
    let second = at % 60;
    format!(
        concat!(
            r#"{{"id":{id},"actionType":"U","modelName":"Report","#,
            r#""modelId":"0190a6f2-7c1d-7a3e-9b1c-2f4d5e6a{at:04x}","data":{{"#,
            r#""id":"0190a6f2-7c1d-7a3e-9b1c-2f4d5e6a{at:04x}","#,
            r#""createdAt":"2026-06-01T08:00:{second:02}.000Z","#,
            r#""updatedAt":"2026-06-10T09:00:{second:02}.250Z","#,
            r#""organizationId":"org_acme","title":"Stockholm, {at}","status":"{status}","#,
            r#""body":"Rain in the morning, then sun, "#,
            r#"and a light breeze from the west in the evening.","#,
            r#""confidence":{confidence},"dueAt":"2026-06-11T00:00:00.000Z","#,
            r#""readers":"{readers}","price":"12.50","#,
            r#""sources":[{{"url":"https://a.example/{at}"}}]}},"#,
            r#""syncGroups":["org:org_acme"],"transactionId":"tx_1760000000000_{at:06}","#,
            r#""createdAt":"2026-06-10T09:00:{second:02}.251Z","#,
            r#""actor":{{"kind":"agent","id":"writer"}}}}"#,
        ),
        at = at,
        second = second,
        id = 413 + at,
        status = if at.is_multiple_of(3) { "draft" } else { "ready" },
        confidence = at % 100,
        readers = at * 1_000_003,
    )
}

fn main() {
    // `cargo test` also runs benchmarks.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges/typescript-bench");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    for file in ["package.json", "decode.mjs"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/typescript").join(file);
        fs::copy(from, folder.join(file)).expect("the file can be copied");
    }
    let npm = [
        "install",
        "--no-package-lock",
        "--omit=optional",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
    ];
    let installed = Command::new("npm").args(npm).current_dir(&folder).output().expect("npm");
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));

    let list: Vec<String> = (0..1000).map(delta).collect();
    let text = format!(r#"{{"type":"delta","payload":{{"deltas":[{}]}}}}"#, list.join(","));
    let deltas = Deltas::read(rows::Bench::SCHEMA, &text).expect("a valid batch");
    let document = rows::Bench::SCHEMA.to_json().expect("a document");
    let schema = ablo_schema::front::json::read(&document).schema.expect("a schema");
    let project = Project::new();
    emit(&schema, &[]).iter().for_each(|(path, text)| project.write(path, text));
    let _report = project.compile(&["--outDir", "out", "--rootDir", "."]);
    let same = deltas.to_binary(Naming::SameSchema);
    let described = deltas.to_binary(Naming::Described);
    let mut arguments = vec![project.path("out")];
    for (name, bytes) in [
        ("batch.json", text.as_bytes()),
        ("same.bin", &same[..]),
        ("described.bin", &described[..]),
    ] {
        fs::write(folder.join(name), bytes).expect("written");
        arguments.push(folder.join(name));
    }
    let run = Command::new("node")
        .arg("decode.mjs")
        .args(arguments)
        .current_dir(&folder)
        .output()
        .expect("node");
    println!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success());
}
