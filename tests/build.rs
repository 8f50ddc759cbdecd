//! One `#[test]` per schema fixture and target, so that a failure names both.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const TARGETS: [&str; 5] = ["rust", "typescript", "postgres", "openapi", "json-schema"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut tests = String::new();
    for (folder, cases) in [("schemas", "schemas"), ("authored", "conformance/authored")] {
        let cases = root.join(cases);
        println!("cargo::rerun-if-changed={}", cases.display());
        let mut names: Vec<String> = fs::read_dir(&cases)
            .expect("fixtures exist")
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in names {
            for target in TARGETS {
                let test = format!("{folder}_{name}_{target}").replace('-', "_");
                let path = cases.join(&name).join("schema.json");
                writeln!(tests, "#[test]\nfn {test}() {{\n    check({name:?}, {path:?}, {target:?});\n}}\n")
                    .expect("strings take text");
            }
        }
    }
    let out = Path::new(&env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("emit_tests.rs");
    fs::write(out, tests).expect("OUT_DIR is writable");
}
