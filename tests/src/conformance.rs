//! Schemathesis: a program by others that reads an OpenAPI document and asks its server everything that the document allows, and
//! things that it does not.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What it holds a server to. That every valid request is accepted is none of it, as a cursor may be another list's, nor that every
/// other is refused, as `null` stands for what is left out, and `-1` for 0.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
    response_schema_conformance,missing_required_header,unsupported_method,use_after_free,ignored_auth";

/// Asks a server for everything in a document, and gives what is not as the document says.
///
/// # Panics
/// When it cannot be installed or run.
#[must_use]
pub fn problems(document: &str, server: &str, key: &str, examples: u32) -> Option<String> {
    let program = venv().join("bin/schemathesis");
    let output = Command::new(program)
        .args(["run", document, "--url", server, "--header", &format!("Authorization: Bearer {key}")])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color"])
        .args(["--warnings", "off", "--generation-database", "none", "--max-examples", &examples.to_string()])
        .current_dir(venv())
        .output()
        .expect("Schemathesis");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.code() {
        Some(0) => {
            assert!(said.contains("generated"), "it asked for nothing: {said}");
            None
        }
        Some(1) if said.contains("Failures:") => Some(said),
        _ => panic!("{said}{}", String::from_utf8_lossy(&output.stderr)),
    }
}

/// The folder in which it is installed, as `tests/judges/http/requirements.txt` says.
fn venv() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let room = tests.join("../target/judges/http");
    fs::create_dir_all(&room).expect("the target folder can be written");
    // Test programs may run side by side: one installs, the others wait.
    let lock = File::create(room.join("lock")).expect("the target folder can be written");
    lock.lock().expect("a file can be locked");
    let requirements = tests.join("judges/http/requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    if fs::read_to_string(room.join("installed")).unwrap_or_default() != wanted {
        let pip = room.join("bin/python");
        run(Command::new("python3").args(["-m", "venv"]).arg(&room));
        run(Command::new(pip).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements));
        fs::write(room.join("installed"), wanted).expect("the target folder can be written");
    }
    room
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
