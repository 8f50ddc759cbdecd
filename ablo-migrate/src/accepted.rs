//! The differences between a schema and the tables that were accepted when the database was
//! adopted. The ledger has them, so that drift reports only what changed since, and later
//! migrations leave them alone.

use crate::catalog::{Catalog, Table};
use crate::codes;
use crate::compare::Difference;
use ablo_schema::diff::Diff;
use ablo_schema::schema::Model;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A difference that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accepted {
    /// The code of the difference.
    pub code: String,
    /// The table.
    pub table: String,
    /// The column, index or other part. `None` for the table as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The definition in the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The definition in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Accepted {
    /// Returns a difference as accepted.
    pub(crate) fn new(difference: &Difference) -> Self {
        let Difference { code, table, part, expected, found, .. } = difference;
        Self {
            code: code.name.to_owned(),
            table: table.clone(),
            // The name of an index that is missing follows from those of its columns.
            part: part.clone().filter(|_| !is_by_columns(code.name)),
            expected: expected.clone(),
            found: found.clone(),
        }
    }

    /// Returns the same difference after some names changed.
    fn reworded(&self, renames: &Renames<'_>) -> Self {
        let words = renames.words(&self.table);
        let text = |text: &Option<String>| text.as_deref().map(|text| reworded(text, &words));
        Self {
            code: self.code.clone(),
            table: renames.tables.get(&*self.table).map_or(&*self.table, |to| to).to_owned(),
            part: text(&self.part).filter(|_| is_of_column(&self.code)).or(self.part.clone()),
            expected: text(&self.expected),
            found: text(&self.found),
        }
    }
}

/// Reports whether a difference is known by the columns of an index instead of its name.
fn is_by_columns(code: &str) -> bool {
    [codes::INDEX_MISSING.name, codes::INDEX_DIFFERS.name].contains(&code)
}

/// Reports whether the part of a difference is a column, or a list of them.
fn is_of_column(code: &str) -> bool {
    let of_columns = [codes::CHECK_MISSING.name, codes::FOREIGN_KEY_MISSING.name];
    code.starts_with("ablo::drift::column_") || of_columns.contains(&code)
}

/// Returns the differences that were not accepted.
pub(crate) fn unaccepted(differences: Vec<Difference>, accepted: &[Accepted]) -> Vec<Difference> {
    let known: BTreeSet<&Accepted> = accepted.iter().collect();
    differences.into_iter().filter(|one| !known.contains(&Accepted::new(one))).collect()
}

/// Returns a finding for each object that was accepted and is gone.
pub(crate) fn gone(accepted: &[Accepted], catalog: &Catalog) -> Vec<Difference> {
    let is_gone = |one: &&Accepted| {
        let found = catalog.tables.get(&one.table).zip(one.part.as_deref());
        found.is_some_and(|(table, part)| {
            names(table, &one.code).is_some_and(|names| !names.contains(part))
        })
    };
    let report = |one: &Accepted| {
        let mut difference =
            Difference::new(codes::UNMANAGED_GONE, &one.table, one.part.as_deref());
        difference.expected.clone_from(&one.found);
        difference
    };
    accepted.iter().filter(is_gone).map(report).collect()
}

/// Returns the names of the objects of a table that a code reports as extra.
fn names<'t>(table: &'t Table, code: &str) -> Option<BTreeSet<&'t str>> {
    let names: Vec<&String> = match code {
        _ if code == codes::CHECK_EXTRA.name => table.checks.keys().collect(),
        _ if code == codes::INDEX_EXTRA.name => table.indexes.keys().collect(),
        _ if code == codes::FOREIGN_KEY_EXTRA.name => table.foreign_keys.keys().collect(),
        _ if code == codes::COLUMN_EXTRA.name => {
            table.columns.iter().map(|column| &column.name).collect()
        }
        _ if [codes::POLICY_EXTRA.name, codes::POLICY_RESTRICTIVE.name].contains(&code) => {
            table.policies.keys().collect()
        }
        _ => return None,
    };
    Some(names.into_iter().map(String::as_str).collect())
}

