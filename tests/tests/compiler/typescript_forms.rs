//! The forms of the `typescript` target: each kind of import, and compiled modules.

use ablo_schema::Schema;
use ablo_tests::fixtures;
use ablo_tests::typescript::{Project, emit, emit_default, emit_with, judge_dir};
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn read(path: &Path) -> Schema {
    ablo_schema::front::json::read(&fixtures::read(path)).schema.expect("the schema is valid")
}

fn options(pairs: &[(&str, &str)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
}

/// Writes the programs of the judge, which import the generated folder.
fn write_programs(project: &Project) {
    for entry in fs::read_dir(judge_dir().join("consumer")).expect("the folder exists").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".ts") {
            project.write(&name, &fixtures::read(&entry.path()));
        }
    }
}

fn consumer_schema() -> Schema {
    read(&judge_dir().join("consumer/schema.json"))
}

#[test]
fn the_default_compiles_without_an_option_of_the_compiler() {
    let project = Project::new();
    emit_default(&consumer_schema()).iter().for_each(|(path, text)| project.write(path, text));
    write_programs(&project);
    let _report = project.compile(&["--noEmit"]);
}

#[test]
fn imports_without_extension_compile_as_bundlers_do() {
    let project = Project::new();
    let files = emit_with(&consumer_schema(), &options(&[("import-extension", "none")]));
    files.iter().for_each(|(path, text)| project.write_checked(path, text));
    write_programs(&project);
    let _report =
        project.compile(&["--noEmit", "--module", "esnext", "--moduleResolution", "bundler"]);
}

#[test]
fn compiled_modules_have_the_same_types_and_run() {
    let project = Project::new();
    let mut set = options(&[("output", "js")]);
    set.insert("source".to_owned(), true.into());
    let files = emit_with(&consumer_schema(), &set);
    files.iter().for_each(|(path, text)| {
        assert!(path.ends_with(".js") || path.ends_with(".d.ts"), "{path}");
        project.write(path, text);
    });
    write_programs(&project);
    let _report = project.compile(&["--outDir", "out", "--rootDir", "."]);
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".js")) {
        project.write(&format!("out/{path}"), text);
    }
    let node = Command::new("node").arg(project.path("out/run.js")).output().expect("node runs");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
}

#[test]
fn compiled_modules_of_every_fixture_are_valid() {
    let project = Project::new();
    let mut imports = String::new();
    for (name, text) in fixtures::good_schemas() {
        let schema = ablo_schema::front::json::read(&text).schema.expect("the schema is valid");
        let mut set = options(&[("output", "js")]);
        set.insert("source".to_owned(), true.into());
        for (path, text) in emit_with(&schema, &set).iter() {
            project.write(&format!("{name}/{path}"), text);
            if path.ends_with(".js") && !path.ends_with("react.js") {
                imports.push_str(&format!("await import(\"./{name}/{path}\");\n"));
            }
        }
    }
    let _report = project.compile(&["--noEmit"]);
    project.write("all.mjs", &imports);
    let node = Command::new("node").arg(project.path("all.mjs")).output().expect("node runs");
    assert!(node.status.success(), "{}", String::from_utf8_lossy(&node.stderr));
}

fn compiled_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ablo-codegen/src/emit/typescript/compiled")
}

/// Returns the declarations of a file with its head comment and its references to libraries, which
/// the compiler leaves out, and without its marks of classes with private members, which linters
/// report.
fn declarations(source: &str, compiled: &str) -> String {
    let reference = source.lines().find(|line| line.starts_with("/// <reference"));
    let comment = source.lines().take_while(|line| line.starts_with("//"));
    let rest = compiled.lines().filter(|line| line.trim() != "#private;");
    let lines: Vec<&str> = reference.into_iter().chain(comment).chain(rest).collect();
    lines.join("\n") + "\n"
}

/// `ABLO_BLESS=1` writes the modules again.
#[test]
fn compiled_modules_are_those_of_the_sources() {
    let project = Project::new();
    let files = emit(&consumer_schema(), &[("source", true), ("react", true)]);
    files.iter().for_each(|(path, text)| project.write_checked(path, text));
    project.use_packages();
    let flags = ["--outDir", "out", "--rootDir", ".", "--stripInternal", "--skipLibCheck"];
    let _report = project.compile(&[&flags[..], &["--lib", "es2022,dom"]].concat());
    for name in ["runtime", "codec", "node_socket", "validate", "react", "source_handler"] {
        let compiled =
            |ending: &str| fixtures::read(&project.path(&format!("out/typescript/{name}{ending}")));
        let source = fixtures::read(&project.path(&format!("typescript/{name}.ts")));
        for (ending, text) in
            [(".js", compiled(".js")), (".d.ts", declarations(&source, &compiled(".d.ts")))]
        {
            let path = compiled_dir().join(format!("{name}{ending}"));
            if std::env::var_os("ABLO_BLESS").is_some() {
                fs::write(&path, &text).expect("the file is writable");
            }
            let known = fixtures::read(&path);
            assert!(known == text, "{} is stale: run with ABLO_BLESS=1", path.display());
        }
    }
}
