//! Python programs with what they need, installed below `target/` the first time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with the interpreter and what a list of requirements names: `bin/python` and their own programs. Both paths are relative,
/// the folder's to `target/judges`, the list's to the top.
///
/// # Panics
/// When it cannot be installed.
#[must_use]
pub fn venv(folder: &str, requirements: &str) -> PathBuf {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let room = top.join("target/judges").join(folder);
    fs::create_dir_all(&room).expect("the target folder can be written");
    // Test programs may run side by side: one installs, the others wait.
    let lock = File::create(room.join("lock")).expect("the target folder can be written");
    lock.lock().expect("a file can be locked");
    let requirements = top.join(requirements);
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    if fs::read_to_string(room.join("installed")).unwrap_or_default() != wanted {
        let python = room.join("bin/python");
        run(Command::new("python3").args(["-m", "venv"]).arg(&room));
        run(Command::new(python).args(["-m", "pip", "install", "-q", "-r"]).arg(&requirements));
        fs::write(room.join("installed"), wanted).expect("the target folder can be written");
    }
    room
}

fn run(command: &mut Command) {
    let output = command.output().expect("Python");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
