//! Installs the programs that checks and judges need: cargo-deny, PostgreSQL, PgBouncer, SQLite,
//! Node.js, Python, a browser, faketime and valgrind.
//!
//! Only missing programs are installed. The judges' own packages are installed by the tests, from
//! their lock files.

use crate::step::{Step, cargo, run_all};
use std::fs;
use std::process::{Command, Stdio};

/// Installs the missing programs.
pub(crate) fn run() -> Result<(), String> {
    cargo_deny()?;
    let needs = [
        ("postgresql", "PostgreSQL 14 or newer with its server programs (initdb)", has_postgres()),
        ("pgbouncer", "PgBouncer, a connection pooler", has_pgbouncer()),
        ("sqlite3", "the sqlite3 shell", succeeds("sqlite3", &["--version"])),
        ("nodejs", "Node.js 20 or newer", succeeds("node", &["--version"])),
        ("npm", "npm", succeeds("npm", &["--version"])),
        (
            "faketime",
            "faketime, which changes the clock of a program",
            succeeds("faketime", &["--version"]),
        ),
        ("valgrind", "valgrind, which counts instructions", succeeds("valgrind", &["--version"])),
        ("chromium", "Chromium (/usr/bin/chromium, or the path in CHROMIUM)", has_chromium()),
        (
            "python3-venv",
            "Python 3.10 or newer with venv",
            succeeds("python3", &["-c", "import venv, ensurepip"]),
        ),
    ];
    let missing: Vec<_> = needs.iter().filter(|(_, _, installed)| !installed).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(_, name, _)| *name).collect();
    let by_hand = |why: String| {
        format!(
            "missing: {}\n{why}\nInstall the missing programs and run this command again.",
            names.join(", ")
        )
    };
    if !succeeds("apt-get", &["--version"]) {
        return Err(by_hand("Automatic installation needs apt-get.".to_owned()));
    }
    let packages: Vec<&str> = missing.iter().map(|(package, _, _)| *package).collect();
    let mut install = vec!["install", "-y", "-qq", "--no-install-recommends"];
    install.extend(&packages);
    let quiet = |name: &str, arguments: &[&str]| {
        Step::new(name, "apt-get", arguments).with("DEBIAN_FRONTEND", "noninteractive")
    };
    let steps =
        vec![quiet("package lists", &["update", "-qq"]), quiet(&packages.join(", "), &install)];
    run_all(steps).map_err(by_hand)
}

/// Installs cargo-deny if it is missing. An unoptimised build takes two minutes and is fast enough.
pub(crate) fn cargo_deny() -> Result<(), String> {
    if succeeds("cargo", &["deny", "--version"]) {
        return Ok(());
    }
    cargo("cargo-deny", &["install", "--locked", "--debug", "cargo-deny"]).run()
}

/// Returns whether the WebAssembly target is installed or could be installed with rustup.
pub(crate) fn has_wasm() -> bool {
    succeeds("rustup", &["target", "add", WASM])
}

/// The WebAssembly target.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Returns whether initdb is installed. Debian does not have it on the PATH.
fn has_postgres() -> bool {
    let mut debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    succeeds("initdb", &["--version"])
        || debian.any(|version| version.path().join("bin/initdb").exists())
}

/// Returns whether PgBouncer is installed. Debian has it where only root's PATH leads.
fn has_pgbouncer() -> bool {
    succeeds("pgbouncer", &["--version"]) || succeeds("/usr/sbin/pgbouncer", &["--version"])
}

fn has_chromium() -> bool {
    let program = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    succeeds(&program, &["--version"])
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
