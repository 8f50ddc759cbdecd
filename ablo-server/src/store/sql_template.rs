//! SQL with placeholders that is rendered for each dialect.
//!
//! `{1}` is the first parameter. `{1:date}`, `{1:json}` and `{1:texts}` are parameters in the form
//! of [`Cell`](crate::value::Cell), cast to a column of that type; `{1:list}` is a JSON array of
//! strings as the right side of `IN`. `{name:date}`, `{name:json}` and `{name:texts}` read a column
//! in that form, under its name, in a list of results; `{name:bytes}` is the length of its text.
//! All other text is copied.

pub(crate) use ablo_codegen::emit::sql::{quoted, quoted_text};

use std::borrow::Cow;
use std::sync::OnceLock;

/// The collation of numeric text in SQLite, which the store registers on every connection.
pub const DECIMAL_COLLATION: &str = "ablo_digits";

/// An SQL dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A statement of the coordinator.
#[derive(Debug)]
pub struct SqlTemplate {
    template: &'static str,
    rendered: [OnceLock<String>; 2],
}

impl SqlTemplate {
    /// Creates a statement from a template.
    #[must_use]
    pub const fn new(template: &'static str) -> Self {
        Self { template, rendered: [OnceLock::new(), OnceLock::new()] }
    }

    /// Returns the statement in a dialect.
    pub fn sql(&self, dialect: Dialect) -> &str {
        let at = match dialect {
            Dialect::Sqlite => 0,
            Dialect::Postgres => 1,
        };
        self.rendered[at].get_or_init(|| dialect.render(self.template))
    }
}

impl Dialect {
    /// Renders a template.
    #[must_use]
    pub fn render(self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 64);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((mark, after)) = after.split_once('}') else { break };
            let (name, form) = mark.split_once(':').unwrap_or((mark, ""));
            match name.parse::<usize>() {
                Ok(number) => out.push_str(&self.placeholder(number, form)),
                Err(_) => {
                    out.push_str(&self.column_expr(name, form));
                    // Rows are read by column name, whatever the expression.
                    if self == Dialect::Postgres && matches!(form, "date" | "json" | "texts") {
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

    /// Returns the expression for a parameter.
    #[must_use]
    pub fn placeholder(self, number: usize, form: &str) -> String {
        match (self, form) {
            (Dialect::Sqlite, "list") => format!("(SELECT value FROM json_each(?{number}))"),
            (Dialect::Sqlite, _) => format!("?{number}"),
            (Dialect::Postgres, "list") => {
                format!("(SELECT jsonb_array_elements_text(${number}::text::jsonb))")
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

    /// Returns the expression that reads a column.
    #[must_use]
    pub fn column_expr(self, column: &str, form: &str) -> Cow<'static, str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_render_for_each_dialect() {
        let text = SqlTemplate::new(
            "SELECT {expires_at:date}, {sync_groups:texts} FROM t WHERE a = {1} AND b < {2:date} \
             AND c IN {3:list}",
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
             $2::text::timestamptz AND c IN (SELECT jsonb_array_elements_text($3::text::jsonb))"
        );
    }
}
