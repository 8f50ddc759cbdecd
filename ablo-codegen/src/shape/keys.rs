//! Keys and indexes of tables.
//!
//! The primary key of a table with a tenancy column begins with that column, so that an id is
//! neither reserved for nor visible to other organisations. An id alone identifies a row only in
//! the other tables, and in a table that isolates another one: its rows belong to the organisation
//! of the row with their parent's id.

use super::table::{
    ColumnShape, ForeignKeyShape, IndexPurpose, IndexShape, Isolation, Layout, TableShape,
    UniqueShape, column_of,
};
use ablo_schema::Schema;
use ablo_schema::schema::{Model, Plane, Relation, Tenancy};
use std::collections::BTreeSet;

/// The rules on keys of one schema.
pub(super) struct Keys<'s> {
    schema: &'s Schema,
    pub(super) layout: Layout,
    /// The tables that isolate another table by their `id`.
    isolating: BTreeSet<&'s str>,
}

impl<'s> Keys<'s> {
    pub(super) fn new(schema: &'s Schema, layout: Layout) -> Self {
        let isolating = schema.models().iter().filter_map(|model| match &model.tenancy {
            Tenancy::Parent { parent_table, parent_key, .. } if parent_key.as_str() == "id" => {
                Some(parent_table.as_str())
            }
            _ => None,
        });
        Self { schema, layout, isolating: isolating.collect() }
    }

    /// Returns the tenancy column, if it is part of the primary key besides `id`.
    fn tenancy(&self, model: &'s Model) -> Option<&'s str> {
        let column = model.tenancy_column()?.as_str();
        (self.layout == Layout::TenantKeys && column != "id").then_some(column)
    }

    /// Returns the columns of the primary key.
    pub(super) fn primary(&self, model: &'s Model) -> Vec<&'s str> {
        self.tenancy(model).into_iter().chain(["id"]).collect()
    }

    /// Returns the unique `id` of a table that isolates another one.
    pub(super) fn unique_id(&self, model: &'s Model) -> Option<UniqueShape<'s>> {
        let is_needed =
            self.tenancy(model).is_some() && self.isolating.contains(model.table.as_str());
        is_needed.then_some(UniqueShape { column: "id", within: None })
    }

    /// Returns the foreign keys of a table, without duplicates.
    pub(super) fn foreign_keys(&self, table: &TableShape<'s>) -> Vec<ForeignKeyShape<'s>> {
        let mut keys = Vec::new();
        for relation in table.model.belongs_to().filter(|relation| relation.options.fk) {
            if let Some(key) = self.foreign_key(table.model, relation)
                && !keys.contains(&key)
            {
                keys.push(key);
            }
        }
        keys
    }

    /// Returns the foreign key of a relation. A table without a tenancy column cannot refer to one
    /// whose ids are unique only within an organisation.
    fn foreign_key(&self, model: &'s Model, relation: &'s Relation) -> Option<ForeignKeyShape<'s>> {
        let target = self.schema.target(relation);
        let column = column_of(model, relation.foreign_key.as_str(), self.layout)?;
        let within = match (self.tenancy(model), self.tenancy(target)) {
            (_, None) => None,
            (Some(own), Some(theirs)) => Some((own, theirs)),
            (None, Some(_)) if self.unique_id(target).is_some() => None,
            (None, Some(_)) => return None,
        };
        let key = ForeignKeyShape { column, within, target: target.table.as_str() };
        (target.plane == Plane::Tenant).then_some(key)
    }

    /// Returns the indexes besides those of the primary key and of unique columns.
    pub(super) fn indexes(&self, table: &TableShape<'s>) -> Vec<IndexShape<'s>> {
        let is_indexed = |name: &str| match table.isolation {
            Isolation::Column(column) => self.layout == Layout::First && column == name,
            Isolation::Parent { local_key, .. } => local_key == name,
            Isolation::Shared => false,
        };
        let has_index = |name: &str| {
            let is_unique =
                |unique: &UniqueShape<'_>| unique.within.is_none() && unique.column == name;
            table.key.first() == Some(&name) || table.unique.iter().any(is_unique)
        };
        let wanted = table.columns.iter().filter(|column| {
            (column.indexed || is_indexed(column.name)) && !has_index(column.name)
        });
        let mut indexes: Vec<IndexShape<'s>> = wanted
            .map(|column| IndexShape {
                columns: vec![column.name],
                purpose: IndexPurpose::Declared,
            })
            .collect();
        let tenancy = self.tenancy(table.model);
        for column in self.referring_columns(table) {
            let is_known = |index: &IndexShape<'_>| index.columns.last() == Some(&column);
            if has_index(column) || column == "id" || indexes.iter().any(is_known) {
                continue;
            }
            let columns = tenancy.into_iter().chain([column]).collect();
            indexes.push(IndexShape { columns, purpose: IndexPurpose::Relation });
        }
        let is_text = |column: &ColumnShape<'_>| column.name != "id" || column.is_collated();
        if self.layout == Layout::TenantKeys && table.columns.iter().all(is_text) {
            indexes.push(IndexShape { columns: table.key.clone(), purpose: IndexPurpose::List });
        }
        indexes
    }

    /// Returns the columns by which rows are looked up that refer to a row: those of foreign keys,
    /// parents, memberships, and of relations with an index.
    fn referring_columns(&self, table: &TableShape<'s>) -> Vec<&'s str> {
        let model = table.model;
        let mut columns: Vec<&str> = table.foreign_keys.iter().map(|key| key.column).collect();
        if self.layout == Layout::TenantKeys {
            let is_granted = |relation: &Relation| {
                model.grants.as_ref().is_some_and(|grants| {
                    grants.subject == relation.name || grants.scope == relation.name
                })
            };
            let looked_up = model.belongs_to().filter(|relation| {
                relation.options.fk
                    || relation.options.index
                    || relation.options.parent
                    || is_granted(relation)
            });
            columns.extend(looked_up.filter_map(|relation| {
                column_of(model, relation.foreign_key.as_str(), self.layout)
            }));
        }
        columns
    }
}
