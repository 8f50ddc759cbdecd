//! Generates docs/reference/errors.md from the output of `ablo explain`.

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

/// Fails if the page is stale.
pub(crate) fn check() -> Result<(), String> {
    let current = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if current == page()? {
        Ok(())
    } else {
        Err(format!("{PAGE} is stale: run `cargo xtask codes`"))
    }
}
