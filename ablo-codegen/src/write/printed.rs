//! Files of this crate that are printed before a release, and the tests that keep them up to date.

use std::fs;
use std::path::Path;

/// Compares a file, below the folder of this crate, with what it is printed from. `ABLO_BLESS=1`
/// writes it.
pub(crate) fn assert_printed(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("ABLO_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    let is_printed = fs::read_to_string(file).unwrap() == text;
    assert!(is_printed, "{path} is stale: run this test with ABLO_BLESS=1");
}
