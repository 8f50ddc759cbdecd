//! Table shapes: the tables of a schema, independent of the SQL dialect.
//!
//! Only tenant-plane models have tables. Each has ordered, resolved columns, its isolation and its
//! keys, and follows the table that isolates its rows. Type names, quoting and object names belong
//! to the dialects.

use super::facets::Preset;
use super::keys::Keys;
use super::rows::BaseField;
use super::table::{
    ColumnKind, ColumnShape, Isolation, Layout, ParentOwner, TableShape, UniqueShape, base_column,
    field_column,
};
use ablo_schema::Schema;
use ablo_schema::schema::{Deprecated, Field, FieldKind, Model, Plane, Tenancy};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

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
            column.native = field.facets.column_type.as_ref();
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
        column.native = field.facets.column_type.as_ref();
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
            native: None,
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
