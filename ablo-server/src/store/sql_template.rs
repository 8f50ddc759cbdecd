//! SQL with placeholders that is rendered for each dialect.
//!
//! `{1}` is the first parameter. `{1:date}`, `{1:json}` and `{1:texts}` are parameters in the form
//! of [`Cell`], cast to a column of that type; `{1:in}` compares what is before it with the strings
//! of a JSON array, and `{1:tuples}` is a JSON array of arrays as the table `tuples (value)`.
//! `{name:date}`, `{name:json}` and `{name:texts}` read a column in that form, under its name, in a
//! list of results; `{name:bytes}` is the length of its text. All other text is copied.

pub use ablo_codegen::emit::sql::Dialect;
pub(crate) use ablo_codegen::emit::sql::{quoted, quoted_text};

use crate::value::Cell;
use serde::Serialize;
use std::borrow::Cow;
use std::sync::OnceLock;

/// The collation of numeric text in SQLite, which the store registers on every connection.
pub const DECIMAL_COLLATION: &str = "ablo_digits";

/// A statement of the coordinator.
#[derive(Debug)]
pub struct SqlTemplate {
    text: Text,
    list: ListForm,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
}

/// The text of a template.
#[derive(Clone, Copy, Debug)]
enum Text {
    Statement(&'static str),
    Lookups(&'static [Lookup]),
}

/// Finds the rows of a table for each of the tuples `{2:tuples}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    /// The columns of the result.
    pub(crate) columns: &'static str,
    /// The table.
    pub(crate) table: &'static str,
    /// The condition for a row, which names the values as `tuples.value ->> 0` and so on.
    pub(crate) condition: &'static str,
}

/// How the parameter `{1:in}` is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListForm {
    /// As a JSON array of strings.
    Array,
    /// As the only string.
    Single,
}

impl SqlTemplate {
    /// Creates a statement from a template.
    #[must_use]
    pub const fn new(template: &'static str) -> Self {
        Self::with_list(template, ListForm::Array)
    }

    /// Creates a statement that returns the results of several lookups.
    pub(crate) const fn of_lookups(lookups: &'static [Lookup]) -> Self {
        Self::of_text(Text::Lookups(lookups), ListForm::Array)
    }

    const fn with_list(template: &'static str, list: ListForm) -> Self {
        Self::of_text(Text::Statement(template), list)
    }

    const fn of_text(text: Text, list: ListForm) -> Self {
        Self { text, list, sqlite: OnceLock::new(), postgres: OnceLock::new() }
    }

    /// Returns the statement in a dialect.
    pub fn sql(&self, dialect: Dialect) -> &str {
        let rendered = match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        };
        rendered.get_or_init(|| match self.text {
            Text::Statement(template) => render(dialect, template, self.list),
            Text::Lookups(lookups) => {
                let lookups = lookups.iter().map(|lookup| lookup.template(dialect));
                render(dialect, &lookups.collect::<Vec<_>>().join(" UNION ALL "), self.list)
            }
        })
    }
}

impl Lookup {
    /// Returns the template for a dialect. Both forms look the rows of each tuple up by an index,
    /// whatever the statistics say of the table.
    fn template(&self, dialect: Dialect) -> String {
        let Self { columns, table, condition } = self;
        match dialect {
            // SQLite does not reorder the tables of a `CROSS JOIN`.
            Dialect::Sqlite => {
                format!("SELECT {columns} FROM {{2:tuples}} CROSS JOIN {table} WHERE {condition}")
            }
            // PostgreSQL does not merge a subquery with `OFFSET` into the statement.
            Dialect::Postgres => format!(
                "SELECT found.* FROM {{2:tuples}} CROSS JOIN LATERAL (SELECT {columns} FROM \
                 {table} WHERE {condition} OFFSET 0) AS found"
            ),
        }
    }
}

/// A statement with one list parameter, which has a form without an array for lists of one string.
///
/// Most commits write one row, and reading an array takes both databases longer than the look-up.
#[derive(Debug)]
pub struct ListTemplate {
    single: SqlTemplate,
    array: SqlTemplate,
}

impl ListTemplate {
    /// Creates a statement from a template.
    #[must_use]
    pub const fn new(template: &'static str) -> Self {
        Self {
            single: SqlTemplate::with_list(template, ListForm::Single),
            array: SqlTemplate::new(template),
        }
    }

    /// Returns the statement for a list, and the list as a parameter.
    #[must_use]
    pub fn of<T: AsRef<str> + Serialize>(&self, texts: &[T]) -> (&SqlTemplate, Cell) {
        match texts {
            [text] => (&self.single, Cell::from(text.as_ref())),
            _ => (&self.array, json_list(texts)),
        }
    }
}

/// Returns a list of strings as a parameter `{1:in}`.
pub(crate) fn json_list(texts: &[impl Serialize]) -> Cell {
    Cell::Text(serde_json::to_string(texts).unwrap_or_default())
}

/// The expressions of a dialect for parameters and columns.
pub(crate) trait Expressions {
    /// Returns the expression for a parameter.
    fn placeholder(self, number: usize, form: &str) -> String;

