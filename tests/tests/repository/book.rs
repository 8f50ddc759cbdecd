//! The documentation: every page is in the book, links resolve, and what it shows is true.

use ablo_schema::front::json::members::{Kind, Known, LEVELS, Level};
use ablo_tests::fixtures;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The Markdown pages below docs/, as paths relative to it, with their text.
fn pages() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![docs()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("docs can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                let name = path.strip_prefix(docs()).expect("below docs/");
                found.push((name.to_string_lossy().into_owned(), fixtures::read(&path)));
            }
        }
    }
    found.sort();
    found
}

/// Fenced code blocks of a page: the words behind the fence, and the code.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(_), Some(block)) => blocks.push(block),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((language, mut code))) => {
                code.push_str(line);
                code.push('\n');
                open = Some((language, code));
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks
}

/// Targets of inline links in Markdown.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The anchor that mdBook and GitHub give a heading.
fn anchor(heading: &str) -> String {
    let kept =
        heading.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.collect::<String>().trim().to_lowercase().replace(' ', "-")
}

#[test]
fn every_page_is_in_the_book() {
    let summary = fixtures::read(&docs().join("SUMMARY.md"));
    let listed: BTreeSet<&str> = links(&summary).collect();
    for (path, _) in pages().iter().filter(|(path, _)| path != "SUMMARY.md") {
        assert!(listed.contains(path.as_str()), "docs/SUMMARY.md lacks {path}");
    }
    for path in listed {
        assert!(docs().join(path).exists(), "docs/SUMMARY.md lists {path}, which does not exist");
    }
}

#[test]
fn links_resolve() {
    for (path, text) in pages() {
        let folder = docs().join(&path);
        for link in links(&text).filter(|link| !link.contains("://")) {
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => folder.clone(),
                file => folder.parent().expect("pages are in folders").join(file),
            };
            assert!(target.exists(), "docs/{path} links to {link}, which does not exist");
            if !fragment.is_empty() {
                let text = fixtures::read(&target);
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line.trim_start_matches('#')) == fragment);
                assert!(found, "docs/{path} links to {link}, which has no such heading");
            }
        }
    }
}

/// Pages whose Rust is compiled as documentation of `ablo`.
const RUST: [&str; 3] = ["guide/rust-models.md", "guide/rust-client.md", "tutorial/rust.md"];
/// Pages whose TypeScript is compiled, by `typescript_judge`, `typescript_schema` and
/// `source_languages`.
const TYPESCRIPT: [&str; 4] = [
    "guide/typescript-client.md",
    "guide/data-sources.md",
    "reference/schema-json.md",
    "tutorial/typescript.md",
];

/// Pages whose Python is run and checked, by `python_client`.
const PYTHON: [&str; 1] = ["guide/python.md"];

#[test]
fn examples_are_in_languages_that_are_tested() {
    for (path, text) in pages() {
        for (language, code) in blocks(&text) {
            match language.as_str() {
                // Diagrams, transcripts and files that other tests read.
                "" | "text" | "toml" | "rust,ignore" | "tsx" => {}
                // `commands` of ablo-cli reads these.
                "sh" => {}
                "json" => {
                    let parsed: Result<serde_json::Value, _> = serde_json::from_str(&code);
                    assert!(parsed.is_ok(), "docs/{path}: {parsed:?} in {code}");
                }
                "rust" | "rust,no_run" => {
                    assert!(
                        RUST.contains(&path.as_str()),
                        "docs/{path} has Rust that is not compiled"
                    );
                }
                "ts" => assert!(
                    TYPESCRIPT.contains(&path.as_str()),
                    "docs/{path} has TypeScript that is not compiled"
                ),
                "python" => assert!(
                    PYTHON.contains(&path.as_str()),
                    "docs/{path} has Python that is not run"
                ),
                other => panic!("docs/{path} has a block in `{other}`"),
            }
        }
    }
}

/// A page with each block behind `<!-- file: PATH -->` replaced by that file.
fn with_files(page: &str) -> String {
    let mut parts = page.split("<!-- file: ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once(" -->").expect("the comment is closed");
        let (fence, rest) = rest.split_once("```").expect("a block follows");
        let (language, rest) = rest.split_once('\n').expect("the fence is a line");
        let (_, rest) = rest.split_once("\n```").expect("the block is closed");
        let code = fixtures::read(&docs().join("..").join(path));
        write!(out, "<!-- file: {path} -->{fence}```{language}\n{code}```{rest}")
            .expect("a string");
    }
    out
}

#[test]
fn tutorials_show_files_that_are_tested() {
    let readme = ("../README.md".to_owned(), fixtures::read(&docs().join("../README.md")));
    let tutorials = pages().into_iter().filter(|(path, _)| path.starts_with("tutorial/"));
    for (path, text) in tutorials.chain([readme]) {
        let current = with_files(&text);
        assert!(text.contains("<!-- file: "), "docs/{path} shows no file");
        let file = docs().join(&path);
        if std::env::var_os("ABLO_BLESS").is_some() {
            fs::write(&file, &current).expect("docs can be written");
        }
        assert_eq!(
            fixtures::read(&file),
            current,
            "`ABLO_BLESS=1 cargo test -p ablo-tests --test repository book` updates it"
        );
    }
}

