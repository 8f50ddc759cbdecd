//! The catalog of a database: its tables, columns, constraints, indexes and policies as plain
//! values.
//!
//! The introspection of each dialect fills it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The objects of one schema of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// Views and other objects that are not tables, in order.
    pub others: Vec<OtherObject>,
}

impl Catalog {
    /// Returns a hash of the named tables, including which of them exist, as 64 hex digits.
    #[must_use]
    pub fn fingerprint<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> String {
        let of: BTreeMap<&str, Option<&Table>> =
            names.into_iter().map(|name| (name, self.tables.get(name))).collect();
        // Strings and flags always serialise.
        let text = serde_json::to_string(&of).unwrap_or_default();
        blake3::hash(text.as_bytes()).to_hex().to_string()
    }
}

/// A view, a foreign table or another object that is not a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OtherObject {
    /// `view`, `sequence`, `domain`, `extension`, `virtual table` and others.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// The columns, in table order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in order. Empty if there is none.
    pub primary_key: Vec<String>,
    /// The check constraints, by name.
    pub checks: BTreeMap<String, Check>,
    /// The indexes except that of the primary key, by name.
    pub indexes: BTreeMap<String, Index>,
    /// The foreign keys, by name.
    pub foreign_keys: BTreeMap<String, ForeignKey>,
    /// Whether row security is enabled.
    pub row_security: bool,
    /// Whether row security also applies to the table's owner.
    pub forced: bool,
    /// The row-security policies, by name.
    pub policies: BTreeMap<String, Policy>,
    /// The names of user-defined triggers.
    pub triggers: Vec<String>,
    /// Whether the table is partitioned.
    pub partitioned: bool,
    /// PostgreSQL only: whether its rows are lost in a crash.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unlogged: bool,
    /// PostgreSQL only: the tables that it inherits from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// PostgreSQL only: the tables that inherit from it, whose rows are also its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<String>,
    /// PostgreSQL only: the name of the primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// PostgreSQL only: whether the primary key is deferrable.
    #[serde(default, skip_serializing_if = "is_false")]
    pub key_deferrable: bool,
    /// PostgreSQL only: the triggers that do not run, including those of foreign keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disabled_triggers: Vec<String>,
    /// PostgreSQL only: the triggers and rules that may replace a write by nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swallowing: Vec<String>,
    /// PostgreSQL only: the comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// PostgreSQL only: everything that depends on the table or its columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependents: Vec<Dependent>,
    /// SQLite only: the table constraints and table options as written, such as `STRICT`.
    #[serde(default, rename = "written", skip_serializing_if = "Vec::is_empty")]
    pub definitions: Vec<String>,
}

impl Table {
    /// Returns the column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Something that depends on a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependent {
    /// `view`, `policy`, `trigger`, `index`, `foreign key` and others.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The table or view that it is part of. `None` if it is part of the same table, or of none.
    pub table: Option<String>,
    /// The columns that it uses. Empty if it uses the table as a whole.
    pub columns: Vec<String>,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// The name.
    pub name: String,
    /// The type, as the server prints it.
    pub type_name: String,
    /// Whether the column is `NOT NULL`.
    pub not_null: bool,
    /// The default expression, as the server prints it.
    pub default: Option<String>,
    /// Whether the column is an identity or a generated column.
    pub generated: bool,
    /// PostgreSQL only: whether the database numbers the rows in this column (an identity).
    #[serde(default, skip_serializing_if = "is_false")]
    pub identity: bool,
    /// PostgreSQL only: the values of the type, if it is an enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub enum_values: Vec<String>,
    /// PostgreSQL only: the type below, if the type is a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_of: Option<String>,
    /// PostgreSQL only: the collation, if it is not that of the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// The comment.
    pub comment: Option<String>,
    /// SQLite only: the column definition as written.
    #[serde(default, rename = "written", skip_serializing_if = "String::is_empty")]
    pub definition: String,
}

/// A check constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// The condition, as the server prints it.
    pub condition: String,
    /// The columns that it refers to.
    pub columns: Vec<String>,
    /// Whether it is validated for all existing rows.
    pub validated: bool,
}

/// An index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// The columns, in order. `None` stands for an expression.
    pub columns: Vec<Option<String>>,
    /// The access method, such as `btree`.
    pub method: String,
    /// Whether the index is unique.
    pub unique: bool,
    /// Whether queries can use it.
    pub valid: bool,
    /// Whether it has a `WHERE` clause.
    pub partial: bool,
    /// PostgreSQL only: whether absent values count as equal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub nulls_not_distinct: bool,
    /// PostgreSQL only: whether it is the index of a deferrable constraint.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deferrable: bool,
    /// PostgreSQL only: further columns that it has the values of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// PostgreSQL only: whether a column is descending, or has absent values first.
    #[serde(default, skip_serializing_if = "is_false")]
    pub order: bool,
    /// PostgreSQL only: the operator classes that are not the default of their type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// PostgreSQL only: whether it is the index of an exclusion constraint.
    #[serde(default, skip_serializing_if = "is_false")]
    pub exclusion: bool,
    /// The definition, as the server prints it.
    pub definition: String,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Index {
    /// Reports whether it has no property that an index of a schema does not have.
    pub(crate) fn is_plain(&self) -> bool {
        !(self.nulls_not_distinct || self.deferrable || self.order || self.exclusion)
            && self.include.is_empty()
            && self.operators.is_empty()
    }

    /// Reports whether this is a non-partial index on exactly these columns.
    pub(crate) fn is_on(&self, columns: &[String]) -> bool {
        !self.partial && self.columns.iter().map(Option::as_ref).eq(columns.iter().map(Some))
    }
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForeignKey {
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The schema of the referenced table, if it is another one.
    pub target_schema: Option<String>,
    /// The referenced table.
    pub target: String,
    /// The referenced columns.
    pub target_columns: Vec<String>,
    /// The action on delete; `a` is `NO ACTION`.
    pub on_delete: String,
    /// PostgreSQL only: the action on update.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on_update: String,
    /// Whether it is checked when the transaction commits.
    pub deferred: bool,
    /// Whether it is validated for all existing rows.
    pub validated: bool,
}

/// A row-security policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether it is permissive rather than restrictive.
    pub permissive: bool,
    /// The command; `*` for all.
    pub command: String,
    /// Whether it applies to every role.
    pub everyone: bool,
    /// The condition for visible rows.
    pub using: Option<String>,
    /// The condition for written rows. `None` if it equals `using`.
    pub with_check: Option<String>,
}
