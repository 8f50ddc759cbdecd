//! The dependencies of `ablo` with default features: no TLS, no HTTP, no database driver. Review
//! the list before it grows.

use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn ablo_has_few_dependencies_by_default() {
    let tree = [
        "tree",
        "--package",
        "ablo",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--offline",
        "--locked",
    ];
    let output = Command::new(env!("CARGO")).args(tree).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo prints text");
    let names: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    insta::assert_snapshot!(names.into_iter().collect::<Vec<_>>().join("\n"));
}
