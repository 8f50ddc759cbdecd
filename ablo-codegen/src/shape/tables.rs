//! Tables: what a database has to hold, free of any dialect.
//!
//! A checked schema comes in; tenant-plane tables with ordered, resolved columns, isolation and foreign keys come out,
//! each table after the one its rows are isolated through. No type name, quote or object name of a database may be here.

use super::facets::Preset;
use ablo_schema::Schema;
use ablo_schema::schema::{Deprecated, Field, FieldKind, Format, Model, Plane, Relation, Tenancy};
use ablo_schema::value::Value;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// One table.
#[derive(Debug)]
pub struct TableShape<'s> {
    /// The model whose rows it holds.
    pub model: &'s Model,
    /// Its columns in order, each once: the base columns, then the declared ones.
    pub columns: Vec<ColumnShape<'s>>,
    /// Who may see which rows.
    pub isolation: Isolation<'s>,
    /// Physical foreign keys, each pair of column and table once.
    pub foreign_keys: Vec<ForeignKeyShape<'s>>,
    /// Columns in which no two rows share a value.
    pub unique: Vec<UniqueShape<'s>>,
}

/// One column.
#[derive(Debug)]
pub struct ColumnShape<'s> {
    /// Its physical name.
    pub name: &'s str,
    /// What it holds.
    pub kind: ColumnKind<'s>,
    /// Whether every row has a value.
    pub not_null: bool,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Whether an absent value is the time of writing.
    pub default_now: bool,
    /// What an absent value is otherwise.
    pub default: Option<&'s Value>,
    /// Whether an index is wanted. The primary key has one without asking.
    pub indexed: bool,
    /// The declared field it stores, if any.
    pub field: Option<&'s Field>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind<'s> {
    /// Text.
    Text,
    /// One of these texts.
    Enum(&'s [Box<str>]),
    /// An IEEE 754 double.
    Number,
    /// True or false.
    Boolean,
    /// A point in time.
    Date,
    /// Any JSON value.
    Json,
    /// Numbers and texts of an exact format.
    Exact(Format),
}

/// Who may see which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation<'s> {
    /// Everyone sees all.
    Shared,
    /// A column holds the organisation.
    Column(&'s str),
    /// A row is seen by whoever sees its parent row.
    Parent {
        /// The column of this table that names the parent row.
        local_key: &'s str,
        /// The parent's table.
        table: &'s str,
        /// The parent's column that the local key holds.
        key: &'s str,
        /// Where the parent's organisation stands.
        owner: ParentOwner<'s>,
    },
}

/// Where a parent row's organisation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentOwner<'s> {
    /// In the parent's own tenancy column.
    Column(&'s str),
    /// Further up: the parent is isolated through a parent of its own.
    Inherited,
    /// In this column as the author says, of a table that the schema does not have or does not isolate.
    Assumed(&'s str),
}

/// One foreign key, to the target's `id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignKeyShape<'s> {
    /// The referencing column.
    pub column: &'s str,
    /// The referenced table.
    pub target: &'s str,
}

/// A column in which no two rows share a value. Absent values are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UniqueShape<'s> {
    /// The column.
    pub column: &'s str,
    /// The column of the organisation among whose rows it holds; among all rows without one.
    pub within: Option<&'s str>,
}

/// The tables of a schema, each after the one its rows are isolated through, otherwise in schema order.
#[must_use]
pub fn tables(schema: &Schema) -> Vec<TableShape<'_>> {
    let tenant = || schema.models().iter().filter(|model| model.plane == Plane::Tenant);
    let by_table: BTreeMap<&str, &Model> =
        tenant().map(|model| (model.table.as_str(), model)).collect();
    let mut placed = BTreeSet::new();
    let mut tables = Vec::with_capacity(by_table.len());
    for model in tenant() {
        let mut line = Vec::new();
        let mut next = Some(model);
        while let Some(model) = next.take_if(|model| placed.insert(model.table.as_str())) {
            line.push(model);
            if let Tenancy::Parent { parent_table, .. } = &model.tenancy {
                next = by_table.get(parent_table.as_str()).copied();
            }
        }
        tables
            .extend(line.into_iter().rev().map(|model| TableShape::new(model, schema, &by_table)));
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
            table.refer(relation, schema);
        }
        table
    }

    /// The physical table.
    #[must_use]
    pub fn name(&self) -> &'s str {
        self.model.table.as_str()
    }

    /// Adds a declared field: a column of its own, or what it adds to one of the base columns, which come first.
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

    fn refer(&mut self, relation: &'s Relation, schema: &'s Schema) {
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

    /// What people should know of it: the field's description, and that it is deprecated.
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

/// The column of a declared field. `organizationId` is the tenancy column, whatever that is named, unless its author
/// gives it another.
fn field_column<'s>(model: &'s Model, field: &'s Field) -> &'s str {
    match model.tenancy_column() {
        Some(column) if field.name == "organizationId" && field.column == "organization_id" => {
            column.as_str()
        }
        _ => field.column.as_str(),
    }
}

/// The column of any field, declared or base.
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
