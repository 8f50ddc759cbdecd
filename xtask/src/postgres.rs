//! Servers of each supported version of PostgreSQL, and the tests that run on them. Other tests run
//! on the version that is installed.

use crate::step::{Step, cargo, root, run_all};
use std::fs;
use std::path::PathBuf;

/// The folder of `package.json`, which pins the packages of the servers.
const PINS: &str = "tests/judges/postgres";
/// The supported versions, oldest first.
pub(crate) const VERSIONS: [&str; 5] = ["14", "15", "16", "17", "18"];
/// The packages are for this platform.
const HAS_SERVERS: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Runs the tests of generated SQL and migrations on the oldest and the newest version.
pub(crate) fn oldest_and_newest() -> Result<(), String> {
    if !HAS_SERVERS {
        println!("skipped: other versions of PostgreSQL, which are packaged for x86-64 Linux");
        return Ok(());
    }
    // Without those that take long and depend least on the version.
    let filters = ["postgres_", "migrate_apply", "pull", "adopt"];
    let filters = [&filters[..], &["--skip", "postgres_migrate", "--skip"]].concat();
    let filters = [&filters[..], &["postgres_large"]].concat();
    let ends = VERSIONS.first().into_iter().chain(VERSIONS.last());
    ends.copied().try_for_each(|version| on(version, vec![database(version, &filters)]))
}

/// Runs everything that uses PostgreSQL on a version.
pub(crate) fn all_tests(version: &str) -> Result<(), String> {
    if !HAS_SERVERS || !VERSIONS.contains(&version) {
        let known = VERSIONS.join(", ");
        return Err(format!("versions on x86-64 Linux are {known}, not `{version}`"));
    }
    let name = format!("the coordinator on PostgreSQL {version}");
    let arguments =
        ["test", "--locked", "--package", "ablo-tests", "--test", "coordinator", "postgres"];
    on(version, vec![database(version, &[]), cargo(&name, &arguments)])
}

fn database(version: &str, filters: &[&str]) -> Step {
    let name = format!("SQL and migrations on PostgreSQL {version}");
    let arguments = ["test", "--locked", "--package", "ablo-tests", "--test", "database", "--"];
    cargo(&name, &[&arguments[..], filters].concat())
}

/// Runs steps that find the programs of a version first.
fn on(version: &str, steps: Vec<Step>) -> Result<(), String> {
    let package = installed()?.join(format!("node_modules/postgres-{version}/native"));
    // Servers run as an unprivileged user, who may have no access to this checkout.
    let copy = std::env::temp_dir().join(format!("ablo-postgres-{version}-{}", std::process::id()));
    let [from, to] = [&package, &copy].map(|path| path.to_string_lossy().into_owned());
    Step::new("server programs", "cp", &["-a", &from, &to]).run()?;
    let mut folders = vec![copy.join("bin")];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    let path = path.to_string_lossy();
    let ran = run_all(steps.into_iter().map(|step| step.with("PATH", &path)).collect());
    fs::remove_dir_all(&copy).map_err(|error| error.to_string())?;
    ran
}

/// Installs the pinned packages and returns their folder.
fn installed() -> Result<PathBuf, String> {
    let (pins, home) = (root().join(PINS), root().join("target/judges/postgres"));
    let lock = "package-lock.json";
    let wanted = fs::read(pins.join(lock)).map_err(|error| format!("{PINS}: {error}"))?;
    if home.join("node_modules").exists() && fs::read(home.join(lock)).ok() == Some(wanted) {
        return Ok(home);
    }
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for file in ["package.json", lock] {
        fs::copy(pins.join(file), home.join(file))
            .map_err(|error| format!("{PINS}/{file}: {error}"))?;
    }
    let place = home.to_string_lossy().into_owned();
    let arguments = ["ci", "--no-audit", "--no-fund", "--prefix", &place];
    Step::new("servers of PostgreSQL", "npm", &arguments).run()?;
    Ok(home)
}
