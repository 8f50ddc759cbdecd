//! Table shapes: the tables of a schema, independent of the SQL dialect.
//!
//! Only tenant-plane models have tables. Each has ordered, resolved columns, its isolation and its
//! keys, and follows the table that isolates its rows. Type names, quoting and object names belong
//! to the dialects.

use super::facets::Preset;
use super::keys::{IndexShape, Keys};
use super::rows::{BASE_FIELDS, BaseField};
use ablo_schema::Schema;
use ablo_schema::schema::{Deprecated, Field, FieldKind, Format, Model, Plane, Tenancy};
use ablo_schema::value::Value;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

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

/// Returns the tables of a schema in schema order, except that each follows the table that isolates
/// its rows.
#[must_use]
pub fn tables(schema: &Schema) -> Vec<TableShape<'_>> {
    tables_in(schema, Layout::CURRENT)
}

/// Returns the tables of a schema in a layout, in the order of [`tables`].
#[must_use]
pub fn tables_in(schema: &Schema, layout: Layout) -> Vec<TableShape<'_>> {
    let tenant = || schema.models().iter().filter(|model| model.plane == Plane::Tenant);
    let by_table: BTreeMap<&str, &Model> =
        tenant().map(|model| (model.table.as_str(), model)).collect();
    let keys = Keys::new(schema, layout);
    let mut placed = BTreeSet::new();
    let mut tables = Vec::with_capacity(by_table.len());
    for model in tenant() {
        let mut chain = Vec::new();
        let mut next = Some(model);
        while let Some(model) = next.take_if(|model| placed.insert(model.table.as_str())) {
            chain.push(model);
            if let Tenancy::Parent { parent_table, .. } = &model.tenancy {
                next = by_table.get(parent_table.as_str()).copied();
            }
        }
        tables
            .extend(chain.into_iter().rev().map(|model| TableShape::new(model, &keys, &by_table)));
    }
    tables
}

impl<'s> TableShape<'s> {
    fn new(model: &'s Model, keys: &Keys<'s>, by_table: &BTreeMap<&str, &'s Model>) -> Self {
        let mut table = Self {
            model,
            columns: base_columns(model, keys.layout),
            isolation: isolation(model, by_table),
            key: keys.primary(model),
            foreign_keys: Vec::new(),
            unique: Vec::new(),
            indexes: Vec::new(),
        };
        let base = table.columns.len();
        for field in &model.fields {
            table.add(field, base, keys.layout);
        }
        table.unique.extend(keys.unique_id(model));
        table.foreign_keys = keys.foreign_keys(&table);
        table.indexes = keys.indexes(&table);
        table
    }

    /// Returns the name of the table in the database.
    #[must_use]
    pub fn name(&self) -> &'s str {
        self.model.table.as_str()
    }

    /// Returns the column of a previous table that stores the same base field as a column of this
    /// one. A base field keeps its meaning under any name, unless another field replaces it.
    #[must_use]
    pub fn previous_base(&self, column: usize, was: &TableShape<'_>) -> Option<usize> {
        let base = self.columns.get(column)?.own_base()?;
        was.columns.iter().position(|column| column.own_base() == Some(base))
    }

    /// Adds a declared field, as a new column or as an addition to one of the base columns, which
    /// come first.
    fn add(&mut self, field: &'s Field, base: usize, layout: Layout) {
        let name = field_column(self.model, field, layout);
        let kind = ColumnKind::of(field);
        let Some(column) = self.columns[..base].iter_mut().find(|column| column.name == name)
        else {
            let mut column = ColumnShape::new(name, kind);
            column.not_null = !field.optional;
            column.indexed = field.indexed;
            column.field = Some(field);
            match Preset::of(field) {
                Some(Preset::Now) => column.default_now = true,
                Some(Preset::Value(value)) => column.default = Some(value),
                None => {}
            }
            if field.facets.unique {
                let within = match self.isolation {
                    Isolation::Column(organization) => Some(organization),
                    Isolation::Shared | Isolation::Parent { .. } => None,
                };
                self.unique.push(UniqueShape { column: name, within });
            }
            return self.columns.push(column);
        };
        column.not_null |= !field.optional;
        column.indexed |= field.indexed;
        column.field = Some(field);
        if let (ColumnKind::Text, ColumnKind::Enum(_)) = (column.kind, kind) {
            column.kind = kind;
        }
    }
}

