//! Checks that every code has a fixture, and that each fixture is reported with its message, span
//! and help.

use ablo_schema::diag::Diagnostics;
use ablo_schema::front::json;
use ablo_schema::front::rust::file;
use ablo_schema::front::{Located, Location};
use ablo_schema::{Code, Schema, diff, select};
use ablo_tests::fixtures;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn input(folder: &Path) -> Vec<u8> {
    let repeat = folder.join("repeat.json");
    if !repeat.exists() {
        return fs::read(folder.join("schema.json")).expect("a bad fixture has an input");
    }
    let repeat: serde_json::Value =
        serde_json::from_str(&fixtures::read(&repeat)).expect("repeat.json is JSON");
    let (text, times) = (repeat["text"].as_str(), repeat["times"].as_u64());
    text.expect("`text` is a string")
        .repeat(usize::try_from(times.expect("`times` is a number")).expect("`times` fits usize"))
        .into_bytes()
}

fn position(location: &Location) -> String {
    let file = if location.file > 0 { format!("file {}: ", location.file) } else { String::new() };
    let pointer = if location.pointer.is_empty() { "(document)" } else { &location.pointer };
    format!("{file}{}:{} {pointer}", location.line, location.column)
}

fn render(text: &str, diagnostics: &Diagnostics) -> String {
    show(&[text], &json::locate(text, diagnostics))
}

fn show(texts: &[&str], all: &[Located<'_>]) -> String {
    let mut out = String::new();
    for located in all {
        let diagnostic = located.diagnostic;
        let severity = diagnostic.severity.as_str();
        let marked = &texts[located.location.file][located.location.range.clone()];
        let marked: String = marked.lines().next().unwrap_or_default().chars().take(60).collect();
        writeln!(out, "{severity} {} at {}", diagnostic.code, position(&located.location))
            .expect("writing to a string succeeds");
        writeln!(out, "  {}", diagnostic.message).expect("writing to a string succeeds");
        writeln!(out, "  > {marked}").expect("writing to a string succeeds");
        for (location, label) in &located.also {
            writeln!(out, "  also {}: {label}", position(location))
                .expect("writing to a string succeeds");
        }
        writeln!(out, "  help: {}", diagnostic.help.as_deref().expect("every diagnostic has help"))
            .expect("writing to a string succeeds");
    }
    out
}

/// Reports a Rust source whose modules are in the same folder.
fn report_rust(folder: &Path) -> String {
    let source = fs::read_to_string(folder.join("schema.rs")).expect("the source is text");
    let read = file::read_with(&source, &mut |wanted| {
        fs::read_to_string(folder.join(format!("{}.rs", wanted.name)))
            .map_err(|_| "there is no such file".to_owned())
    });
    assert_eq!(read.schema.is_none(), read.diagnostics.has_errors());
    let texts: Vec<&str> = read.texts.iter().map(String::as_str).collect();
    show(&texts, &read.locate()).replace(" (document)", "")
}

/// Reports the errors in the hints or backfills next to a schema.
fn report_hints_and_backfills(folder: &Path, next: &Schema) -> String {
    if let Ok(text) = fs::read_to_string(folder.join("backfills.json")) {
        return render(&text, &json::read_backfills(&text, next).1);
    }
    let Ok(text) = fs::read_to_string(folder.join("hints.json")) else { return String::new() };
    let prev = json::read(&fixtures::read(&folder.join("prev.json"))).schema;
    let (hints, read_errors) = json::read_hints(&text);
    match hints
        .map(|hints| diff::diff(prev.as_ref(), next, &hints).expect_err("the hints are invalid"))
    {
        Some(diff_errors) => render(&text, &diff_errors),
        None => render(&text, &read_errors),
    }
}

fn report(folder: &Path) -> String {
    if folder.join("schema.rs").exists() {
        return report_rust(folder);
    }
    let bytes = input(folder);
    let text = match json::decode_utf8(&bytes) {
        Ok(text) => text,
        Err((valid, diagnostics)) => {
            return render(
                std::str::from_utf8(&bytes[..valid]).expect("the prefix is valid UTF-8"),
                &diagnostics,
            );
        }
    };
    let read = json::read_authored(text);
    let mut out = render(text, &read.diagnostics);
    if let Some(next) = &read.schema {
        out += &report_hints_and_backfills(folder, next);
    }
    if let (Ok(keys), Some(schema)) = (fs::read_to_string(folder.join("select.json")), &read.schema)
    {
        let keys: Vec<String> = serde_json::from_str(&keys).expect("select.json lists keys");
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        for error in select::select(schema, &keys).expect_err("the selection is invalid") {
            writeln!(out, "error {}\n  {error}\n  help: {}", error.code(), error.help())
                .expect("writing to a string succeeds");
        }
    }
    out
}

#[test]
fn every_bad_fixture_is_reported_with_its_code() {
    let mut folders: Vec<_> = fs::read_dir(fixtures::root().join("bad"))
        .expect("fixtures/bad exists")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    for folder in folders {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let code = format!("ablo::{}", name.replacen('.', "::", 1));
        if Code::find(&code).is_none() {
            // The tests of ablo-cli cover its own codes.
            continue;
        }
        let report = report(&folder);
        assert!(report.contains(&code), "{name} is not reported as {code}:\n{report}");
        insta::with_settings!({
            snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!("diagnostics", report);
        });
    }
}

/// The habits of people and programs that know another notation.
#[test]
fn every_habit_is_answered_with_the_text_to_write() {
    for path in fixtures::find("habits", "schema.json") {
        let text = fixtures::read(&path);
        let report = render(&text, &json::read_authored(&text).diagnostics);
        assert!(report.contains("error "), "{}", path.display());
        insta::with_settings!({
            snapshot_path => path.parent().expect("a folder"),
            prepend_module_to_snapshot => false, omit_expression => true
        }, {
            insta::assert_snapshot!("diagnostics", report);
        });
    }
}

#[test]
fn every_code_has_a_fixture() {
    let have: BTreeSet<String> = fs::read_dir(fixtures::root().join("bad"))
        .expect("fixtures/bad exists")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    // Only the macros look for the crate: `tests/ui/reexported` raises this one.
    for code in Code::all().filter(|code| *code != Code::RustCrateNotFound) {
        let folder = code.as_str().trim_start_matches("ablo::").replacen("::", ".", 1);
        assert!(have.contains(&folder), "fixtures/bad/{folder} is missing");
    }
}
