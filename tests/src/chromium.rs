//! Runs the scripts of `tests/judges/chromium/` in the installed Chromium.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const FILES: [&str; 8] = [
    "package.json",
    "package-lock.json",
    "browser.mjs",
    "page.mjs",
    "board.mjs",
    "lifecycle.mjs",
    "program.mjs",
    "react.mjs",
];

/// Runs a script in Node.js and returns its output.
///
/// # Panics
/// Panics if the script fails or its dependencies cannot be installed.
pub fn run(script: &str, arguments: &[&str]) -> String {
    let output = Command::new("node")
        .arg(installed().join(script))
        .args(arguments)
        .output()
        .expect("Node.js");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Returns the path of a screenshot.
#[must_use]
pub fn screenshot(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    fs::create_dir_all(&folder).expect("the target folder is writable");
    folder.join(name)
}

/// Returns the folder with the scripts and their installed dependencies.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tests.join("../target/judges/chromium");
        fs::create_dir_all(&folder).expect("the target folder is writable");
        // Test programs can run in parallel: one installs, the others wait.
        let lock = File::create(folder.join("lock")).expect("the target folder is writable");
        lock.lock().expect("the lock is available");
        for file in FILES {
            fs::copy(tests.join("judges/chromium").join(file), folder.join(file))
                .expect("a script can be copied");
        }
        let wanted = fs::read_to_string(folder.join("package-lock.json")).unwrap_or_default();
        if fs::read_to_string(folder.join("installed")).unwrap_or_default() != wanted {
            let mut npm = Command::new("npm");
            let done = npm
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(&folder)
                .output();
            let done = done.expect("npm");
            assert!(done.status.success(), "npm ci: {}", String::from_utf8_lossy(&done.stderr));
            fs::write(folder.join("installed"), wanted).expect("the target folder is writable");
        }
        folder
    })
}
