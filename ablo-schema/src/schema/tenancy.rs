//! Tenancy and roles: who may see which rows.

use super::{ColumnName, GroupKind, TableName};

/// How rows are isolated inside one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// A column holds the organisation.
    Column {
        /// That column.
        column: ColumnName,
    },
    /// A parent row holds it.
    Parent {
        /// A column on this table.
        local_key: ColumnName,
        /// The parent's table; it may exist outside the schema.
        parent_table: TableName,
        /// The parent's column that `local_key` holds, `id` unless said.
        parent_key: ColumnName,
        /// The parent's tenancy column, `organization_id` unless said.
        parent_org_column: ColumnName,
    },
    /// Rows are shared by all.
    None,
}

/// A rule that yields sync groups `<kind>:<value>` from an identity or a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// The group's kind.
    pub kind: GroupKind,
    /// Where its value comes from.
    pub source: RoleSource,
    pub(crate) authored: crate::value::Value,
}

/// The field a role reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSource {
    /// A field of the identity or of the row.
    pub field: Box<str>,
    /// Whether every string of an array yields a group.
    pub multi: bool,
}
