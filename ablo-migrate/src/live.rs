//! What a database really holds, as one plain value that can be compared.
//!
//! An introspection of a dialect fills it; nothing here knows how.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tables of one schema of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// By name.
    pub tables: BTreeMap<String, Table>,
    /// What is there beside tables, in order.
    pub others: Vec<Other>,
}

impl Live {
    /// A hash of the tables of these names, and of which of them are there: 64 hex digits.
    #[must_use]
    pub fn fingerprint<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        let of: BTreeMap<&str, Option<&Table>> =
            names.into_iter().map(|name| (name, self.tables.get(name))).collect();
        // Names, texts and flags always serialise.
        let text = serde_json::to_string(&of).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

/// A view, a type, and other things that are no tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Other {
    /// `view`, `materialized view`, `foreign table`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// In their order.
    pub columns: Vec<Column>,
    /// The primary key's columns, in order; none without a key.
    pub primary_key: Vec<String>,
    /// By name.
    pub checks: BTreeMap<String, Check>,
    /// By name, without that of the primary key.
    pub indexes: BTreeMap<String, Index>,
    /// By name.
    pub foreign_keys: BTreeMap<String, ForeignKey>,
    /// Whether row security is on.
    pub row_security: bool,
    /// Whether it holds for the table's owner too.
    pub forced: bool,
    /// By name.
    pub policies: BTreeMap<String, Policy>,
    /// The names of triggers that somebody made.
    pub triggers: Vec<String>,
    /// Whether it is made of partitions.
    pub partitioned: bool,
    /// In SQLite, what is written of it beside its columns: constraints of several, and `STRICT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub written: Vec<String>,
}

impl Table {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// One column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type as the server prints it.
    pub type_name: String,
    /// Whether every row has a value.
    pub not_null: bool,
    /// The default's expression as the server prints it.
    pub default: Option<String>,
    /// Whether the server makes its values: an identity, or an expression of other columns.
    pub generated: bool,
    /// The comment.
    pub comment: Option<String>,
    /// In SQLite, all that is written of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub written: String,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The condition as the server prints it.
    pub condition: String,
    /// The columns that it is about.
    pub columns: Vec<String>,
    /// Whether every row is known to pass.
    pub validated: bool,
}

/// One index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Its columns in order; none stands for an expression.
    pub columns: Vec<Option<String>>,
    /// How it is organised, `btree`.
    pub method: String,
    /// Whether no two rows share its values.
    pub unique: bool,
    /// Whether queries may use it.
    pub valid: bool,
    /// Whether it is about some rows only.
    pub partial: bool,
    /// As the server prints it.
    pub definition: String,
}

impl Index {
    /// Whether it is a plain index of exactly these columns.
    pub(crate) fn is_on(&self, columns: &[String]) -> bool {
        !self.partial && self.columns.iter().map(Option::as_ref).eq(columns.iter().map(Some))
    }
}

/// One foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignKey {
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The schema of the referenced table, where it is another.
    pub target_schema: Option<String>,
    /// The referenced table.
    pub target: String,
    /// The referenced columns.
    pub target_columns: Vec<String>,
    /// What deleting a referenced row does, `a` for nothing.
    pub on_delete: String,
    /// Whether it is looked at when the transaction commits.
    pub deferred: bool,
    /// Whether every row is known to pass.
    pub validated: bool,
}

/// One row-security policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether it widens what is seen.
    pub permissive: bool,
    /// `*` for all commands.
    pub command: String,
    /// Whether it is for every role.
    pub everyone: bool,
    /// Which rows are seen.
    pub using: Option<String>,
    /// Which rows may be written; the same without.
    pub with_check: Option<String>,
}
