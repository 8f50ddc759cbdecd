//! A real browser: Chromium of this machine, driven by scripts of `tests/judges/chromium/`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const FILES: [&str; 7] = [
    "package.json",
    "package-lock.json",
    "browser.mjs",
    "page.mjs",
    "board.mjs",
    "program.mjs",
    "react.mjs",
];

/// Runs a script in Node.js with these arguments, and gives what it printed.
///
/// # Panics
/// When it finds something wrong, or when what it stands on cannot be installed.
pub fn run(script: &str, arguments: &[&str]) -> String {
    let output =
        Command::new("node").arg(room().join(script)).args(arguments).output().expect("Node.js");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

/// Where screenshots are kept.
#[must_use]
pub fn screenshot(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder.join(name)
}

/// The folder in which the scripts are ready to run.
fn room() -> &'static Path {
    static ROOM: OnceLock<PathBuf> = OnceLock::new();
    ROOM.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let room = tests.join("../target/judges/chromium");
        fs::create_dir_all(&room).expect("the target folder can be written");
        // Test programs may run side by side: one installs, the others wait.
        let lock = File::create(room.join("lock")).expect("the target folder can be written");
        lock.lock().expect("a file can be locked");
        for file in FILES {
            fs::copy(tests.join("judges/chromium").join(file), room.join(file))
                .expect("a script can be copied");
        }
        let wanted = fs::read_to_string(room.join("package-lock.json")).unwrap_or_default();
        if fs::read_to_string(room.join("installed")).unwrap_or_default() != wanted {
            let mut npm = Command::new("npm");
            let done = npm
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(&room)
                .output();
            let done = done.expect("npm");
            assert!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
            fs::write(room.join("installed"), wanted).expect("the target folder can be written");
        }
        room
    })
}
