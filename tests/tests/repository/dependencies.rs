//! The dependencies of libraries, by feature.

use std::collections::BTreeSet;
use std::process::Command;

/// Returns the names of a package's dependencies, of every depth.
fn dependencies(package: &str, features: &[&str]) -> BTreeSet<String> {
    let tree = [
        "tree",
        "--package",
        package,
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--offline",
        "--locked",
    ];
    let output = Command::new(env!("CARGO")).args(tree).args(features).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// No TLS, no HTTP, no database driver. Review the list before it grows.
#[test]
fn ablo_has_few_dependencies_by_default() {
    let names = dependencies("ablo", &[]);
    insta::assert_snapshot!(names.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_coordinator_has_only_the_drivers_of_its_stores() {
    let drivers = |features: &[&str]| {
        let mut found = dependencies("ablo-server", features);
        found.retain(|name| ["libsqlite3-sys", "postgres", "rusqlite"].contains(&name.as_str()));
        found.into_iter().collect::<Vec<_>>()
    };
    let none = "--no-default-features";
    assert_eq!(drivers(&[]), ["libsqlite3-sys", "postgres", "rusqlite"]);
    assert_eq!(drivers(&[none, "--features", "postgres"]), ["postgres"]);
    assert_eq!(drivers(&[none, "--features", "sqlite"]), ["libsqlite3-sys", "rusqlite"]);
    assert_eq!(drivers(&[none]), [""; 0]);
}
