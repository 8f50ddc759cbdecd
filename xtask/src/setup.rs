//! What the judges stand on: a PostgreSQL server, Node.js, Python, a browser, and clocks that are wrong.
//!
//! Each is installed only when it is missing; where it cannot be, the message says what to install by hand. Packages of
//! the judges themselves are installed by the tests that need them, as their lock files say.

use crate::step::{Step, run_all};
use std::fs;
use std::process::{Command, Stdio};

/// Installs what is missing.
pub(crate) fn run() -> Result<(), String> {
    let needs = [
        ("postgresql", "PostgreSQL 14 or newer with its server programs (initdb)", has_postgres()),
        ("nodejs", "Node.js 20 or newer", succeeds("node", &["--version"])),
        ("npm", "npm", succeeds("npm", &["--version"])),
        (
            "faketime",
            "faketime, which gives a program another clock",
            succeeds("faketime", &["--version"]),
        ),
        ("chromium", "Chromium (at /usr/bin/chromium, or named by CHROMIUM)", has_chromium()),
        (
            "python3-venv",
            "Python 3.10 or newer with venv",
            succeeds("python3", &["-c", "import venv, ensurepip"]),
        ),
    ];
    let missing: Vec<_> = needs.iter().filter(|(_, _, there)| !there).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|(_, name, _)| *name).collect();
    let by_hand = |why: String| {
        format!("missing: {}.\n{why}\nInstall it and run this again.", names.join(", "))
    };
    if !succeeds("apt-get", &["--version"]) {
        return Err(by_hand("Only apt-get is known here.".to_owned()));
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

/// Whether the runtime can be checked for browsers. The target's library comes from rustup; without it nothing else suffers.
pub(crate) fn has_wasm() -> bool {
    succeeds("rustup", &["target", "add", WASM])
}

/// What browsers run.
pub(crate) const WASM: &str = "wasm32-unknown-unknown";

/// Debian keeps server programs off the PATH.
fn has_postgres() -> bool {
    let mut debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    succeeds("initdb", &["--version"])
        || debian.any(|version| version.path().join("bin/initdb").exists())
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
