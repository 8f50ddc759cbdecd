//! The reference of commands: the page is the help of each command, and documented calls are valid.
#![allow(clippy::expect_used, reason = "a test fails loudly")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "\
# Commands

The help of each command, as `ablo help COMMAND` prints it. A test keeps this page current.
";

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The help of a command, without spaces at the ends of lines.
fn help(command: &[String]) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ablo"));
    program.args(command).arg("--help").env("COLUMNS", "100").env_remove("CLICOLOR_FORCE");
    let output = program.output().expect("ablo runs");
    assert!(output.status.success(), "{command:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("help is UTF-8");
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Names of the subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("Commands:\n") else { return Vec::new() };
    let lines = rest.lines().take_while(|line| !line.is_empty());
    let named = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The help of every command, by the command's words, in the order of the help.
fn all() -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::new()];
    while let Some(command) = waiting.pop() {
        let text = help(&command);
        for name in subcommands(&text).into_iter().rev() {
            waiting.push(command.iter().cloned().chain([name]).collect());
        }
        found.push((command, text));
    }
    found
}

#[test]
fn the_page_of_commands_is_the_help() {
    let mut page = HEAD.to_owned();
    for (command, text) in all() {
        let name: String = command.iter().map(|word| format!(" {word}")).collect();
        page.push_str(&format!("\n## `ablo{name}`\n\n```text\n{}```\n", text));
    }
    let path = docs().join("reference/commands.md");
    if std::env::var_os("ABLO_BLESS").is_some() {
        fs::write(&path, &page).expect("docs can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        written, page,
        "`ABLO_BLESS=1 cargo test -p ablo-cli --test command commands_page` updates it"
    );
}

/// The calls of `ablo` in blocks of shell code, with continued lines joined.
fn calls(text: &str) -> Vec<String> {
    let mut calls = Vec::new();
    for block in text.split("```sh\n").skip(1) {
        let code = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
        let lines = code.lines().map(|line| line.split(" #").next().unwrap_or_default().trim());
        calls.extend(lines.filter(|line| line.starts_with("ablo ")).map(str::to_owned));
    }
    calls
}

#[test]
fn documented_calls_name_existing_commands_and_flags() {
    let all: BTreeMap<Vec<String>, String> = all().into_iter().collect();
    let mut pages = vec![docs().join("../README.md")];
    for folder in ["guide", "tutorial", "reference"] {
        let entries = fs::read_dir(docs().join(folder)).into_iter().flatten().flatten();
        pages.extend(entries.map(|entry| entry.path()));
    }
    let mut checked = BTreeSet::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("pages are UTF-8");
        for call in calls(&text) {
            let words: Vec<String> = call.split_whitespace().skip(1).map(str::to_owned).collect();
            let depth = (0..=words.len()).rev().find(|depth| all.contains_key(&words[..*depth]));
            let depth = depth.expect("the root is a command");
            assert!(depth > 0, "{}: `{call}` has no known command", page.display());
            let help = &all[&words[..depth]];
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or_default();
                assert!(help.contains(flag), "{}: `{call}` has no {flag}", page.display());
            }
            checked.insert(call);
        }
    }
    assert!(checked.len() > 5, "{checked:?}");
}
