//! Derives names of a schema from names of a database, by inverting the default rules.

use ablo_schema::schema::default_column;
use std::collections::BTreeSet;

/// Reports whether a schema can use a name unchanged.
pub(super) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns the key of a table's model: `weatherReports` for `weather_reports`. A name without `_`
/// is unchanged.
pub(super) fn key(table: &str) -> String {
    let words: Vec<&str> =
        table.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let name = match words.as_slice() {
        [only] => (*only).to_owned(),
        words => words.iter().enumerate().map(|(at, word)| cased(word, at > 0)).collect(),
    };
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        Some(_) => format!("table{name}"),
        None => "table".to_owned(),
    }
}

/// Sets the case of a word's first letter. A word in capitals becomes lowercase after that.
fn cased(word: &str, capital: bool) -> String {
    let small = word.bytes().all(|byte| !byte.is_ascii_lowercase());
    let letter = |(at, letter): (usize, char)| match (at, capital) {
        (0, true) => letter.to_ascii_uppercase(),
        (0, false) => letter.to_ascii_lowercase(),
        _ if small => letter.to_ascii_lowercase(),
        _ => letter,
    };
    word.chars().enumerate().map(letter).collect()
}

/// Returns the typename of a model: `WeatherReports` for `weatherReports`.
pub(super) fn type_name(key: &str) -> String {
    key.chars()
        .enumerate()
        .map(|(at, letter)| if at == 0 { letter.to_ascii_uppercase() } else { letter })
        .collect()
}

/// The keys in use. Clients distinguish models without regard to case, `_`, or the first `Model` of
/// a typename.
#[derive(Default)]
pub(super) struct Keys(BTreeSet<String>);

impl Keys {
    /// Reserves a key, with a number appended if it is in use, and returns it.
    pub(super) fn reserve(&mut self, key: &str) -> String {
        let aliases = |key: &str| {
            let fold = |name: &str| name.replace('_', "").to_ascii_lowercase();
            [fold(key), fold(&type_name(key).replacen("Model", "", 1))]
        };
        let numbered = (2..).map(|number: u32| format!("{key}{number}"));
        let mut all = std::iter::once(key.to_owned()).chain(numbered);
        let free = all
            .find(|key| aliases(key).iter().all(|alias| !self.0.contains(alias)))
            .unwrap_or_default();
        self.0.extend(aliases(&free));
        free
    }
}

/// Returns the field name of a column: `createdBy` for `created_by`, without consecutive capitals.
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
            other if (raise || other.is_ascii_uppercase()) && !last_is_capital => {
                name.push(other.to_ascii_uppercase())
            }
            other => name.push(other.to_ascii_lowercase()),
        }
        raise = character == '_' && raise;
    }
    if name.is_empty() {
        name.push_str("field");
    }
    free(&name, taken)
}

/// Returns the field name of a column that stores a base field: `createdAt` for `created_at`,
/// `createdAt` and `CREATEDAT`.
pub(super) fn base_field(column: &str) -> String {
    let known = ["createdAt", "updatedAt", "createdBy"];
    let named = known.into_iter().find(|base| column.eq_ignore_ascii_case(base));
    named.map_or_else(|| field(column, &BTreeSet::new()), str::to_owned)
}

/// Returns the field name of a column, which is none of a base field.
pub(super) fn field_beside_base(column: &str, taken: &BTreeSet<String>) -> String {
    match field(column, &BTreeSet::new()).as_str() {
        "organizationId" => free("organizationRowId", taken),
        name @ ("id" | "createdAt" | "updatedAt" | "createdBy") => {
            let mut taken = taken.clone();
            taken.insert(name.to_owned());
            free(name, &taken)
        }
        name => free(name, taken),
    }
}

/// Returns the name, with a number appended if it is in use.
pub(super) fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number: u32| format!("{name}{number}"));
    std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

/// Reports whether a name fits a pattern, in which `*` stands for any text.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    let mut ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
    ends.any(|at| name.get(at..).is_some_and(|end| matches(rest, end)))
}

/// Returns the column name that a field has to declare because the default rule gives another.
pub(super) fn column_of(field: &str, column: &str) -> Option<String> {
    (default_column(field) != column).then(|| column.to_owned())
}

/// Returns the relation name for a foreign key: `project` for `projectId`.
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
    fn keys_are_idiomatic_and_unique() {
        for (table, name) in [
            ("tasks", "tasks"),
            ("weather_reports", "weatherReports"),
            ("Users", "Users"),
            ("AUDIT_LOG", "auditLog"),
            ("Weather_Reports", "weatherReports"),
            ("userID_map", "userIDMap"),
            ("_x", "x"),
            ("2_a", "table2A"),
            ("größen", "grEn"),
            ("___", "table"),
        ] {
            assert_eq!(key(table), name);
        }
        let mut keys = Keys::default();
        let claimed =
            ["aB", "ab", "users", "modelUsers", "model", "models"].map(|key| keys.reserve(key));
        assert_eq!(claimed, ["aB", "ab2", "users", "modelUsers2", "model", "models"]);
    }

    #[test]
    fn patterns_stand_for_any_text() {
        for (pattern, name, fits) in [
            ("tasks", "tasks", true),
            ("tasks", "tasks_old", false),
            ("tasks*", "tasks_old", true),
            ("*_old", "tasks_old", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("*", "größe", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn names_invert_the_default_rules() {
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
