//! Servers of each supported version of PostgreSQL, and the tests that run on them. Other tests run
//! on the version that is installed.

use crate::step::{Step, cargo, root};
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
    let ends = VERSIONS.first().into_iter().chain(VERSIONS.last());
    ends.copied().try_for_each(|version| {
        // Without those that take long and depend least on the version.
        let left_out = ["--skip", "postgres_migrate", "--skip", "postgres_large"];
        database(version, &[&["postgres_", "migrate_apply"][..], &left_out].concat())?.run()
    })
}

/// Runs everything that uses PostgreSQL on a version.
pub(crate) fn all_tests(version: &str) -> Result<(), String> {
    if !HAS_SERVERS || !VERSIONS.contains(&version) {
        let known = VERSIONS.join(", ");
        return Err(format!("versions on x86-64 Linux are {known}, not `{version}`"));
    }
    database(version, &[])?.run()?;
    let name = format!("the coordinator on PostgreSQL {version}");
    on(
        version,
        cargo(
            &name,
            &["test", "--locked", "--package", "ablo-tests", "--test", "coordinator", "postgres"],
        ),
    )?
    .run()
}

fn database(version: &str, filters: &[&str]) -> Result<Step, String> {
    let name = format!("SQL and migrations on PostgreSQL {version}");
    let mut arguments =
        vec!["test", "--locked", "--package", "ablo-tests", "--test", "database", "--"];
    arguments.extend(filters);
    on(version, cargo(&name, &arguments))
}

/// Lets a step find the programs of a version first.
fn on(version: &str, step: Step) -> Result<Step, String> {
    let mut folders = vec![programs(version)?];
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let path = std::env::join_paths(folders).map_err(|error| error.to_string())?;
    Ok(step.with("PATH", &path.to_string_lossy()))
}

/// Installs the pinned packages and returns the folder of the programs of a version.
fn programs(version: &str) -> Result<PathBuf, String> {
    let home = root().join("target/judges/postgres");
    let bin = home.join(format!("node_modules/postgres-{version}/native/bin"));
    let lock = "package-lock.json";
    let pinned =
        fs::read(root().join(PINS).join(lock)).map_err(|error| format!("{PINS}: {error}"))?;
    if bin.join("postgres").exists() && fs::read(home.join(lock)).ok() == Some(pinned) {
        return Ok(bin);
    }
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for file in ["package.json", lock] {
        fs::copy(root().join(PINS).join(file), home.join(file))
            .map_err(|error| format!("{PINS}/{file}: {error}"))?;
    }
    let place = home.to_string_lossy().into_owned();
    Step::new(
        "servers of PostgreSQL",
        "npm",
        &["ci", "--no-audit", "--no-fund", "--prefix", &place],
    )
    .run()?;
    Ok(bin)
}
