//! The catalog of a database as a comparable value.

use super::Session;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Tables by name, by schema name.
pub type Catalogue = BTreeMap<String, BTreeMap<String, Table>>;

/// One table.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Whether row security is on.
    pub row_security: bool,
    /// Whether row security applies to the table's owner too.
    pub forced: bool,
    /// Columns by name.
    pub columns: BTreeMap<String, Column>,
    /// Constraints by name, without NOT NULL.
    pub constraints: BTreeMap<String, Constraint>,
    /// Indexes by name.
    pub indexes: BTreeMap<String, Index>,
    /// Policies by name.
    pub policies: BTreeMap<String, Policy>,
}

/// One column.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// The type as the server prints it.
    pub r#type: String,
    /// Whether the column is NOT NULL.
    pub not_null: bool,
    /// The default's expression.
    pub default: Option<String>,
    /// The comment.
    pub comment: Option<String>,
}

/// One constraint.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraint {
    /// `primary key`, `check` or `foreign key`.
    pub kind: String,
    /// As the server prints it.
    pub definition: String,
}

/// One index.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Index {
    /// Whether queries can use it.
    pub valid: bool,
    /// As the server prints it.
    pub definition: String,
}

/// One row-security policy.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether the policy is permissive.
    pub permissive: bool,
    /// The command, `*` for all.
    pub command: String,
    /// Whether it applies to every role.
    pub everyone: bool,
    /// The condition for visible rows.
    pub using: String,
    /// The condition for written rows.
    pub with_check: Option<String>,
}

/// Reads the catalog of the database.
///
/// # Panics
/// Panics if a statement fails.
#[must_use]
pub fn catalogue(session: &mut Session) -> Catalogue {
    // With this search path, the server qualifies all names.
    session.run("SET search_path = pg_catalog").expect("a setting");
    let text = session.texts(include_str!("catalogue.sql")).concat();
    session.run("RESET search_path").expect("a setting");
    serde_json::from_str(&text).expect("the query returns a catalog document")
}

/// Returns every catalog row of user objects with the transaction that wrote it.
#[must_use]
pub fn footprint(session: &mut Session) -> Vec<String> {
    session.texts(include_str!("footprint.sql"))
}
