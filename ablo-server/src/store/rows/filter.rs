//! The SQL of conditions, which select the same rows in both databases.

use super::query::Condition;
use super::select::{Select, sort_expr};
use super::table;
use crate::models::ColumnMapping;
use crate::store::Dialect;
use crate::value::Cell;

impl Select<'_> {
    /// Adds a condition.
    pub(super) fn condition(&mut self, condition: &Condition) {
        let text = match condition {
            Condition::Compare(column, operator, cell) => {
                self.compare(*column, *operator, cell.clone())
            }
            Condition::OneOf { column, values, negated } => self.one_of(*column, values, *negated),
            // An index of the type serves only comparisons of the type.
            Condition::TextIn(column, texts) if self.model.columns[*column].native.is_some() => {
                let own = &self.model.columns[*column];
                let held = |text: &&String| own.can_hold(&Cell::Text((*text).clone()));
                let number = self.bind_texts(&texts.iter().filter(held).collect::<Vec<_>>());
                let is_listed = table::among(own, number, self.dialect);
                format!("{} {is_listed}", self.column_name(*column))
            }
            Condition::TextIn(column, texts) => {
                let list = self.bind_list(texts);
                format!("{} IN {list}", self.text_expr(*column))
            }
            Condition::Null { column, negated } => {
                format!("{} IS {}NULL", self.column_name(*column), not(*negated))
            }
            Condition::Is { column, flag, negated } => self.is(*column, *flag, *negated),
            Condition::Like { column, pattern, negated, fold } => {
                self.like(*column, pattern, *negated, *fold)
            }
        };
        self.and(&text);
    }

    fn one_of(&mut self, column: usize, values: &[Cell], negated: bool) -> String {
        if values.is_empty() {
            return if negated { "1 = 1" } else { "1 = 0" }.to_owned();
        }
        let placeholders: Vec<String> =
            values.iter().map(|cell| self.bind(column, cell.clone())).collect();
        let name = self.column_name(column);
        let name = match self.model.columns[column].mapping {
            // Values of the type of the column.
            ColumnMapping::AsText(_) => name,
            _ => sort_expr(self.model, column, &name, self.dialect),
        };
        format!("{name} {}IN ({})", not(negated), placeholders.join(", "))
    }

    fn is(&mut self, column: usize, flag: bool, negated: bool) -> String {
        let (name, value) = (self.column_name(column), self.bind(column, Cell::Boolean(flag)));
        match self.dialect {
            Dialect::Sqlite => format!("{name} IS {}{value}", not(negated)),
            Dialect::Postgres if negated => format!("{name} IS DISTINCT FROM {value}"),
            Dialect::Postgres => format!("{name} IS NOT DISTINCT FROM {value}"),
        }
    }

    fn like(&mut self, column: usize, pattern: &str, negated: bool, fold: bool) -> String {
        let (name, not) = (self.column_name(column), not(negated));
        match (self.dialect, fold) {
            (Dialect::Postgres, _) => {
                let value = self.bind_text(Cell::from(pattern));
                let name = self.text_expr(column);
                format!("{name} {not}{} {value}", if fold { "ILIKE" } else { "LIKE" })
            }
            (Dialect::Sqlite, true) => {
                let value = self.bind(column, Cell::from(pattern));
                format!("{name} {not}LIKE {value} ESCAPE '\\'")
            }
            // SQLite's LIKE ignores case; its GLOB does not.
            (Dialect::Sqlite, false) => {
                let value = self.bind(column, Cell::Text(like_to_glob(pattern)));
                format!("{name} {not}GLOB {value}")
            }
        }
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// Converts a LIKE pattern to a GLOB pattern.
fn like_to_glob(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => out.push('*'),
            '_' => out.push('?'),
            '\\' => push_glob_literal(characters.next().unwrap_or('\\'), &mut out),
            other => push_glob_literal(other, &mut out),
        }
    }
    out
}

fn push_glob_literal(character: char, out: &mut String) {
    match character {
        '*' | '?' | '[' => out.extend(['[', character, ']']),
        other => out.push(other),
    }
}