    /// Returns the expression that reads a column.
    fn column_expr(self, column: &str, form: &str) -> Cow<'static, str>;
}

impl Expressions for Dialect {
    fn placeholder(self, number: usize, form: &str) -> String {
        match (self, form) {
            (Dialect::Sqlite, "list") => format!("(SELECT value FROM json_each(?{number}))"),
            (Dialect::Sqlite, "in") => format!("IN (SELECT value FROM json_each(?{number}))"),
            // An array is part of an index condition, whatever the statistics say of the table.
            (Dialect::Postgres, "in") => {
                format!("= ANY (ARRAY(SELECT jsonb_array_elements_text(${number}::text::jsonb)))")
            }
            (Dialect::Sqlite, "tuples") => format!("json_each(?{number}) AS tuples"),
            (Dialect::Sqlite, _) => format!("?{number}"),
            (Dialect::Postgres, "list") => {
                format!("(SELECT jsonb_array_elements_text(${number}::text::jsonb))")
            }
            (Dialect::Postgres, "tuples") => {
                format!("jsonb_array_elements(${number}::text::jsonb) AS tuples (value)")
            }
            (Dialect::Postgres, "texts") => {
                // An empty array stays empty, and NULL stays NULL.
                let texts =
                    format!("ARRAY(SELECT jsonb_array_elements_text(${number}::text::jsonb))");
                format!("CASE WHEN ${number}::text IS NOT NULL THEN {texts} END")
            }
            (Dialect::Postgres, "date") => format!("${number}::text::timestamptz"),
            (Dialect::Postgres, "json") => format!("${number}::text::jsonb"),
            (Dialect::Postgres, "") => format!("${number}"),
            (Dialect::Postgres, kind) => format!("${number}::text::{kind}"),
        }
    }

    fn column_expr(self, column: &str, form: &str) -> Cow<'static, str> {
        match (self, form) {
            (Dialect::Sqlite, "bytes") => Cow::Owned(format!("octet_length({column})")),
            (Dialect::Sqlite, _) => Cow::Owned(column.to_owned()),
            (Dialect::Postgres, "bytes") => {
                Cow::Owned(format!("octet_length(CAST({column} AS text))"))
            }
            (Dialect::Postgres, "date") => Cow::Owned(format!(
                "to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
            )),
            (Dialect::Postgres, "texts") => Cow::Owned(format!("to_json({column})::text")),
            (Dialect::Postgres, "") => Cow::Owned(column.to_owned()),
            (Dialect::Postgres, _) => Cow::Owned(format!("{column}::text")),
        }
    }
}

/// Renders a template.
fn render(dialect: Dialect, template: &str, list: ListForm) -> String {
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((mark, after)) = after.split_once('}') else { break };
        let (name, form) = mark.split_once(':').unwrap_or((mark, ""));
        match name.parse::<usize>() {
            Ok(number) if form == "in" && list == ListForm::Single => {
                out.push_str("= ");
                out.push_str(&dialect.placeholder(number, ""));
            }
            Ok(number) => out.push_str(&dialect.placeholder(number, form)),
            Err(_) => {
                out.push_str(&dialect.column_expr(name, form));
                // Rows are read by column name, whatever the expression.
                if dialect == Dialect::Postgres && matches!(form, "date" | "json" | "texts") {
                    out.push_str(" AS ");
                    out.push_str(name);
                }
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_render_for_each_dialect() {
        let text = SqlTemplate::new(
            "SELECT {expires_at:date}, {sync_groups:texts} FROM t WHERE a = {1} AND b < {2:date} \
             AND c {3:in}",
        );
        assert_eq!(
            text.sql(Dialect::Sqlite),
            "SELECT expires_at, sync_groups FROM t WHERE a = ?1 AND b < ?2 AND c IN (SELECT value \
             FROM json_each(?3))"
        );
        assert_eq!(
            text.sql(Dialect::Postgres),
            "SELECT to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') \
             AS expires_at, to_json(sync_groups)::text AS sync_groups FROM t WHERE a = $1 AND b < \
             $2::text::timestamptz AND c = ANY (ARRAY(SELECT \
             jsonb_array_elements_text($3::text::jsonb)))"
        );
    }

    #[test]
    fn a_list_of_one_string_is_passed_as_the_string() {
        let statement = ListTemplate::new("SELECT 1 FROM t WHERE a = {1} AND b {2:in}");
        let (single, value) = statement.of(&["x\"y"]);
        assert_eq!(single.sql(Dialect::Sqlite), "SELECT 1 FROM t WHERE a = ?1 AND b = ?2");
        assert_eq!(single.sql(Dialect::Postgres), "SELECT 1 FROM t WHERE a = $1 AND b = $2");
        assert_eq!(value, Cell::from("x\"y"));
        let (array, value) = statement.of(&["x", "y"]);
        assert!(array.sql(Dialect::Sqlite).contains("json_each(?2)"));
        assert_eq!(value, Cell::from(r#"["x","y"]"#));
        assert_eq!(statement.of::<&str>(&[]).1, Cell::from("[]"));
    }
}
