//! The parts of a table, and the columns of the members of a row.

use super::rows::{BASE_FIELDS, BaseField};
use ablo_schema::schema::{ColumnType, Field, Format, Model, ScalarType};
use ablo_schema::value::Value;
use serde::{Deserialize, Serialize};

/// A table.
#[derive(Debug)]
pub struct TableShape<'s> {
    /// The model that it stores.
    pub model: &'s Model,
    /// The columns in order: the base columns, then the declared ones.
    pub columns: Vec<ColumnShape<'s>>,
    /// The rule that decides which rows a tenant sees.
    pub isolation: Isolation<'s>,
    /// The columns of the primary key, in order: the tenancy column, if there is one, and `id`.
    pub key: Vec<&'s str>,
    /// The physical foreign keys, without duplicates.
    pub foreign_keys: Vec<ForeignKeyShape<'s>>,
    /// The unique columns.
    pub unique: Vec<UniqueShape<'s>>,
    /// The other indexes.
    pub indexes: Vec<IndexShape<'s>>,
}

/// A column.
#[derive(Debug)]
pub struct ColumnShape<'s> {
    /// The name in the database.
    pub name: &'s str,
    /// The type.
    pub kind: ColumnKind<'s>,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// The base field that it stores, if any.
    pub base: Option<BaseField>,
    /// Whether it defaults to the current time.
    pub default_now: bool,
    /// The constant default.
    pub default: Option<&'s Value>,
    /// Whether the author asks for an index.
    pub indexed: bool,
    /// The declared field that it stores, if any.
    pub field: Option<&'s Field>,
    /// The type in PostgreSQL, if it is not the usual one of the kind.
    pub native: Option<&'s ColumnType>,
}

impl ColumnShape<'_> {
    /// Returns whether the values are ordered as text, by the collation of the database.
    pub(super) fn is_collated(&self) -> bool {
        let is_text = |native: &ColumnType| native.scalar().is_some_and(ScalarType::is_text);
        self.native.is_none_or(is_text)
    }
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind<'s> {
    /// Text.
    Text,
    /// One of these strings.
    Enum(&'s [Box<str>]),
    /// An IEEE 754 double.
    Number,
    /// A boolean.
    Boolean,
    /// A timestamp.
    Date,
    /// Any JSON value.
    Json,
    /// A number or string with an exact format.
    Exact(Format),
}

/// The rule that decides which rows a tenant sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation<'s> {
    /// All tenants see all rows.
    Shared,
    /// A column has the organisation.
    Column(&'s str),
    /// A row is visible if its parent row is visible.
    Parent {
        /// The column of this table that refers to the parent row.
        local_key: &'s str,
        /// The parent's table.
        table: &'s str,
        /// The parent's column that the local key refers to.
        key: &'s str,
        /// The location of the parent's organisation.
        owner: ParentOwner<'s>,
    },
}

/// The location of a parent row's organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentOwner<'s> {
    /// In the parent's own tenancy column.
    Column(&'s str),
    /// Further up: the parent is isolated through its own parent.
    Inherited,
    /// In this column, which the author declared, of a table that the schema does not have or does
    /// not isolate.
    Assumed(&'s str),
}

/// A foreign key to the target's `id`, within the organisation if both tables have a tenancy
/// column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyShape<'s> {
    /// The column that stores the id of the referenced row.
    pub column: &'s str,
    /// The tenancy columns of this table and of the referenced one, if both are part of the key.
    pub within: Option<(&'s str, &'s str)>,
    /// The referenced table.
    pub target: &'s str,
}

/// A unique column. Absent values are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueShape<'s> {
    /// The column.
    pub column: &'s str,
    /// The organisation column, if values are unique per organisation instead of in the whole
    /// table.
    pub within: Option<&'s str>,
}

/// The layout of tables. A migration compares the layout that a database has with the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// `id` is the primary key, a redeclared base field has a second column, and relations have an
    /// index only with their foreign key.
    #[default]
    First,
    /// Keys include the tenancy column, and every lookup by relation has an index.
    TenantKeys,
}

impl Layout {
    /// The layout of new tables.
    pub const CURRENT: Self = Self::TenantKeys;

    /// Returns whether this is the layout before any other.
    #[must_use]
    pub fn is_first(&self) -> bool {
        *self == Self::First
    }
}

/// An index that is neither unique nor the primary key's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexShape<'s> {
    /// The columns, in order. The last one names the index.
    pub columns: Vec<&'s str>,
    /// The statements that it serves.
    pub purpose: IndexPurpose,
}

/// The statements that an index serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexPurpose {
    /// Filters on a column, as the author declares.
    Declared,
    /// Lists, which are ordered by the bytes of an `id` that is text. The primary key serves them
    /// if its order is that of bytes.
    List,
    /// Lookups of the rows that refer to a row.
    Relation,
}

/// Returns the column of a base field: the one that the author declares for it, else the default.
/// `organizationId` is the tenancy column, and only tables with one have it.
pub(super) fn base_column(model: &Model, base: BaseField, layout: Layout) -> Option<&str> {
    let declared = match layout {
        Layout::First => None,
        Layout::TenantKeys => model.field(base.name()).map(|field| field.column.as_str()),
    };
    let default = match base {
        BaseField::Id => return Some("id"),
        BaseField::OrganizationId => return model.tenancy_column().map(|column| column.as_str()),
        BaseField::CreatedBy => "created_by",
        BaseField::CreatedAt => "created_at",
        BaseField::UpdatedAt => "updated_at",
    };
    Some(declared.unwrap_or(default))
}

/// Returns the column of a declared field. A base field has one column, whatever declares it.
pub(super) fn field_column<'s>(model: &'s Model, field: &'s Field, layout: Layout) -> &'s str {
    let own = field.column.as_str();
    if layout == Layout::TenantKeys && field.name == BaseField::Id.name() {
        return "id";
    }
    let is_default = layout == Layout::TenantKeys || own == "organization_id";
    if field.name != BaseField::OrganizationId.name() || !is_default {
        return own;
    }
    model.tenancy_column().map_or(own, |column| column.as_str())
}

/// Returns the column of a declared or base field.
pub(super) fn column_of<'s>(model: &'s Model, field: &str, layout: Layout) -> Option<&'s str> {
    if let Some(field) = model.field(field) {
        return Some(field_column(model, field, layout));
    }
    let base = BASE_FIELDS.into_iter().find(|base| base.name() == field)?;
    base_column(model, base, layout)
}