/// Lines of a block that are not elisions, without indentation.
fn shown_lines(code: &str) -> impl Iterator<Item = &str> {
    code.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "…")
}

#[test]
fn excerpts_occur_in_their_files() {
    let mut count = 0;
    for (path, text) in pages() {
        for part in text.split("<!-- excerpt: ").skip(1) {
            let (file, rest) = part.split_once(" -->").expect("the comment is closed");
            let (_, code) = &blocks(rest)[0];
            let source = fixtures::read(&docs().join("..").join(file));
            let mut lines = source.lines().map(str::trim);
            for shown in shown_lines(code) {
                assert!(lines.any(|line| line == shown), "docs/{path}: {file} lacks `{shown}`");
            }
            count += 1;
        }
    }
    assert!(count >= 2, "{count} excerpts");
}

#[test]
fn uncompiled_rust_is_an_excerpt() {
    for (path, text) in pages() {
        let ignored =
            blocks(&text).iter().filter(|(language, _)| language == "rust,ignore").count();
        let excerpts = text.matches("<!-- excerpt: ").count();
        assert_eq!(
            ignored, excerpts,
            "docs/{path} has Rust that is neither compiled nor an excerpt"
        );
    }
}

#[test]
fn the_schemas_of_the_reference_are_valid() {
    let page = fixtures::read(&docs().join("reference/schema-json.md"));
    let documents = blocks(&page).into_iter().filter(|(language, _)| language == "json");
    for (_, document) in documents {
        let read = ablo_schema::front::json::read_authored(&document);
        let messages: Vec<_> = read.diagnostics.iter().map(|one| one.message.clone()).collect();
        assert!(read.schema.is_some() && messages.is_empty(), "{messages:?}");
    }
}

/// Names of all members in a document, except names that authors choose.
fn members(value: &serde_json::Value, into: &mut BTreeSet<String>) {
    if let serde_json::Value::Object(object) = value {
        for (name, value) in object {
            into.insert(name.clone());
            match name.as_str() {
                "models" | "fields" | "relations" => {
                    for value in value.as_object().into_iter().flat_map(|map| map.values()) {
                        members(value, into);
                    }
                }
                "shape" | "default" => {}
                _ => members(value, into),
            }
        }
    } else if let serde_json::Value::Array(items) = value {
        items.iter().for_each(|item| members(item, into));
    }
}

#[test]
fn the_reference_describes_every_member_of_schema_json() {
    let page = fixtures::read(&docs().join("reference/schema-json.md"));
    let mut all = BTreeSet::new();
    let source = fixtures::root().join("rust/every-member");
    let folder = fs::read_dir(source).expect("the fixture is there");
    for entry in
        folder.flatten().filter(|entry| entry.path().extension().is_some_and(|e| e == "json"))
    {
        let text = fixtures::read(&entry.path());
        members(&serde_json::from_str(&text).expect("the fixture is JSON"), &mut all);
    }
    for folder in ["newsroom", "field-facets", "obstacle-course"] {
        let text =
            fixtures::read(&fixtures::root().join("schemas").join(folder).join("schema.json"));
        members(&serde_json::from_str(&text).expect("the fixture is JSON"), &mut all);
    }
    assert!(all.len() > 40, "{all:?}");
    let missing: Vec<_> = all
        .iter()
        .filter(|name| {
            !page.contains(&format!("`{name}`")) && !page.contains(&format!("\"{name}\""))
        })
        .collect();
    assert!(missing.is_empty(), "docs/reference/schema-json.md lacks {missing:?}");
}

#[test]
fn the_reference_describes_every_attribute() {
    let page = fixtures::read(&docs().join("reference/attributes.md"));
    for document in ["model.md", "enum.md"] {
        let path = docs().join("../ablo/src/docs").join(document);
        for line in fixtures::read(&path).lines().filter(|line| line.starts_with("| `")) {
            let cell = line.split('|').nth(1).unwrap_or_default();
            for word in cell.split('`').skip(1).step_by(2) {
                let word: String =
                    word.chars().take_while(|one| one.is_alphanumeric() || *one == '_').collect();
                assert!(
                    page.contains(&format!("`{word}")),
                    "docs/reference/attributes.md lacks `{word}`"
                );
            }
        }
    }
}

