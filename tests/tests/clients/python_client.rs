//! The generated Python client against coordinators: type checkers read it, and
//! `tests/python/client.py` uses it.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, front::json};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::fixtures;
use ablo_tests::on_both_stores;
use ablo_tests::python::venv;
use ablo_tests::server::World;
use ablo_tests::typescript::program_schema;
use serde_json::Map;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/client.py");
const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/python.md");
const BEHAVIOUR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/client/behaviour.json");
const REQUIREMENTS: &str = "tests/judges/python/requirements.txt";

on_both_stores! { &ablo_tests::typescript::program_schema();
    a_program_reads_writes_and_claims_rows
    the_guide_runs
}

/// Writes the output of the `python` target for a schema.
fn write(schema: &str, package: &str, folder: &Path) {
    let schema = json::read(schema).schema.expect("the schema is valid");
    let target = targets().iter().find(|target| target.id() == "python").expect("the target");
    let options = Map::from_iter([("package".to_owned(), package.into())]);
    let mut files = Files::default();
    let emitter = target.configure(&options).expect("the options are valid");
    emitter.emit(&Input::new(&schema, &Hashes::of(&schema)), &mut files);
    for (path, text) in files.iter() {
        let path = folder.join(path.strip_prefix("python/").expect("the folder of the target"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is writable");
        fs::write(path, text).expect("the folder is writable");
    }
}

fn assert_success(output: &Output) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

async fn a_program_reads_writes_and_claims_rows(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&program_schema(), "ablo_client", folder.path());
    let mut program = Command::new("python3");
    program.env("PYTHONPATH", folder.path()).env("PYTHONDONTWRITEBYTECODE", "1");
    program.args([PROGRAM, &format!("http://{}", server.address), &server.key, BEHAVIOUR]);
    let running = tokio::task::spawn_blocking(move || program.output().expect("Python runs"));
    let output = running.await.expect("the program ends");
    assert_success(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "done");
}

/// Returns the Python of the guide as one program.
fn guide() -> String {
    let page = fs::read_to_string(GUIDE).expect("the guide is readable");
    let blocks = page.split("```python\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").expect("the end of a block").0);
    blocks.collect::<Vec<_>>().join("\n")
}

async fn the_guide_runs(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&program_schema(), "ablo_client", folder.path());
    let mut program = Command::new("python3");
    program.env("PYTHONPATH", folder.path()).args(["-c", &guide()]);
    program.env("ABLO_URL", format!("http://{}", server.address)).env("ABLO_KEY", &server.key);
    let running = tokio::task::spawn_blocking(move || program.output().expect("Python runs"));
    let output = running.await.expect("the program ends");
    assert_success(&output);
    assert!(String::from_utf8_lossy(&output.stdout).contains("stale_context ('title',)"));
}

#[test]
fn type_checkers_accept_packages_and_a_program() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&program_schema(), "ablo_client", folder.path());
    for name in ["field-facets", "newsroom", "no-fields", "obstacle-course", "relative-operations"]
    {
        let schema =
            fixtures::read(&fixtures::root().join("schemas").join(name).join("schema.json"));
        write(&schema, &name.replace('-', "_"), folder.path());
    }
    write(r#"{"v":3,"models":{},"identityRoles":[]}"#, "empty", folder.path());
    fs::copy(PROGRAM, folder.path().join("program.py")).expect("the folder is writable");
    fs::write(folder.path().join("guide.py"), guide()).expect("the folder is writable");
    fs::write(folder.path().join("pyrightconfig.json"), r#"{"typeCheckingMode":"strict"}"#)
        .expect("the folder is writable");
    let judges = venv("python", REQUIREMENTS).join("bin").canonicalize().expect("the judges");
    for version in ["3.10", "3.14"] {
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(judges.join(program));
            command.args(arguments).current_dir(folder.path());
            assert_success(&command.output().expect("the judge runs"));
        };
        run("mypy", &["--strict", "--python-version", version, "."]);
        run("basedpyright", &["--pythonversion", version]);
    }
}
