//! Tenancy and roles: which rows an identity may see.

use super::{ColumnName, GroupKind, TableName};

/// How rows are isolated inside one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenancy {
    /// By a column with the organisation id.
    Column {
        /// The column.
        column: ColumnName,
    },
    /// By a parent row.
    Parent {
        /// The column of this table with the parent's key.
        local_key: ColumnName,
        /// The parent's table. It may be outside the schema.
        parent_table: TableName,
        /// The parent's column that `local_key` refers to. Default `id`.
        parent_key: ColumnName,
        /// The parent's tenancy column. Default `organization_id`.
        parent_org_column: ColumnName,
    },
    /// None: all organisations share the rows.
    None,
}

/// A rule that computes sync groups `<kind>:<value>` from an identity or a row.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// The kind of the sync group.
    pub kind: GroupKind,
    /// The source of the value.
    pub source: RoleSource,
    pub(crate) authored: crate::value::Value,
}

/// The field that a role reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSource {
    /// A field of the identity or of the row.
    pub field: Box<str>,
    /// Whether each string of an array yields a sync group.
    pub multi: bool,
}