#[test]
fn the_reference_describes_every_metric() {
    let page = fixtures::read(&docs().join("reference/metrics.md"));
    let source = fixtures::read(&docs().join("../ablo-server/src/service/metrics.rs"));
    let mut names = BTreeSet::new();
    for call in source.split("registry.register(").skip(1) {
        let name = call.trim_start().trim_start_matches('"').split('"').next().unwrap_or_default();
        names.insert(format!("ablo_{name}"));
    }
    assert!(names.len() > 8, "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "docs/reference/metrics.md lacks {name}");
    }
}

/// Checks the part of a page between `<!-- name -->` and `<!-- /name -->`, or writes it.
fn generated(page: &str, name: &str, content: &str) {
    let path = docs().join(page);
    let text = fixtures::read(&path);
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (head, rest) = text.split_once(&begin).expect("the table's begin");
    let (_, tail) = rest.split_once(&end).expect("the table's end");
    let current = format!("{head}{begin}{content}\n{end}{tail}");
    if std::env::var_os("ABLO_BLESS").is_some() {
        fs::write(&path, &current).expect("docs can be written");
    }
    assert_eq!(
        fixtures::read(&path),
        current,
        "`ABLO_BLESS=1 cargo test -p ablo-tests --test repository book` updates it"
    );
}

/// The table of wire codes in docs/protocol/errors.md.
fn codes() -> String {
    let mut out = String::from(
        "\n| code | status | retryable | recovery | meaning |\n|---|---|---|---|---|\n",
    );
    for code in ablo_wire::CODES {
        let recovery = code.recovery.as_str();
        let retryable = if code.retryable { "yes" } else { "no" };
        let (name, status, meaning) = (code.code, code.status, code.meaning);
        writeln!(out, "| `{name}` | {status} | {retryable} | `{recovery}` | {meaning} |")
            .expect("a string");
    }
    out
}

#[test]
fn the_table_of_wire_codes_is_the_registry() {
    generated("protocol/errors.md", "codes", &codes());
}

#[test]
fn the_table_of_limits_is_that_of_the_coordinator() {
    let mut table = String::from("\n| name | default | meaning |\n|---|---|---|\n");
    for limit in ablo_server::Limits::table() {
        let (name, default, about) = (limit.name, limit.default, limit.about);
        writeln!(table, "| `{name}` | {default} | {about} |").expect("a string");
    }
    generated("limits.md", "limits", &table);
}

/// The values of a member, with links to the sections of levels.
fn values(kind: &Kind) -> String {
    let words = |words: &fn() -> Vec<&'static str>| {
        words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
    };
    let link = |level: &Level| format!("[{}](#{})", level.name, level.name.to_lowercase());
    match kind {
        Kind::Version => "`3`".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Text => "string".to_owned(),
        Kind::BooleanOrText => "boolean or string".to_owned(),
        Kind::Whole { min, max: Some(max) } => format!("{min} to {max}"),
        Kind::Whole { min, max: None } => format!("whole number from {min}"),
        Kind::OneOf(all) => words(all),
        Kind::TextSuchAs(_) => "string, see below".to_owned(),
        Kind::Texts => "array of strings".to_owned(),
        Kind::SomeOf(all) => format!("array of {}", words(all)),
        Kind::Any => "any JSON".to_owned(),
        Kind::JsonSchema => "JSON Schema".to_owned(),
        Kind::Of(level) => link(level),
        Kind::ListOf(level) => format!("array of {}", link(level)),
        Kind::MapOf(level) => format!("object of {}", link(level)),
    }
}

fn table_of_members<'m>(members: impl Iterator<Item = &'m Known>) -> String {
    let mut table = String::from("\n| member | type | required | meaning |\n|---|---|---|---|\n");
    for known in members {
        let required = if known.required.is_some() { "yes" } else { "no" };
        let (name, values, about) = (known.name, values(&known.kind), known.about);
        writeln!(table, "| `{name}` | {values} | {required} | {about} |").expect("a string");
    }
    table
}

#[test]
fn the_tables_of_schema_json_are_those_of_the_reader() {
    for level in LEVELS {
        let members = level.members.iter().filter(|known| !known.is_facet);
        generated("reference/schema-json.md", level.name, &table_of_members(members));
        let facets = level.members.iter().filter(|known| known.is_facet);
        if facets.clone().count() > 0 {
            generated("reference/schema-json.md", "facets", &table_of_members(facets));
        }
    }
}

/// Words of code in Markdown that name a file or folder of this repository.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let folders = ["ablo", "tests/", "docs/", "examples/", "fixtures/", "xtask/", "benches/"];
    text.split('`').skip(1).step_by(2).filter(move |word| {
        word.contains('/')
            && folders.iter().any(|folder| word.starts_with(folder))
            && word.chars().all(|one| one.is_alphanumeric() || "-_./".contains(one))
    })
}

#[test]
fn the_map_and_the_recipes_name_existing_files() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fixtures::read(&docs().join("..").join(page));
        assert!(paths(&text).count() > 10, "{page} names no files");
        for path in paths(&text) {
            assert!(docs().join("..").join(path).exists(), "{page} names {path}");
        }
    }
}
