//! docs/reference/errors.md: the output of `ablo explain` for all codes, wrapped at 100 columns.

use crate::step::{cargo, root};
use std::fs;

const PAGE: &str = "docs/reference/errors.md";

fn page() -> Result<String, String> {
    let args = ["run", "--quiet", "--package", "ablo-cli", "--", "explain"];
    let page = cargo("ablo explain", &args).output()?;
    Ok(page.lines().map(wrapped).collect())
}

/// Wraps a paragraph at 100 columns.
fn wrapped(text: &str) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split(' ') {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > 100 {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out + "\n"
}

/// Writes the page.
pub(crate) fn write() -> Result<(), String> {
    fs::write(root().join(PAGE), page()?).map_err(|error| format!("{PAGE}: {error}"))
}

/// Reports whether the page is stale.
pub(crate) fn check() -> Result<(), String> {
    let current = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if current == page()? {
        Ok(())
    } else {
        Err(format!("{PAGE} is stale: run `cargo xtask codes`"))
    }
}
