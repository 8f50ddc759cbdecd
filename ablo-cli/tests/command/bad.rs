//! The fixtures of the command's codes are reported with their code, location and help.
//!
//! A fixture is a folder with the file `command`, one argument per line. The command runs in a copy
//! of the folder beside a small valid `schema.json`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use crate::support::{SCHEMA, TestDir};
use std::fs;
use std::path::{Path, PathBuf};

fn bad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bad")
}

fn copy(from: &Path, below: &str, dir: &TestDir) {
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            copy(&entry.path(), &format!("{name}/"), dir);
        } else if !name.ends_with(".snap") && name != "command" {
            dir.put(&name, fs::read(entry.path()).expect("a file"));
        }
    }
}

#[test]
fn every_command_fixture_is_reported_with_its_code() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(bad()).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("command").exists());
    folders.sort();
    assert!(folders.len() >= 17, "only {} fixtures have a command", folders.len());
    for folder in folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let code = format!("ablo::{}", name.replacen('.', "::", 1));
        let dir = TestDir::empty();
        dir.put("schema.json", SCHEMA);
        copy(&folder, "", &dir);
        let before = dir.tree();
        let command = fs::read_to_string(folder.join("command")).expect("a command");
        let ran = dir.run(&command.lines().collect::<Vec<_>>());
        // Workflow commands escape colons.
        let output = format!("{}{}", ran.out, ran.err).replace("%3A", ":");
        assert!(output.contains(&code), "{name}: {output}");
        assert_ne!(ran.status, 0, "{name}");
        assert_eq!(dir.tree(), before, "{name}: an error changes no file");
        insta::with_settings!({
            snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
        }, {
            let shown = format!("exit {}\n{}{}", ran.status, ran.out, ran.err);
            insta::assert_snapshot!("diagnostics", shown);
        });
    }
}