/// Returns what remains accepted after a migration: without what it drops, under the names that it
/// gives.
pub(crate) fn carried(accepted: &[Accepted], diff: &Diff<'_>, catalog: &Catalog) -> Vec<Accepted> {
    let Some(prev) = diff.prev() else { return Vec::new() };
    if accepted.is_empty() {
        return Vec::new();
    }
    let mut renames = Renames::default();
    let mut dropped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for was in prev.models() {
        match diff.next_model(was.key.as_str()) {
            Some(is) => renames.add(was, is, diff, &mut dropped),
            None => renames.dropped.extend([was.table.as_str()]),
        }
    }
    let remains = |one: &&Accepted| {
        let is_dropped = |column: &&str| {
            one.part.as_deref() == Some(column) && is_of_column(&one.code)
                || uses(one, column, catalog)
        };
        let columns = dropped.get(&*one.table);
        !renames.dropped.contains(&*one.table)
            && !columns.is_some_and(|columns| columns.iter().any(is_dropped))
    };
    accepted.iter().filter(remains).map(|one| one.reworded(&renames)).collect()
}

/// Reports whether an accepted object is dropped with a column.
fn uses(one: &Accepted, column: &str, catalog: &Catalog) -> bool {
    let Some((table, part)) = catalog.tables.get(&one.table).zip(one.part.as_ref()) else {
        return false;
    };
    let has = |columns: &[String]| columns.iter().any(|name| name == column);
    match &*one.code {
        code if code == codes::CHECK_EXTRA.name => {
            table.checks.get(part).is_some_and(|check| has(&check.columns))
        }
        code if code == codes::FOREIGN_KEY_EXTRA.name => {
            table.foreign_keys.get(part).is_some_and(|key| has(&key.columns))
        }
        code if code == codes::INDEX_EXTRA.name => {
            let of_table = |one: &&crate::catalog::Dependent| {
                one.kind != "foreign key" && one.table.is_none() && one.name == *part
            };
            table.dependents.iter().find(of_table).is_some_and(|one| has(&one.columns))
        }
        _ => false,
    }
}

/// The names that a migration changes.
#[derive(Default)]
struct Renames<'s> {
    tables: BTreeMap<&'s str, &'s str>,
    /// The columns of each table, under its previous name.
    columns: BTreeMap<&'s str, BTreeMap<&'s str, &'s str>>,
    dropped: BTreeSet<&'s str>,
}

impl<'s> Renames<'s> {
    /// Adds the renames of a model, and the columns that it loses.
    fn add(
        &mut self,
        was: &'s Model,
        is: &'s Model,
        diff: &Diff<'s>,
        dropped: &mut BTreeMap<&'s str, Vec<&'s str>>,
    ) {
        let (from, to) = (was.table.as_str(), is.table.as_str());
        if from != to {
            self.tables.insert(from, to);
        }
        for field in &was.fields {
            let column = field.column.as_str();
            match diff.next_field(was.key.as_str(), field.name.as_str()) {
                Some(next) if next.column != field.column => {
                    self.columns.entry(from).or_default().insert(column, next.column.as_str());
                }
                Some(_) => {}
                None => dropped.entry(from).or_default().push(column),
            }
        }
    }

    /// Returns the words to replace in texts on a table.
    fn words(&self, table: &str) -> BTreeMap<&str, &str> {
        let columns = self.columns.get(table).into_iter().flatten();
        self.tables.iter().chain(columns).map(|(from, to)| (*from, *to)).collect()
    }
}

/// Replaces whole words of a text.
fn reworded(text: &str, words: &BTreeMap<&str, &str>) -> String {
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let inside = is_of_word(first);
        let end = rest.find(|letter| is_of_word(letter) != inside).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        out.push_str(words.get(word).unwrap_or(&word));
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_replaced_at_once() {
        let words = BTreeMap::from([("a", "b"), ("b", "a"), ("größe", "size")]);
        assert_eq!(reworded("an index on a, b", &words), "an index on b, a");
        assert_eq!(reworded("(\"a\" > ab_a) größe", &words), "(\"b\" > ab_a) size");
        assert_eq!(reworded("", &words), "");
    }
}
