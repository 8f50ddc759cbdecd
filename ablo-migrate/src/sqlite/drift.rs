//! A file beside one that was provisioned: every difference, with the statement that would mend it.
//!
//! Texts are compared by their tokens: spaces, comments and quotes that need not be say nothing, nor do names of constraints.

use super::quoted;
use crate::codes::{self, Code};
use crate::compare::Difference;
use crate::expression::{Token, tokens};
use crate::live::{Column, Index, Live, Table};

/// Every difference, in the order of the tables.
pub(super) fn differences(wanted: &Live, found: &Live) -> Vec<Difference> {
    let mut out = Vec::new();
    let is_taken =
        |index: &str| found.tables.values().any(|table| table.indexes.contains_key(index));
    for (name, wanted) in &wanted.tables {
        let mut side = Side { table: name, wanted, found: &Table::default(), out: &mut out };
        match found.tables.get(name) {
            None => side.say(codes::TABLE_MISSING, None, None, None),
            Some(found) => {
                side.found = found;
                side.columns();
                side.checks();
                side.indexes(&is_taken);
                side.foreign_keys();
                side.remainder();
            }
        }
    }
    out
}

/// One table of both.
struct Side<'a> {
    table: &'a str,
    wanted: &'a Table,
    found: &'a Table,
    out: &'a mut Vec<Difference>,
}

