//! What a database holds, as a value that can be compared.

use super::Session;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Schema to table to what it has.
pub type Catalogue = BTreeMap<String, BTreeMap<String, Table>>;

/// One table.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Table {
    /// Whether row security is on.
    pub row_security: bool,
    /// Whether it holds for the table's owner too.
    pub forced: bool,
    /// By name.
    pub columns: BTreeMap<String, Column>,
    /// By name, without those that say NOT NULL.
    pub constraints: BTreeMap<String, Constraint>,
    /// By name.
    pub indexes: BTreeMap<String, Index>,
    /// By name.
    pub policies: BTreeMap<String, Policy>,
}

/// One column.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Column {
    /// Its type as the server prints it.
    pub r#type: String,
    /// Whether every row has a value.
    pub not_null: bool,
    /// The default's expression.
    pub default: Option<String>,
    /// The comment.
    pub comment: Option<String>,
}

/// One constraint.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Constraint {
    /// `primary key`, `check`, `foreign key`.
    pub kind: String,
    /// As the server prints it.
    pub definition: String,
}

/// One index.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Index {
    /// Whether queries may use it.
    pub valid: bool,
    /// As the server prints it.
    pub definition: String,
}

/// One row-security policy.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether it widens what is seen.
    pub permissive: bool,
    /// `*` for all commands.
    pub command: String,
    /// Whether it is for every role.
    pub everyone: bool,
    /// Which rows are seen.
    pub using: String,
    /// Which rows may be written.
    pub with_check: Option<String>,
}

/// Reads the whole database.
///
/// # Panics
/// When the server refuses.
#[must_use]
pub fn catalogue(session: &mut Session) -> Catalogue {
    // Without a search path the server writes every name in full.
    session.run("SET search_path = pg_catalog").expect("a setting");
    let text = session.texts(include_str!("catalogue.sql")).concat();
    session.run("RESET search_path").expect("a setting");
    serde_json::from_str(&text).expect("the document that the query builds")
}

/// Every catalogue row of user objects and the transaction that wrote it.
#[must_use]
pub fn footprint(session: &mut Session) -> Vec<String> {
    session.texts(include_str!("footprint.sql"))
}
