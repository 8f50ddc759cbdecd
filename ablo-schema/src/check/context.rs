//! State shared by all rules: the raw schema, look-ups and diagnostics.

use crate::diag::{Diagnostics, Suggest};
use crate::lookup::Lookup;
use crate::raw::{RawField, RawKind, RawModel, RawRelation, RawSchema, RawScope, RawTenancy};
use crate::schema::{Plane, RelationKind, default_column, is_default_column};
use std::borrow::Cow;

/// The base fields and their types.
pub(super) const BASE_FIELDS: [(&str, RawKind); 5] = [
    ("id", RawKind::String),
    ("createdAt", RawKind::Date),
    ("updatedAt", RawKind::Date),
    ("organizationId", RawKind::String),
    ("createdBy", RawKind::String),
];

/// The columns that every table has.
pub(super) const BASE_COLUMNS: [&str; 4] = ["id", "created_at", "updated_at", "created_by"];

/// The default tenancy column.
pub(crate) const DEFAULT_TENANCY_COLUMN: &str = "organization_id";

pub(super) struct Context<'r, 'd> {
    pub(super) models: Vec<ModelView<'r>>,
    pub(super) raw: &'r RawSchema<'r>,
    pub(super) diagnostics: &'d mut Diagnostics,
    pub(super) suggest: Suggest,
    by_key: Lookup<&'r str, usize>,
    by_table: Lookup<&'r str, usize>,
}

/// A raw model with look-ups.
pub(super) struct ModelView<'r> {
    pub(super) raw: &'r RawModel<'r>,
    /// The fields of a model with many, sorted by name. Those of others are looked through.
    sorted: Option<Vec<&'r RawField<'r>>>,
}

/// The number of fields from which a sorted list pays.
const MANY_FIELDS: usize = 64;

/// The result of looking up a field.
pub(super) enum FieldLookup<'r> {
    Declared(&'r RawField<'r>),
    Base(RawKind),
}

impl FieldLookup<'_> {
    /// Returns the type, if it is known.
    pub(super) fn kind(&self) -> Option<RawKind> {
        match self {
            FieldLookup::Declared(field) => field.kind.map(|kind| kind.value),
            FieldLookup::Base(kind) => Some(*kind),
        }
    }
}

impl<'r, 'd> Context<'r, 'd> {
    pub(super) fn new(raw: &'r RawSchema<'r>, diagnostics: &'d mut Diagnostics) -> Self {
        let models: Vec<ModelView<'r>> = raw.models.iter().map(ModelView::new).collect();
        let by_key = models.iter().enumerate().map(|(at, model)| (model.key(), at)).collect();
        let by_table = models.iter().enumerate().map(|(at, model)| (model.table(), at)).collect();
        Self { models, raw, diagnostics, suggest: Suggest::default(), by_key, by_table }
    }

    pub(super) fn index_of(&self, key: &str) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    pub(super) fn index_of_table(&self, table: &str) -> Option<usize> {
        self.by_table.get(table).copied()
    }

    /// Returns the index of the target of a relation.
    pub(super) fn target_of(&self, relation: &RawRelation<'_>) -> Option<usize> {
        self.index_of(&relation.target.as_ref()?.value)
    }

    pub(super) fn suggest_model(&mut self, key: &str) -> Option<String> {
        let keys = self.raw.models.iter().map(|model| model.key.value.as_ref());
        self.suggest.help(key, keys)
    }

    pub(super) fn suggest_field(&mut self, model: usize, name: &str) -> Option<String> {
        let declared = self.models[model].raw.fields.iter().map(|field| field.name.value.as_ref());
        self.suggest.help(name, declared.chain(BASE_FIELDS.iter().map(|(name, _)| *name)))
    }

    pub(super) fn suggest_column(&mut self, model: usize, name: &str) -> Option<String> {
        let columns: Vec<Cow<'_, str>> =
            self.models[model].raw.fields.iter().map(physical_column).collect();
        self.suggest.help(name, columns.iter().map(AsRef::as_ref).chain(BASE_COLUMNS))
    }
}

impl<'r> ModelView<'r> {
    fn new(raw: &'r RawModel<'r>) -> Self {
        let sorted = (raw.fields.len() >= MANY_FIELDS).then(|| {
            let mut fields: Vec<_> = raw.fields.iter().collect();
            fields.sort_by(|a, b| a.name.value.cmp(&b.name.value));
            fields
        });
        Self { raw, sorted }
    }

    pub(super) fn key(&self) -> &'r str {
        &self.raw.key.value
    }

    /// Returns the typename: the key if it is absent or empty.
    pub(super) fn type_name(&self) -> &'r str {
        match &self.raw.type_name {
            Some(name) if !name.value.is_empty() => &name.value,
            _ => self.key(),
        }
    }

    pub(super) fn table(&self) -> &'r str {
        self.raw.table_name.as_ref().map_or_else(|| self.key(), |table| &table.value)
    }

    pub(super) fn plane(&self) -> Plane {
        self.raw.plane.map_or_else(Plane::default, |plane| plane.value)
    }

    pub(super) fn is_scope_root(&self) -> bool {
        self.raw.scope.as_ref().is_some_and(|scope| !matches!(scope.value, RawScope::Flag(false)))
    }

    /// Returns a declared or base field by name.
    pub(super) fn find(&self, name: &str) -> Option<FieldLookup<'r>> {
        let declared = match &self.sorted {
            Some(fields) => {
                let found = fields.binary_search_by(|field| field.name.value.as_ref().cmp(name));
                found.ok().and_then(|at| fields.get(at).copied())
            }
            None => self.raw.fields.iter().find(|field| field.name.value == name),
        };
        if let Some(field) = declared {
            return Some(FieldLookup::Declared(field));
        }
        BASE_FIELDS.iter().find(|(base, _)| *base == name).map(|(_, kind)| FieldLookup::Base(*kind))
    }

    /// Returns the tenancy column, if tenancy is by column.
    pub(super) fn tenancy_column(&self) -> Option<&'r str> {
        match self.raw.tenancy.as_ref().map(|tenancy| &tenancy.value) {
            None => Some(DEFAULT_TENANCY_COLUMN),
            Some(RawTenancy::Column { column }) => Some(&column.value),
            Some(RawTenancy::Parent { .. } | RawTenancy::None) => None,
        }
    }

    pub(super) fn has_column(&self, column: &str) -> bool {
        BASE_COLUMNS.contains(&column)
            || self.tenancy_column() == Some(column)
            || self.raw.fields.iter().any(|field| is_column_of(field, column))
    }

    pub(super) fn belongs_to(&self) -> impl Iterator<Item = &'r RawRelation<'r>> {
        self.raw.relations.iter().filter(|relation| is_kind(relation, RelationKind::BelongsTo))
    }
}

pub(super) fn is_kind(relation: &RawRelation<'_>, kind: RelationKind) -> bool {
    relation.kind.is_some_and(|read| read.value == kind)
}

/// Returns whether a column is that of a field.
pub(super) fn is_column_of(field: &RawField<'_>, column: &str) -> bool {
    match &field.column {
        Some(own) => own.value == column,
        None => is_default_column(&field.name.value, column),
    }
}

/// Returns the column of a field.
pub(super) fn physical_column<'r>(field: &'r RawField<'_>) -> Cow<'r, str> {
    match &field.column {
        Some(column) => Cow::Borrowed(&column.value),
        None => default_column(&field.name.value),
    }
}
