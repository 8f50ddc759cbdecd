//! What the judges need: a PostgreSQL server, and validators from npm and PyPI at pinned versions.
//!
//! Each part is installed only when it is missing. Where it cannot be, the message says what to install by hand.

use crate::step::{Step, root};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Installs what is missing.
pub(crate) fn run() -> Result<(), String> {
    postgres()?;
    tool("node", "nodejs", "Node.js 20 or newer")?;
    tool("npm", "npm", "npm")?;
    tool("python3", "python3", "Python 3.10 or newer")?;
    npm("tests/judges/typescript")?;
    npm("tests/judges/openapi")?;
    pip("tests/judges/openapi")
}

fn found(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Debian keeps server programs off the PATH.
fn postgres() -> Result<(), String> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    if found("initdb") || debian.into_iter().any(|version| version.path().join("bin/initdb").exists()) {
        return Ok(());
    }
    install("postgresql", "PostgreSQL 14 or newer, the server too (initdb)")
}

fn tool(program: &str, package: &str, what: &str) -> Result<(), String> {
    if found(program) { Ok(()) } else { install(package, what) }
}

/// Installs a system package where that can be done without asking.
fn install(package: &str, what: &str) -> Result<(), String> {
    let by_hand = || format!("{what} is missing and could not be installed: install it and run this again");
    if !found("apt-get") {
        return Err(by_hand());
    }
    let quiet = |name: &str, arguments: &[&str]| {
        Step::new(name, "apt-get", arguments).with("DEBIAN_FRONTEND", "noninteractive")
    };
    quiet("package lists", &["update", "-qq"])
        .run()
        .and_then(|()| quiet(package, &["install", "-y", "-qq", "--no-install-recommends", package]).run())
        .map_err(|error| format!("{}\n{error}", by_hand()))
}

fn npm(folder: &str) -> Result<(), String> {
    if !stale(folder, "package-lock.json", "node_modules/.package-lock.json") {
        return Ok(());
    }
    Step::new(folder, "npm", &["ci", "--no-audit", "--no-fund", "--silent"]).within(folder).run()
}

/// A virtual environment beside the requirements.
fn pip(folder: &str) -> Result<(), String> {
    if !stale(folder, "requirements.txt", ".venv/.installed") {
        return Ok(());
    }
    Step::new("virtual environment", "python3", &["-m", "venv", ".venv"]).within(folder).run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt"];
    let python = root().join(folder).join(".venv/bin/python");
    Step::new(folder, &python.to_string_lossy(), &pip).within(folder).run()?;
    let marker = root().join(folder).join(".venv/.installed");
    fs::copy(root().join(folder).join("requirements.txt"), marker).map(drop).map_err(|error| error.to_string())
}

/// Whether what was installed is older than what is asked for, or not there.
fn stale(folder: &str, asked: &str, installed: &str) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let folder = root().join(folder);
    match (time(&folder.join(asked)), time(&folder.join(installed))) {
        (Some(asked), Some(installed)) => installed < asked,
        _ => true,
    }
}
