//! SQL that both databases take: one text with marks, spelled for each.
//!
//! `{1}` is the first value. `{1:date}`, `{1:json}` and `{1:texts}` are values in the form of [`Cell`](crate::value::Cell) that a column of
//! that type is given; `{1:list}` is a JSON array of texts as a list to look in. `{name:date}`, `{name:json}` and `{name:texts}` read a column in
//! that form. Everything else is left as it is.

use std::borrow::Cow;
use std::sync::OnceLock;

/// The order of digits that SQLite keeps as text; the store teaches it to every connection.
pub const DIGITS: &str = "ablo_digits";

/// Which SQL a store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A statement of the coordinator itself.
#[derive(Debug)]
pub struct SqlTemplate {
    marked: &'static str,
    spelled: [OnceLock<String>; 2],
}

impl SqlTemplate {
    /// A statement with marks.
    #[must_use]
    pub const fn new(marked: &'static str) -> Self {
        Self { marked, spelled: [OnceLock::new(), OnceLock::new()] }
    }

    /// The statement for a database.
    pub fn of(&self, dialect: Dialect) -> &str {
        let at = match dialect {
            Dialect::Sqlite => 0,
            Dialect::Postgres => 1,
        };
        self.spelled[at].get_or_init(|| dialect.spell(self.marked))
    }
}

impl Dialect {
    /// Spells a statement with marks.
    #[must_use]
    pub fn spell(self, marked: &str) -> String {
        let mut out = String::with_capacity(marked.len() + 64);
        let mut rest = marked;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((mark, after)) = after.split_once('}') else { break };
            let (name, form) = mark.split_once(':').unwrap_or((mark, ""));
            match name.parse::<usize>() {
                Ok(number) => out.push_str(&self.value(number, form)),
                Err(_) => out.push_str(&self.read(name, form)),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// A value.
    #[must_use]
    pub fn value(self, number: usize, form: &str) -> String {
        match (self, form) {
            (Dialect::Sqlite, "list") => format!("(SELECT value FROM json_each(?{number}))"),
            (Dialect::Sqlite, _) => format!("?{number}"),
            (Dialect::Postgres, "list") => {
                format!("(SELECT jsonb_array_elements_text(${number}::text::jsonb))")
            }
            (Dialect::Postgres, "texts") => {
                // An array of nothing is empty; what is absent stays so.
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

    /// A column as it is read.
    #[must_use]
    pub fn read(self, column: &str, form: &str) -> Cow<'static, str> {
        match (self, form) {
            (Dialect::Sqlite, _) => Cow::Owned(column.to_owned()),
            (Dialect::Postgres, "date") => Cow::Owned(format!(
                "to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
            )),
            (Dialect::Postgres, "texts") => Cow::Owned(format!("to_json({column})::text")),
            (Dialect::Postgres, "") => Cow::Owned(column.to_owned()),
            (Dialect::Postgres, _) => Cow::Owned(format!("{column}::text")),
        }
    }
}

/// A name as SQL has it.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_own_spelling() {
        let text = SqlTemplate::new(
            "SELECT {expires_at:date}, {sync_groups:texts} FROM t WHERE a = {1} AND b < {2:date} AND c IN {3:list}",
        );
        assert_eq!(
            text.of(Dialect::Sqlite),
            "SELECT expires_at, sync_groups FROM t WHERE a = ?1 AND b < ?2 AND c IN (SELECT value FROM json_each(?3))"
        );
        assert_eq!(
            text.of(Dialect::Postgres),
            "SELECT to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), to_json(sync_groups)::text \
             FROM t WHERE a = $1 AND b < $2::text::timestamptz AND c IN (SELECT jsonb_array_elements_text($3::text::jsonb))"
        );
    }
}