impl<'s> ColumnShape<'s> {
    fn new(name: &'s str, kind: ColumnKind<'s>) -> Self {
        Self {
            name,
            kind,
            not_null: false,
            base: None,
            default_now: false,
            default: None,
            indexed: false,
            field: None,
        }
    }

    /// Returns the base field that it stores, unless it is another field on its column.
    fn own_base(&self) -> Option<BaseField> {
        let is_own = |base: &BaseField| self.field.is_none_or(|field| field.name == base.name());
        self.base.filter(is_own)
    }

    /// Returns the column's comment: the description of the field and its deprecation note.
    #[must_use]
    pub fn comment(&self) -> Option<Cow<'s, str>> {
        let facets = &self.field?.facets;
        let deprecation = facets.deprecated.as_ref().map(|Deprecated { note }| match note {
            Some(note) => Cow::Owned(format!("Deprecated: {note}")),
            None => Cow::Borrowed("Deprecated."),
        });
        match (facets.description.as_deref(), deprecation) {
            (Some(text), Some(deprecation)) => Some(Cow::Owned(format!("{text}\n\n{deprecation}"))),
            (Some(text), None) => Some(Cow::Borrowed(text)),
            (None, deprecation) => deprecation,
        }
    }
}

impl<'s> ColumnKind<'s> {
    fn of(field: &'s Field) -> Self {
        if let Some(format) = field.facets.format {
            return ColumnKind::Exact(format);
        }
        match &field.kind {
            FieldKind::String => ColumnKind::Text,
            FieldKind::Enum(values) => ColumnKind::Enum(values),
            FieldKind::Number => ColumnKind::Number,
            FieldKind::Boolean => ColumnKind::Boolean,
            FieldKind::Date => ColumnKind::Date,
            FieldKind::Json => ColumnKind::Json,
        }
    }
}

fn base_columns(model: &Model, layout: Layout) -> Vec<ColumnShape<'_>> {
    let mut columns: Vec<ColumnShape<'_>> = Vec::with_capacity(5 + model.fields.len());
    for base in [BaseField::Id, BaseField::OrganizationId].into_iter().chain([
        BaseField::CreatedBy,
        BaseField::CreatedAt,
        BaseField::UpdatedAt,
    ]) {
        let Some(name) = base_column(model, base, layout) else { continue };
        // The tenancy column may be the column of another base field, which it then replaces.
        if columns.iter().any(|column| column.name == name) {
            continue;
        }
        let is_date = matches!(base, BaseField::CreatedAt | BaseField::UpdatedAt);
        columns.push(ColumnShape {
            base: Some(base),
            not_null: base != BaseField::CreatedBy,
            default_now: is_date,
            ..ColumnShape::new(name, if is_date { ColumnKind::Date } else { ColumnKind::Text })
        });
    }
    columns
}

/// Returns the column of a base field: the one that the author declares for it, else the default.
/// `organizationId` is the tenancy column, and only tables with one have it.
fn base_column(model: &Model, base: BaseField, layout: Layout) -> Option<&str> {
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
fn field_column<'s>(model: &'s Model, field: &'s Field, layout: Layout) -> &'s str {
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

fn isolation<'s>(model: &'s Model, by_table: &BTreeMap<&str, &'s Model>) -> Isolation<'s> {
    match &model.tenancy {
        Tenancy::None => Isolation::Shared,
        Tenancy::Column { column } => Isolation::Column(column.as_str()),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            let owner = match by_table.get(parent_table.as_str()).map(|parent| &parent.tenancy) {
                Some(Tenancy::Column { column }) => ParentOwner::Column(column.as_str()),
                Some(Tenancy::Parent { .. }) => ParentOwner::Inherited,
                Some(Tenancy::None) | None => ParentOwner::Assumed(parent_org_column.as_str()),
            };
            let (local_key, key) = (local_key.as_str(), parent_key.as_str());
            Isolation::Parent { local_key, table: parent_table.as_str(), key, owner }
        }
    }
}
