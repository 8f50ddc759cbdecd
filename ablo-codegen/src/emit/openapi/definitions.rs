//! Schemas of the protocol, which are the same for every schema.
//!
//! `schemas.json` is a part of the document that is printed before a release: a test prints it from
//! the wire types and keeps it up to date.

#[cfg(test)]
mod print;

use crate::emit::json::template::Fragment;

/// The schemas as members of `components.schemas`.
const DOCUMENT: &str = include_str!("schemas.json");
const OPEN: &str = "{\n  \"components\": {\n    \"schemas\": {";
const CLOSE: &str = "\n    }\n  }\n}\n";

/// Returns the members, as they are printed in a document.
pub(super) fn schemas() -> Fragment {
    Fragment::printed(members())
}

/// Returns all names of the protocol, reached or not, so that a new operation never renames a
/// model's schema.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    // A schema begins on a line that is indented by six spaces; what it contains, by more.
    let first = members().split("\n      \"").skip(1);
    first.filter_map(|line| line.split_once('"')).map(|(name, _)| name)
}

fn members() -> &'static str {
    DOCUMENT.strip_prefix(OPEN).and_then(|text| text.strip_suffix(CLOSE)).unwrap_or_default()
}
