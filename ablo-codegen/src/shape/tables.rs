//! Table shapes: the tables of a schema, independent of the SQL dialect.
//!
//! Only tenant-plane models have tables. Each has ordered, resolved columns, its isolation and its
//! foreign keys, and follows the table that isolates its rows. Type names, quoting and object names
//! belong to the dialects.

use super::facets::Preset;
use ablo_schema::Schema;
use ablo_schema::schema::{Deprecated, Field, FieldKind, Format, Model, Plane, Relation, Tenancy};
use ablo_schema::value::Value;
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
    /// The physical foreign keys, without duplicates.
    pub foreign_keys: Vec<ForeignKeyShape<'s>>,
    /// The unique columns.
    pub unique: Vec<UniqueShape<'s>>,
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
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether it defaults to the current time.
    pub default_now: bool,
    /// The constant default.
    pub default: Option<&'s Value>,
    /// Whether it gets an index. The primary key has one anyway.
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

/// A foreign key to the target's `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignKeyShape<'s> {
    /// The referencing column.
    pub column: &'s str,
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

/// Returns the tables of a schema in schema order, except that each follows the table that isolates
/// its rows.
#[must_use]
pub fn tables(schema: &Schema) -> Vec<TableShape<'_>> {
    let tenant = || schema.models().iter().filter(|model| model.plane == Plane::Tenant);
    let by_table: BTreeMap<&str, &Model> =
        tenant().map(|model| (model.table.as_str(), model)).collect();
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
            .extend(chain.into_iter().rev().map(|model| TableShape::new(model, schema, &by_table)));
    }
    tables
}

impl<'s> TableShape<'s> {
    fn new(model: &'s Model, schema: &'s Schema, by_table: &BTreeMap<&str, &'s Model>) -> Self {
        let isolation = isolation(model, by_table);
        let mut table = Self {
            model,
            columns: base_columns(model),
            isolation,
            foreign_keys: Vec::new(),
            unique: Vec::new(),
        };
        let base = table.columns.len();
        for field in &model.fields {
            table.add(field, base);
        }
        if let Isolation::Column(key) | Isolation::Parent { local_key: key, .. } = isolation
            && let Some(column) = table.columns.iter_mut().find(|column| column.name == key)
        {
            column.indexed = true;
        }
        for relation in model.belongs_to().filter(|relation| relation.options.fk) {
            table.add_foreign_key(relation, schema);
        }
        table
    }

    /// Returns the name of the table in the database.
    #[must_use]
    pub fn name(&self) -> &'s str {
        self.model.table.as_str()
    }

    /// Adds a declared field, as a new column or as an addition to one of the base columns, which
    /// come first.
    fn add(&mut self, field: &'s Field, base: usize) {
        let name = field_column(self.model, field);
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

    fn add_foreign_key(&mut self, relation: &'s Relation, schema: &'s Schema) {
        let target = schema.target(relation);
        let Some(column) = column_of(self.model, relation.foreign_key.as_str()) else { return };
        let key = ForeignKeyShape { column, target: target.table.as_str() };
        if target.plane == Plane::Tenant && !self.foreign_keys.contains(&key) {
            self.foreign_keys.push(key);
        }
    }
}

impl<'s> ColumnShape<'s> {
    fn new(name: &'s str, kind: ColumnKind<'s>) -> Self {
        Self {
            name,
            kind,
            not_null: false,
            primary: false,
            default_now: false,
            default: None,
            indexed: false,
            field: None,
        }
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

fn base_columns(model: &Model) -> Vec<ColumnShape<'_>> {
    let mut columns: Vec<ColumnShape<'_>> = Vec::with_capacity(5 + model.fields.len());
    columns.push(ColumnShape {
        primary: true,
        not_null: true,
        ..ColumnShape::new("id", ColumnKind::Text)
    });
    let tenancy = model.tenancy_column().map(|column| column.as_str());
    if let Some(name) = tenancy.filter(|name| *name != "id") {
        columns.push(ColumnShape { not_null: true, ..ColumnShape::new(name, ColumnKind::Text) });
    }
    if tenancy != Some("created_by") {
        columns.push(ColumnShape::new("created_by", ColumnKind::Text));
    }
    for name in ["created_at", "updated_at"].into_iter().filter(|name| tenancy != Some(name)) {
        columns.push(ColumnShape {
            not_null: true,
            default_now: true,
            ..ColumnShape::new(name, ColumnKind::Date)
        });
    }
    columns
}

/// Returns the column of a declared field. `organizationId` maps to the tenancy column unless the
/// author declares another column for it.
fn field_column<'s>(model: &'s Model, field: &'s Field) -> &'s str {
    match model.tenancy_column() {
        Some(column) if field.name == "organizationId" && field.column == "organization_id" => {
            column.as_str()
        }
        _ => field.column.as_str(),
    }
}

/// Returns the column of a declared or base field.
fn column_of<'s>(model: &'s Model, field: &str) -> Option<&'s str> {
    if let Some(field) = model.field(field) {
        return Some(field_column(model, field));
    }
    match field {
        "id" => Some("id"),
        "createdBy" => Some("created_by"),
        "organizationId" => model.tenancy_column().map(|column| column.as_str()),
        _ => None,
    }
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
