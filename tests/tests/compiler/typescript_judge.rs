//! Checks the `typescript` target with the TypeScript compiler.

use ablo_codegen::Files;
use ablo_schema::Schema;
use ablo_tests::fixtures;
use ablo_tests::typescript::{Project, judge_dir};
use std::fs;
use std::process::Command;

fn emit(schema: &Schema) -> Files {
    ablo_tests::typescript::emit(schema, &[])
}

fn read(text: &str) -> Schema {
    ablo_schema::front::json::read(text).schema.expect("the schema is valid")
}

fn consumer_schema() -> Schema {
    read(&fixtures::read(&judge_dir().join("consumer/schema.json")))
}

/// Returns a project with the generated files of the consumer's schema and its programs.
fn consumer_project() -> Project {
    let project = Project::new();
    emit(&consumer_schema()).iter().for_each(|(path, text)| project.write(path, text));
    let programs = fs::read_dir(judge_dir().join("consumer")).expect("the folder is readable");
    for path in programs
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension() == Some("ts".as_ref()))
    {
        let name = path.file_name().expect("a file name").to_string_lossy();
        project.write(&name, &fixtures::read(&path));
    }
    project
}

#[test]
fn every_fixture_compiles() {
    let project = Project::new();
    let schemas = fixtures::good_schemas();
    assert!(schemas.len() > 10, "too few fixtures");
    for (name, text) in schemas {
        let files = ablo_tests::typescript::emit(&read(&text), &[("source", true)]);
        files.iter().for_each(|(path, text)| match path.ends_with("source_handler.ts") {
            // It is the same for every schema. The programs of `tests/typescript` check it.
            true => project.write(&format!("{name}/{path}"), text),
            false => project.write_checked(&format!("{name}/{path}"), text),
        });
    }
    let _report = project.compile(&["--noEmit"]);
}

#[test]
fn programs_get_the_types_they_expect() {
    let project = consumer_project();
    let _report = project.compile(&["--outDir", "out"]);
    let node = Command::new("node").arg(project.path("out/run.js")).output().expect("node runs");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
}

fn facets_schema() -> Schema {
    read(&fixtures::read(&fixtures::root().join("schemas/field-facets/schema.json")))
}

#[test]
fn programs_can_use_field_facets() {
    let project = Project::new();
    emit(&facets_schema()).iter().for_each(|(path, text)| project.write(path, text));
    project.write("use.ts", &fixtures::read(&judge_dir().join("facets/use.ts")));
    let _report = project.compile(&["--noEmit"]);
}

#[test]
fn the_judge_rejects_a_wrong_program() {
    let project = consumer_project();
    project.write(
        "wrong.ts",
        "import type { Station } from \"./typescript/index.js\";\nexport const s: Station = {};\n",
    );
    let output = project.try_compile(&["--noEmit"]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("wrong.ts(2,14): error TS2739"));
}

/// Returns the type instantiations of these files, without those of the library.
fn instantiations(files: &[(&str, &str)]) -> u64 {
    let count = |files: &[(&str, &str)]| -> u64 {
        let project = Project::new();
        project.write("empty.ts", "export {};\n");
        files.iter().for_each(|(path, text)| project.write(path, text));
        let report = project.compile(&["--noEmit", "--extendedDiagnostics"]);
        let line = report
            .lines()
            .find_map(|line| line.strip_prefix("Instantiations:"))
            .expect("tsc reports them");
        line.trim().parse().expect("a number")
    };
    count(files) - count(&[])
}

#[test]
fn row_types_need_no_type_instantiations() {
    for schema in [consumer_schema(), facets_schema()] {
        let files = emit(&schema);
        let models = files.get("typescript/models.ts").expect("the file is emitted");
        let cost = instantiations(&[("typescript/models.ts", models)]);
        println!("models.ts: {cost} type instantiations");
        assert_eq!(cost, 0);
    }

    let computed = "export type A = Partial<{ a: string }>;\nexport const a: A = { a: \"b\" };\n";
    assert_ne!(instantiations(&[("computed.ts", computed)]), 0, "computed types are counted");
}

/// Returns a schema of 100 models with 15 fields each.
fn hundred_models() -> String {
    let kinds = ["string", "number", "boolean", "date", "json"];
    let fields: Vec<String> = (0..15)
        .map(|at| {
            format!(
                r#""field{at}":{{"type":"{}","isOptional":{},"isIndexed":false}}"#,
                kinds[at % 5],
                at % 3 == 0
            )
        })
        .collect();
    let fields = fields.join(",");
    let models: Vec<String> = (0..100)
        .map(|at| {
            format!(r#""model{at}s":{{"mutable":true,"relations":{{}},"fields":{{{fields}}}}}"#)
        })
        .collect();
    format!(r#"{{"v":3,"identityRoles":[],"models":{{{}}}}}"#, models.join(","))
}

/// Returns the seconds that the compiler takes to check a project, and its total time.
fn seconds(project: &Project) -> [f64; 2] {
    let report = project.compile(&["--noEmit", "--extendedDiagnostics"]);
    ["Check time:", "Total time:"].map(|name| {
        let line = report.lines().find_map(|line| line.strip_prefix(name)).expect("tsc reports it");
        line.trim().trim_end_matches('s').parse().expect("a number")
    })
}

#[test]
fn checking_a_client_takes_little_longer_than_its_interfaces() {
    let files = emit(&read(&hundred_models()));
    let (whole, alone) = (Project::new(), Project::new());
    files.iter().for_each(|(path, text)| whole.write(path, text));
    for path in ["typescript/models.ts", "typescript/deltas.ts", "typescript/wire.ts"] {
        alone.write(path, files.get(path).expect("the file is emitted"));
    }
    let mut fastest = [[f64::INFINITY; 2]; 2];
    for _ in 0..5 {
        for (fastest, project) in fastest.iter_mut().zip([&whole, &alone]) {
            for (fastest, taken) in fastest.iter_mut().zip(seconds(project)) {
                *fastest = fastest.min(taken);
            }
        }
    }
    let [[check, total], [check_alone, total_alone]] = fastest;
    println!("check time {check} s, interfaces alone {check_alone} s: {:.2}", check / check_alone);
    println!("total time {total} s, interfaces alone {total_alone} s: {:.2}", total / total_alone);
    assert!(check <= check_alone * 1.5, "{check} s compared to {check_alone} s");
}

/// Returns the first code block of a language in a document.
fn code(document: &str, fence: &str) -> String {
    let text = fixtures::read(&fixtures::root().join("..").join(document));
    let (_, rest) =
        text.split_once(&format!("```{fence}\n")).expect("the document has a code block");
    rest.split_once("\n```").expect("the code block ends").0.to_owned()
}

#[test]
fn the_documentation_compiles() {
    let project = Project::new();
    let folder = fixtures::root().join("../examples/weather/generated/typescript");
    for entry in fs::read_dir(folder).expect("the folder is readable").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".ts") {
            project.write(&format!("generated/typescript/{name}"), &fixtures::read(&entry.path()));
        }
    }
    let host = "declare const process: { env: { ABLO_API_KEY?: string } };\n\
        declare const console: { log(...values: unknown[]): void };\n";
    project.write("guide.ts", &(host.to_owned() + &code("docs/guide/typescript-client.md", "ts")));
    let import = "import { connect } from \"./generated/typescript/index.js\";\n";
    project.write("readme.ts", &(host.to_owned() + import + &code("README.md", "ts")));
    let _report = project.compile(&["--noEmit"]);
}
