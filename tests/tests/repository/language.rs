//! Holds the language of sources and documentation: words, identifiers, widths and citations.
//!
//! docs/glossary.md has the terms to use instead.

use std::fs;
use std::path::{Path, PathBuf};

/// Line width of code, comments and Markdown.
const WIDTH: usize = 100;

/// Words that the field does not use. Spelled apart, so that this file does not contain them.
const WORDS: [&str; 7] = [
    concat!("who", "ever"),
    concat!("no", "body"),
    concat!("a", "new"),
    concat!("me", "nd"),
    concat!("me", "nds"),
    concat!("me", "nded"),
    concat!("fails", " never"),
];

/// Words that prose does not use. Stored columns have one of these names.
const PROSE_WORDS: [&str; 2] = [concat!("to", "ld"), concat!("ne", "ws")];

/// Openings of comments that hide the subject.
const OPENINGS: [&str; 7] =
    ["What ", "Who ", "Whom ", "Whose ", "As it ", "So that ", "None that "];

/// Former names that the glossary replaces.
const IDENTIFIERS: [&str; 24] = [
    concat!("To", "ld"),
    concat!("Line", "Change"),
    concat!("Ne", "ws"),
    concat!("Pati", "ence"),
    concat!("Un", "veil"),
    concat!("En", "close"),
    concat!("Un", "fit"),
    concat!("Res", "ting"),
    concat!("Gi", "ft"),
    concat!("Wi", "sh"),
    concat!("right", "ful"),
    concat!("co", "urt"),
    concat!("Co", "urt"),
    concat!("res", "cue"),
    concat!("mor", "tal"),
    concat!("Mor", "tal"),
    concat!("LONG", "EST_TTL"),
    concat!("LONG", "EST_ID"),
    concat!("MO", "ST_ROWS"),
    concat!("MO", "ST_OPERATIONS"),
    concat!("largest", "_body"),
    concat!("most", "_connections"),
    concat!("longest", "_socket"),
    concat!("as_it", "_is"),
];

struct Source {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Sources and documents that people write: no generated files, snapshots or recorded input.
fn sources(endings: &[&str]) -> Vec<Source> {
    let skipped = [
        "target",
        "node_modules",
        ".git",
        "fixtures",
        "goldens",
        "compiled",
        "snapshots",
        "generated",
        "corpus",
        "artifacts",
        "book",
        ".venv",
    ];
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        // `ablo generate` owns a folder with this list.
        if folder.join(".ablo-files").exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !skipped.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let path = path.strip_prefix(root()).expect("below the root");
                found.push(Source { path: path.to_string_lossy().into_owned(), text });
            }
        }
    }
    assert!(found.len() > 10, "only {} files end with {endings:?}", found.len());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether a text has a word, with no letter, digit or underscore beside it.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Collects a message for every line of every source that a check complains about.
fn report(endings: &[&str], check: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources(endings) {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(complaint) = check(line) {
                found.push(format!("{}:{}: {complaint}", source.path, number + 1));
            }
        }
    }
    found
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

#[test]
fn private_words_do_not_occur() {
    assert_none(&report(&[".rs", ".ts", ".py", ".md"], |line| {
        // The system user of this name is data.
        let line = line.to_lowercase().replace(concat!("\"no", "body\""), "");
        let word = WORDS.iter().find(|word| has_word(&line, word))?;
        Some(format!("`{word}`; docs/glossary.md has the terms of the field"))
    }));
}

#[test]
fn words_of_prose_do_not_occur() {
    let find = |line: &str| {
        let line = line.to_lowercase();
        let word = PROSE_WORDS.iter().find(|word| has_word(&line, word))?;
        Some(format!("`{word}` in prose"))
    };
    let mut found = report(&[".rs", ".ts", ".py"], |line| {
        let comment = line.trim_start();
        comment.starts_with(['/', '*', '#']).then(|| find(comment)).flatten()
    });
    found.extend(report(&[".md"], find));
    assert_none(&found);
}

#[test]
fn former_names_do_not_occur() {
    assert_none(&report(&[".rs"], |line| {
        let name = IDENTIFIERS.iter().find(|name| has_word(line, name))?;
        Some(format!("`{name}` is a former name"))
    }));
}

#[test]
fn comments_begin_with_their_subject() {
    assert_none(&report(&[".rs", ".ts"], |line| {
        let line = line.trim_start();
        let text = ["/// ", "//! ", "/** "].iter().find_map(|mark| line.strip_prefix(mark))?;
        let opening = OPENINGS.iter().find(|opening| text.starts_with(*opening))?;
        // A question in a test of documentation, such as "What is a claim?", is prose.
        (!text.ends_with('?')).then(|| format!("a comment opens with `{opening}`"))
    }));
}

/// A table row and a line without a space to break at cannot be wrapped.
fn may_be_wide(path: &str, line: &str) -> bool {
    let is_table = path.ends_with(".md") && line.trim_start().starts_with('|');
    let longest_word = line.split_whitespace().map(|word| word.chars().count()).max();
    is_table || longest_word.unwrap_or(0) > WIDTH - 20
}

#[test]
fn lines_are_at_most_100_columns_wide() {
    let mut wide = Vec::new();
    for source in sources(&[".rs", ".ts", ".py", ".md"]) {
        for (number, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > WIDTH && !may_be_wide(&source.path, line) {
                wide.push(format!("{}:{}: {columns} columns", source.path, number + 1));
            }
        }
    }
    assert_none(&wide);
}

/// Names of Markdown files in a line: runs of path characters that end with `.md`.
fn citations(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !(is_word(letter) || matches!(letter, '.' | '/' | '-')))
        .filter(|word| word.ends_with(".md") && word.len() > 3)
}

/// Code may name other Markdown files, which it writes or reads.
fn is_citation(path: &str, line: &str, name: &str) -> bool {
    path.ends_with(".md") || name.starts_with("docs/") || line.contains(&format!("{name} §"))
}

#[test]
fn cited_documents_exist() {
    let mut missing = Vec::new();
    for source in sources(&[".rs", ".ts", ".py", ".md"]) {
        let path = root().join(&source.path);
        let folder = path.parent().expect("files are in folders");
        for (number, line) in source.text.lines().enumerate() {
            let line = &line.replace("\\n", " ");
            for name in citations(line).filter(|name| is_citation(&source.path, line, name)) {
                if !root().join(name).exists() && !folder.join(name).exists() {
                    missing.push(format!("{}:{}: {name}", source.path, number + 1));
                }
            }
        }
    }
    assert_none(&missing);
}
