//! docs/reference/errors.md: what `ablo explain` says of every code, on one page.

use crate::step::{cargo, root};
use std::fs;

const PAGE: &str = "docs/reference/errors.md";

fn page() -> Result<String, String> {
    cargo("ablo explain", &["run", "--quiet", "--package", "ablo-cli", "--", "explain"]).output()
}

/// Writes the page.
pub(crate) fn write() -> Result<(), String> {
    fs::write(root().join(PAGE), page()?).map_err(|error| format!("{PAGE}: {error}"))
}

/// Says when the page is stale.
pub(crate) fn check() -> Result<(), String> {
    let written = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if written == page()? {
        Ok(())
    } else {
        Err(format!("{PAGE} is stale: run `cargo xtask codes`"))
    }
}
