//! Generates one `#[test]` per schema fixture and target, and copies the Rust fixtures for
//! `include!`.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const TARGETS: [&str; 7] =
    ["rust", "typescript", "python", "postgres", "sqlite", "openapi", "json-schema"];

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
                writeln!(
                    tests,
                    "#[test]\nfn {test}() {{\n    check({name:?}, {path:?}, {target:?});\n}}\n"
                )
                .expect("writing to a string");
            }
        }
    }
    let out = env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    let out = Path::new(&out);
    fs::write(out.join("emit_tests.rs"), tests).expect("OUT_DIR is writable");
    copy_sources(&root.join("rust"), &out.join("rust"));
}

/// Copies sources without their `//!` comments, which `include!` does not allow.
fn copy_sources(from: &Path, to: &Path) {
    println!("cargo::rerun-if-changed={}", from.display());
    fs::create_dir_all(to).expect("OUT_DIR is writable");
    for entry in fs::read_dir(from).expect("fixtures exist").flatten() {
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy_sources(&path, &copy);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("fixtures are text");
            let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("//!")).collect();
            fs::write(copy, code.join("\n") + "\n").expect("OUT_DIR is writable");
        }
    }
}
