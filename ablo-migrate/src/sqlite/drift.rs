//! Compares the catalog of a file with that of a provisioned database, and finds the statement that
//! fixes each difference.
//!
//! Definitions are compared by tokens, without the names of constraints.

use super::quoted;
use crate::catalog::{Catalog, Check, Column, Index, Table};
use crate::codes::{self, Code};
use crate::compare::Difference;
use crate::expression::{Token, tokens};

/// Returns every difference, in the order of the tables.
pub(super) fn differences(wanted: &Catalog, found: &Catalog) -> Vec<Difference> {
    let mut out = Vec::new();
    let is_taken =
        |index: &str| found.tables.values().any(|table| table.indexes.contains_key(index));
    for (name, wanted) in &wanted.tables {
        let mut comparison =
            TableComparison { table: name, wanted, found: &Table::default(), out: &mut out };
        match found.tables.get(name) {
            None => comparison.report(codes::TABLE_MISSING, None, None, None),
            Some(found) => {
                comparison.found = found;
                comparison.columns();
                comparison.checks();
                comparison.indexes(&is_taken);
                comparison.foreign_keys();
                comparison.definitions();
            }
        }
    }
    out
}

/// The comparison of one table.
struct TableComparison<'a> {
    table: &'a str,
    wanted: &'a Table,
    found: &'a Table,
    out: &'a mut Vec<Difference>,
}

impl TableComparison<'_> {
    fn report(
        &mut self,
        code: Code,
        part: Option<&str>,
        expected: Option<&str>,
        found: Option<&str>,
    ) {
        let mut difference = Difference::new(code, self.table, part);
        difference.expected = expected.map(str::to_owned);
        difference.found = found.map(str::to_owned);
        self.out.push(difference);
    }

    /// Sets the statement that fixes the last reported difference.
    fn fix_last(&mut self, statement: String) {
        if let Some(last) = self.out.last_mut() {
            last.fix = Some(statement);
        }
    }

    fn columns(&mut self) {
        for column in &self.wanted.columns {
            match self.found.column(&column.name) {
                None => {
                    self.report(
                        codes::COLUMN_MISSING,
                        Some(&column.name),
                        Some(&column.definition),
                        None,
                    );
                    if !column.not_null || column.default.as_deref().is_some_and(is_constant) {
                        let name = quoted(self.table);
                        self.fix_last(format!(
                            "ALTER TABLE {name} ADD COLUMN {};",
                            column.definition
                        ));
                    }
                }
                Some(found) => self.column(column, found),
            }
        }
        for extra in &self.found.columns {
            if self.wanted.column(&extra.name).is_none() {
                self.report(codes::COLUMN_EXTRA, Some(&extra.name), None, Some(&extra.definition));
                if let Some(last) = self.out.last_mut() {
                    last.incompatible =
                        extra.not_null && extra.default.is_none() && !extra.generated;
                }
            }
        }
        if self.wanted.primary_key != self.found.primary_key {
            let (wanted, found) =
                (self.wanted.primary_key.join(", "), self.found.primary_key.join(", "));
            let found = if found.is_empty() { "none" } else { &found };
            self.report(codes::PRIMARY_KEY, None, Some(&wanted), Some(found));
        }
    }

    fn column(&mut self, wanted: &Column, found: &Column) {
        let part = Some(wanted.name.as_str());
        if !wanted.type_name.eq_ignore_ascii_case(&found.type_name) {
            self.report(codes::COLUMN_TYPE, part, Some(&wanted.type_name), Some(&found.type_name));
        }
        if wanted.not_null != found.not_null {
            let show = |not_null: bool| Some(if not_null { "NOT NULL" } else { "NULL" });
            self.report(codes::COLUMN_NULL, part, show(wanted.not_null), show(found.not_null));
        }
        if wanted.default.as_deref().map(tokens) != found.default.as_deref().map(tokens) {
            let show =
                |column: &Column| column.default.clone().unwrap_or_else(|| "none".to_owned());
            self.report(codes::COLUMN_DEFAULT, part, Some(&show(wanted)), Some(&show(found)));
        }
    }

    fn checks(&mut self) {
        let (wanted, found) = (self.wanted, self.found);
        for (name, check) in &wanted.checks {
            if !found.checks.values().any(|actual| is_same_check(actual, check)) {
                let part = check.columns.first().unwrap_or(name);
                self.report(codes::CHECK_MISSING, Some(part), Some(&check.condition), None);
            }
        }
        for (name, actual) in &found.checks {
            if !wanted.checks.values().any(|check| is_same_check(actual, check)) {
                self.report(codes::CHECK_EXTRA, Some(name), None, Some(&actual.condition));
            }
        }
    }

    fn indexes(&mut self, is_taken: &dyn Fn(&str) -> bool) {
        let (wanted, found) = (self.wanted, self.found);
        for (name, index) in &wanted.indexes {
            if !found.indexes.values().any(|actual| is_same(index, actual)) {
                self.report(codes::INDEX_MISSING, Some(name), Some(&index.definition), None);
                // The index of a constraint has no statement of its own.
                if index.definition.starts_with("CREATE") && !is_taken(name) {
                    self.fix_last(format!("{};", index.definition));
                }
            }
        }
        for (name, actual) in &found.indexes {
            if !wanted.indexes.values().any(|index| is_same(index, actual)) {
                self.report(codes::INDEX_EXTRA, Some(name), None, Some(&actual.definition));
                if let Some(last) = self.out.last_mut() {
                    last.incompatible = actual.unique;
                }
            }
        }
    }

    fn foreign_keys(&mut self) {
        let (wanted, found) = (self.wanted, self.found);
        for key in wanted
            .foreign_keys
            .values()
            .filter(|key| !found.foreign_keys.values().any(|actual| actual == *key))
        {
            let column = key.columns.join(", ");
            self.report(
                codes::FOREIGN_KEY_MISSING,
                Some(&column),
                Some(&format!("a reference to {}", key.target)),
                None,
            );
        }
        for (name, actual) in &found.foreign_keys {
            if !wanted.foreign_keys.values().any(|key| actual == key) {
                let text =
                    format!("a reference from {} to {}", actual.columns.join(", "), actual.target);
                self.report(codes::FOREIGN_KEY_EXTRA, Some(name), None, Some(&text));
            }
        }
    }

    /// Compares what only the definitions show: collations, deferred keys and `STRICT`. Skipped if
    /// another difference explains why the definitions differ.
    fn definitions(&mut self) {
        if self.out.iter().any(|difference| {
            difference.table == self.table && difference.code != codes::COLUMN_EXTRA
        }) {
            return;
        }
        for column in &self.wanted.columns {
            let Some(found) = self.found.column(&column.name) else { continue };
            if meaning(&column.definition) != meaning(&found.definition) {
                self.report(
                    codes::DEFINITION,
                    Some(&column.name),
                    Some(&column.definition),
                    Some(&found.definition),
                );
            }
        }
        let sorted = |table: &Table| {
            let mut all: Vec<_> = table.definitions.iter().map(|text| meaning(text)).collect();
            all.sort_by_key(|tokens| format!("{tokens:?}"));
            all
        };
        if sorted(self.wanted) != sorted(self.found) {
            let show = |table: &Table| {
                if table.definitions.is_empty() {
                    "nothing".to_owned()
                } else {
                    table.definitions.join(", ")
                }
            };
            self.report(codes::DEFINITION, None, Some(&show(self.wanted)), Some(&show(self.found)));
        }
    }
}

