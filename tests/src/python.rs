//! Python environments, installed below `target/` on first use.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns a virtual environment with the packages of a requirements file.
///
/// `name` is relative to `target/judges`, `requirements` to the root of the repository.
///
/// # Panics
/// Panics if it cannot be installed.
#[must_use]
pub fn venv(name: &str, requirements: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/judges").join(name);
    fs::create_dir_all(&folder).expect("the target folder is writable");
    // Test programs can run in parallel: one installs, the others wait.
    let lock = File::create(folder.join("lock")).expect("the target folder is writable");
    lock.lock().expect("the lock is available");
    let requirements = root.join(requirements);
    let wanted = fs::read_to_string(&requirements).expect("the requirements are readable");
    if fs::read_to_string(folder.join("installed")).unwrap_or_default() != wanted {
        let python = folder.join("bin/python");
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        run(Command::new(python).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements));
        fs::write(folder.join("installed"), wanted).expect("the target folder is writable");
    }
    folder
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