impl Side<'_> {
    fn say(&mut self, code: Code, part: Option<&str>, expected: Option<&str>, found: Option<&str>) {
        let mut difference = Difference::new(code, self.table, part);
        difference.expected = expected.map(str::to_owned);
        difference.found = found.map(str::to_owned);
        self.out.push(difference);
    }

    fn mend(&mut self, statement: String) {
        if let Some(last) = self.out.last_mut() {
            last.mend = Some(statement);
        }
    }

    fn columns(&mut self) {
        for column in &self.wanted.columns {
            match self.found.column(&column.name) {
                None => {
                    self.say(
                        codes::COLUMN_MISSING,
                        Some(&column.name),
                        Some(&column.written),
                        None,
                    );
                    if !column.not_null || column.default.as_deref().is_some_and(is_constant) {
                        let name = quoted(self.table);
                        self.mend(format!("ALTER TABLE {name} ADD COLUMN {};", column.written));
                    }
                }
                Some(found) => self.column(column, found),
            }
        }
        for extra in &self.found.columns {
            if self.wanted.column(&extra.name).is_none() {
                self.say(codes::COLUMN_EXTRA, Some(&extra.name), None, Some(&extra.written));
                if let Some(last) = self.out.last_mut() {
                    last.misfit = extra.not_null && extra.default.is_none() && !extra.generated;
                }
            }
        }
        if self.wanted.primary_key != self.found.primary_key {
            let (wanted, found) =
                (self.wanted.primary_key.join(", "), self.found.primary_key.join(", "));
            let found = if found.is_empty() { "none" } else { &found };
            self.say(codes::PRIMARY_KEY, None, Some(&wanted), Some(found));
        }
    }

    fn column(&mut self, wanted: &Column, found: &Column) {
        let part = Some(wanted.name.as_str());
        if !wanted.type_name.eq_ignore_ascii_case(&found.type_name) {
            self.say(codes::COLUMN_TYPE, part, Some(&wanted.type_name), Some(&found.type_name));
        }
        if wanted.not_null != found.not_null {
            let said = |not_null: bool| Some(if not_null { "NOT NULL" } else { "NULL" });
            self.say(codes::COLUMN_NULL, part, said(wanted.not_null), said(found.not_null));
        }
        if wanted.default.as_deref().map(tokens) != found.default.as_deref().map(tokens) {
            let said =
                |column: &Column| column.default.clone().unwrap_or_else(|| "none".to_owned());
            self.say(codes::COLUMN_DEFAULT, part, Some(&said(wanted)), Some(&said(found)));
        }
    }

    fn checks(&mut self) {
        let (wanted, found) = (self.wanted, self.found);
        for (name, check) in &wanted.checks {
            if !found
                .checks
                .values()
                .any(|live| tokens(&live.condition) == tokens(&check.condition))
            {
                let part = check.columns.first().unwrap_or(name);
                self.say(codes::CHECK_MISSING, Some(part), Some(&check.condition), None);
            }
        }
        for (name, live) in &found.checks {
            if !wanted
                .checks
                .values()
                .any(|check| tokens(&live.condition) == tokens(&check.condition))
            {
                self.say(codes::CHECK_EXTRA, Some(name), None, Some(&live.condition));
            }
        }
    }

    fn indexes(&mut self, is_taken: &dyn Fn(&str) -> bool) {
        let (wanted, found) = (self.wanted, self.found);
        for (name, index) in &wanted.indexes {
            if !found.indexes.values().any(|live| is_same(index, live)) {
                self.say(codes::INDEX_MISSING, Some(name), Some(&index.definition), None);
                // One that a constraint brings along is no statement of its own.
                if index.definition.starts_with("CREATE") && !is_taken(name) {
                    self.mend(format!("{};", index.definition));
                }
            }
        }
        for (name, live) in &found.indexes {
            if !wanted.indexes.values().any(|index| is_same(index, live)) {
                self.say(codes::INDEX_EXTRA, Some(name), None, Some(&live.definition));
                if let Some(last) = self.out.last_mut() {
                    last.misfit = live.unique;
                }
            }
        }
    }

    fn foreign_keys(&mut self) {
        let (wanted, found) = (self.wanted, self.found);
        for key in wanted
            .foreign_keys
            .values()
            .filter(|key| !found.foreign_keys.values().any(|live| live == *key))
        {
            let column = key.columns.join(", ");
            self.say(
                codes::FOREIGN_KEY_MISSING,
                Some(&column),
                Some(&format!("a reference to {}", key.target)),
                None,
            );
        }
        for (name, live) in &found.foreign_keys {
            if !wanted.foreign_keys.values().any(|key| live == key) {
                let text =
                    format!("a reference from {} to {}", live.columns.join(", "), live.target);
                self.say(codes::FOREIGN_KEY_EXTRA, Some(name), None, Some(&text));
            }
        }
    }

    /// What the parts above do not show: collations, when keys are looked at, `STRICT`.
    fn remainder(&mut self) {
        if self.out.iter().any(|difference| {
            difference.table == self.table && difference.code != codes::COLUMN_EXTRA
        }) {
            return;
        }
        for column in &self.wanted.columns {
            let Some(found) = self.found.column(&column.name) else { continue };
            if meaning(&column.written) != meaning(&found.written) {
                self.say(
                    codes::DEFINITION,
                    Some(&column.name),
                    Some(&column.written),
                    Some(&found.written),
                );
            }
        }
        let sorted = |table: &Table| {
            let mut all: Vec<_> = table.written.iter().map(|text| meaning(text)).collect();
            all.sort_by_key(|tokens| format!("{tokens:?}"));
            all
        };
        if sorted(self.wanted) != sorted(self.found) {
            let said = |table: &Table| {
                if table.written.is_empty() {
                    "nothing".to_owned()
                } else {
                    table.written.join(", ")
                }
            };
            self.say(codes::DEFINITION, None, Some(&said(self.wanted)), Some(&said(self.found)));
        }
    }
}

/// Whether two indexes find and refuse the same.
fn is_same(wanted: &Index, live: &Index) -> bool {
    let rows = |index: &Index| match index.definition.to_ascii_uppercase().find(" WHERE ") {
        Some(at) if index.partial => index.definition.get(at..).map(tokens),
        _ => None,
    };
    !wanted.columns.contains(&None)
        && wanted.columns == live.columns
        && wanted.unique == live.unique
        && wanted.partial == live.partial
        && rows(wanted) == rows(live)
}

/// The tokens of a definition, without the names of its constraints.
fn meaning(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut all = tokens(text).into_iter();
    while let Some(token) = all.next() {
        if token == Token::Word("constraint".to_owned()) {
            all.next();
        } else {
            out.push(token);
        }
    }
    out
}

/// Whether a column with this default can be added: SQLite takes no expression there.
fn is_constant(default: &str) -> bool {
    !default.contains('(')
}