/// Reports whether two indexes cover the same rows and columns and are equally unique.
fn is_same(wanted: &Index, actual: &Index) -> bool {
    let rows = |index: &Index| match index.definition.to_ascii_uppercase().find(" WHERE ") {
        Some(at) if index.partial => index.definition.get(at..).map(tokens),
        _ => None,
    };
    !wanted.columns.contains(&None)
        && wanted.columns == actual.columns
        && wanted.unique == actual.unique
        && wanted.partial == actual.partial
        && rows(wanted) == rows(actual)
}

fn is_same_check(one: &Check, other: &Check) -> bool {
    meaning(&one.condition) == meaning(&other.condition)
}

/// Returns the tokens of a definition, without the names of its constraints. A check of JSON is the
/// same with and without the default that SQLite before 3.45 needs for NULL.
fn meaning(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut all = tokens(text).into_iter();
    let is_word = |token: Option<&Token>, word: &str| token == Some(&Token::Word(word.to_owned()));
    while let Some(token) = all.next() {
        if is_word(Some(&token), "constraint") {
            all.next();
        } else if is_word(Some(&token), "coalesce") && is_word(out.last(), "json_valid") {
            out.extend(all.next());
            // The comma and the default.
            all.nth(1);
        } else {
            out.push(token);
        }
    }
    out
}

/// Reports whether a column with this default can be added. `ADD COLUMN` of SQLite accepts no
/// expression.
fn is_constant(default: &str) -> bool {
    !default.contains('(')
}
