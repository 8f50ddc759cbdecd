//! Every code has a fixture, and those of the command say what is wrong, where, and how to mend it.
//!
//! A fixture of the command is a folder with the file `command`, one argument a line; it runs in a copy of the folder
//! beside a small valid `schema.json`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::{Place, SCHEMA};

fn bad() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/bad")
}

fn copy(from: &Path, below: &str, place: &Place) {
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            copy(&entry.path(), &format!("{name}/"), place);
        } else if !name.ends_with(".snap") && name != "command" {
            place.put(&name, fs::read(entry.path()).expect("a file"));
        }
    }
}

#[test]
fn every_fixture_of_the_command_is_reported_with_its_code() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(bad()).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    folders.retain(|folder| folder.join("command").exists());
    folders.sort();
    assert!(folders.len() >= 17, "only {} fixtures have a command", folders.len());
    for folder in folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let code = format!("ablo::{}", name.replacen('.', "::", 1));
        let place = Place::empty();
        place.put("schema.json", SCHEMA);
        copy(&folder, "", &place);
        let before = place.tree();
        let command = fs::read_to_string(folder.join("command")).expect("a command");
        let ran = place.run(&command.lines().collect::<Vec<_>>());
        // Workflow commands escape colons.
        let said = format!("{}{}", ran.out, ran.err).replace("%3A", ":");
        assert!(said.contains(&code), "{name}: {said}");
        assert_ne!(ran.status, 0, "{name}");
        assert_eq!(place.tree(), before, "{name}: an error changes nothing on disk");
        insta::with_settings!({
            snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!("diagnostics", format!("exit {}\n{}{}", ran.status, ran.out, ran.err));
        });
    }
}

#[test]
fn every_code_has_a_fixture() {
    let page = Place::empty().run(&["explain"]).out;
    let codes: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## `ablo::")?.strip_suffix('`'))
        .collect();
    assert!(codes.len() > 70, "the page names every code");
    // What only a database can show is provoked on one: `migrate_pull` holds that each such code is.
    #[cfg(feature = "database")]
    let on_a_database =
        |code: &str| ablo_migrate::Code::all().any(|known| known.name == format!("ablo::{code}"));
    #[cfg(not(feature = "database"))]
    let on_a_database = |_: &str| false;
    for code in codes.into_iter().filter(|code| !on_a_database(code)) {
        let folder = code.replacen("::", ".", 1);
        assert!(bad().join(&folder).is_dir(), "fixtures/bad/{folder} is missing");
    }
}
