//! Names of a schema from names of a database, by the default rules the other way round.

use ablo_schema::check::default_column;
use std::collections::BTreeSet;

/// Whether a name can be a column or a model in a schema as it is.
pub(super) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name for a model, like that of its table.
pub(super) fn plain(table: &str) -> String {
    let letters = table.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name = letters.collect::<Vec<_>>().join("_");
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) { name } else { format!("table_{name}") }
}

/// The field of a column: `created_by` is `createdBy`. No two capitals follow each other.
pub(super) fn field(column: &str, taken: &BTreeSet<String>) -> String {
    let mut name = String::new();
    let mut raise = false;
    for character in column.chars() {
        let last_is_capital = name.ends_with(|last: char| last.is_ascii_uppercase());
        match character {
            '_' => raise = !name.is_empty(),
            first if name.is_empty() => {
                if first.is_ascii_digit() {
                    name.push('f');
                }
                name.push(first.to_ascii_lowercase());
            }
            other if (raise || other.is_ascii_uppercase()) && !last_is_capital => name.push(other.to_ascii_uppercase()),
            other => name.push(other.to_ascii_lowercase()),
        }
        raise = character == '_' && raise;
    }
    if name.is_empty() {
        name.push_str("field");
    }
    free(&name, taken)
}

/// The name, with a number where it is taken.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number: u32| format!("{name}{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}

/// The column that a field has to name, where the default rule gives another.
pub(super) fn column_of(field: &str, column: &str) -> Option<String> {
    (default_column(field) != column).then(|| column.to_owned())
}

/// The relation of a field: `projectId` is `project`.
pub(super) fn relation(field: &str, taken: &BTreeSet<String>) -> String {
    match field.strip_suffix("Id") {
        Some(name) if !name.is_empty() => free(name, taken),
        _ => free(&format!("{field}Row"), taken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_back_by_the_default_rules() {
        for (column, name, own) in [
            ("created_by", "createdBy", None),
            ("a_b_c", "aBc", Some("a_b_c")),
            ("Name", "name", Some("Name")),
            ("_x", "x", Some("_x")),
            ("x__y", "xY", Some("x__y")),
            ("___", "field", Some("___")),
            ("projectID", "projectId", Some("projectID")),
            ("line_2", "line2", Some("line_2")),
        ] {
            assert_eq!(field(column, &BTreeSet::new()), name);
            assert_eq!(column_of(name, column).as_deref(), own, "{column}");
        }
        assert_eq!(field("a_b", &BTreeSet::from(["aB".to_owned(), "aB2".to_owned()])), "aB3");
    }
}
