//! Provisioning: definitions in, an idempotent program out.
//!
//! Plain SQL cannot ask before it alters: what is missing is made where `IF NOT EXISTS` can make it, and what differs in
//! tables that are there already is said, for a migration to mend.

use super::ddl::TableDef;
use super::names::{Ident, Literal, Sql, Whole, sql};
use super::render::CreateMode;

pub(crate) const HEADER: &str = "\
-- Written by ablo for SQLite 3.37 and later: change the schema, not this file.
--
-- Running it again is safe: it makes the tables and indexes that are missing and leaves everything else as it is. A table
-- that is there already keeps its columns: each that is missing or differs is printed as ablo::provision::<what>.
-- With sqlite3: sqlite3 -bail app.db < provision.sql
--
-- SQLite has no row security: who may see which rows is for whoever opens the file to enforce. Foreign keys are enforced
-- in connections that say PRAGMA foreign_keys = ON.
";

/// The program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provision {
    /// Everything, in one transaction, `BEGIN` and `COMMIT` included: one text for a driver's batch call.
    pub transaction: String,
}

impl Provision {
    /// The program as one file, for the `sqlite3` shell.
    #[must_use]
    pub fn file(&self) -> String {
        self.file_under(HEADER)
    }

    /// The same below another header.
    pub(crate) fn file_under(&self, header: &str) -> String {
        format!("{header}\n{}", self.transaction)
    }
}

/// Writes definitions as a program, each under its title.
pub(crate) fn provision(tables: &[(Title<'_>, TableDef<'_>)]) -> Provision {
    let mut out = String::from("BEGIN IMMEDIATE;\n");
    if !tables.is_empty() {
        differences(tables, &mut out);
    }
    for (title, table) in tables {
        sql!(&mut out, "\n-- ", title, "\n", table.create(CreateMode::IfNotExists), "\n");
        for index in &table.indexes {
            sql!(&mut out, index.create(&table.name, CreateMode::IfNotExists), "\n");
        }
    }
    out.push_str("\nCOMMIT;\n");
    Provision { transaction: out }
}

/// What stands above a table: one line.
#[derive(Debug)]
pub(crate) enum Title<'a> {
    /// The key of its model: an ASCII identifier, so that it cannot end the comment.
    Model(&'a str),
    /// A service's table and what it is for, both text of this program.
    Service(&'static str, &'static str),
}

impl Sql for Title<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Title::Model(key) => out.push_str(key),
            Title::Service(name, about) => sql!(out, *name, ": ", *about),
        }
    }
}

/// A query that says which columns a table lacks that is there already, and which are others.
fn differences(tables: &[(Title<'_>, TableDef<'_>)], out: &mut String) {
    sql!(out, "\n-- What differs in tables that are there already.\n");
    sql!(out, "WITH wanted (\"table\", \"column\", \"type\", required) AS (VALUES");
    let columns = tables
        .iter()
        .flat_map(|(_, table)| table.columns.iter().map(move |column| (&table.name, column)));
    for (at, (table, column)) in columns.enumerate() {
        let required = i128::from(column.not_null);
        sql!(out, if at == 0 { "\n  (" } else { ",\n  (" }, name(table), ", ", name(&column.name));
        sql!(out, ", '", column.storage, "', ", Whole(required), ")");
    }
    sql!(
        out,
        "\n)
SELECT CASE
  WHEN found.name IS NULL THEN 'ablo::provision::column_missing: '
  WHEN upper(found.\"type\") <> wanted.\"type\" THEN 'ablo::provision::type_differs: '
  ELSE 'ablo::provision::null_allowed: '
END || wanted.\"table\" || '.' || wanted.\"column\" || ' is to be ' || wanted.\"type\" || iif(required, ' NOT NULL', '')
FROM wanted
JOIN sqlite_schema AS made ON made.type = 'table' AND made.name = wanted.\"table\" COLLATE NOCASE
LEFT JOIN pragma_table_xinfo(wanted.\"table\") AS found ON found.name = wanted.\"column\" COLLATE NOCASE
WHERE found.name IS NULL OR upper(found.\"type\") <> wanted.\"type\" OR required > found.\"notnull\" + found.pk;
"
    );
}

/// A name as text.
fn name<'a>(name: &'a Ident<'_>) -> Literal<'a> {
    Literal::new(name.as_str())
}
