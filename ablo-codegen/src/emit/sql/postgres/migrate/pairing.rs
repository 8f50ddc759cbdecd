//! Pairs the tables and columns of two schemas.
//!
//! A pair keeps its rows and values; anything without a pair is created or dropped.

use super::super::table_defs::ResolvedOptions;
use super::super::table_defs::{ColumnDef, TableDef, table_defs};
use super::casts::{Conversion, conversion};
use crate::shape::{Isolation, TableShape, tables_in};
use ablo_schema::Schema;
use ablo_schema::diff::Diff;
use std::collections::{BTreeMap, BTreeSet};

/// The tables of a schema as shapes and as definitions, in the same order.
#[derive(Debug)]
pub(crate) struct Side<'a> {
    pub(crate) shapes: Vec<TableShape<'a>>,
    pub(crate) tables: Vec<TableDef<'a>>,
    by_name: BTreeMap<&'a str, usize>,
}

impl<'a> Side<'a> {
    /// Defines the tables of a schema; without a schema there are none.
    pub(crate) fn new(schema: Option<&'a Schema>, plan: &ResolvedOptions<'a>) -> Self {
        let shapes = schema.map(|schema| tables_in(schema, plan.layout)).unwrap_or_default();
        let tables = table_defs(&shapes, plan);
        let by_name = shapes.iter().map(TableShape::name).zip(0..).collect();
        Self { shapes, tables, by_name }
    }

    /// Returns the index of the table with this name.
    pub(crate) fn position(&self, table: &str) -> Option<usize> {
        self.by_name.get(table).copied()
    }
}

/// The pairs of tables, by index.
#[derive(Debug)]
pub(crate) struct Pairing {
    /// For each next table: the previous table.
    pub(crate) origins: Vec<Option<usize>>,
    /// For each previous table: the next table.
    pub(crate) targets: Vec<Option<usize>>,
    /// For each next table: the pairs of its columns.
    pub(crate) columns: Vec<Columns>,
}

/// The pairs of columns of two tables, by index.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    /// For each next column: the previous column and the conversion of its values.
    pub(crate) origins: Vec<Option<(usize, Conversion)>>,
    /// For each previous column: the next column.
    pub(crate) targets: Vec<Option<usize>>,
    /// Next columns whose field existed with a type that cannot be converted.
    pub(crate) recreated: BTreeSet<usize>,
}

impl Pairing {
    /// Pairs tables and columns that the diff pairs, and base columns by their role or name.
    pub(crate) fn new(from: &Side<'_>, to: &Side<'_>, diff: &Diff<'_>) -> Self {
        let mut targets = vec![None; from.tables.len()];
        let mut pairing = Self { origins: Vec::new(), targets: Vec::new(), columns: Vec::new() };
        for (at, shape) in to.shapes.iter().enumerate() {
            let was = diff.prev_model(shape.model.key.as_str()).map(|model| model.table.as_str());
            let origin = was.and_then(|name| from.position(name));
            if let Some(target) = origin.and_then(|origin| targets.get_mut(origin)) {
                *target = Some(at);
            }
            let both = origin.and_then(|origin| {
                let was = from.shapes.get(origin).zip(from.tables.get(origin))?;
                Some((was, (shape, to.tables.get(at)?)))
            });
            pairing
                .columns
                .push(both.map_or_else(Columns::default, |(was, is)| Columns::new(was, is, diff)));
            pairing.origins.push(origin);
        }
        pairing.targets = targets;
        pairing
    }

    /// Returns the new name of a column of a previous table, or `None` if the column is dropped.
    pub(crate) fn column<'n>(
        &self,
        to: &'n Side<'_>,
        table: usize,
        column: usize,
    ) -> Option<&'n str> {
        let target = (*self.targets.get(table)?)?;
        let at = (*self.columns.get(target)?.targets.get(column)?)?;
        Some(to.tables.get(target)?.columns.get(at)?.name)
    }
}

/// A table as shape and as definition.
type Both<'t, 'a> = (&'t TableShape<'a>, &'t TableDef<'a>);

impl Columns {
    fn new((was_shape, was): Both<'_, '_>, (shape, is): Both<'_, '_>, diff: &Diff<'_>) -> Self {
        let by_name: BTreeMap<&str, usize> =
            was.columns.iter().map(|column| column.name).zip(0..).collect();
        let mut columns = Self {
            origins: vec![None; is.columns.len()],
            targets: vec![None; was.columns.len()],
            recreated: BTreeSet::new(),
        };
        let fields: Vec<Option<usize>> = shape
            .columns
            .iter()
            .map(|column| {
                let field =
                    diff.prev_field(shape.model.key.as_str(), column.field?.name.as_str())?;
                let held = |was: &&crate::shape::ColumnShape<'_>| {
                    was.field.is_some_and(|held| held.name == field.name)
                };
                by_name.get(was_shape.columns.iter().find(held)?.name).copied()
            })
            .collect();
        let tenancy = |shape: &TableShape<'_>| match shape.isolation {
            Isolation::Column(name) => shape.columns.iter().position(|column| column.name == name),
            Isolation::Shared | Isolation::Parent { .. } => None,
        };
        let (was_tenancy, is_tenancy) = (tenancy(was_shape), tenancy(shape));
        // The tenancy column comes first: it keeps its meaning under any name. So do base fields.
        let wanted = [(is_tenancy, was_tenancy)]
            .into_iter()
            .chain((0..is.columns.len()).map(|at| (Some(at), shape.previous_base(at, was_shape))))
            .chain((0..is.columns.len()).map(|at| (Some(at), fields.get(at).copied().flatten())));
        let pairs: Vec<_> = wanted.filter_map(|(at, origin)| Some((at?, origin?))).collect();
        for (at, origin) in pairs {
            columns.pair(at, origin, was, is);
        }
        for (at, column) in is.columns.iter().enumerate() {
            let is_base = |shape: &TableShape<'_>, name: &str| {
                shape
                    .columns
                    .iter()
                    .any(|column| column.name == name && (column.field.is_none() || name == "id"))
            };
            let either_is_base = is_base(shape, column.name)
                || is_base(was_shape, column.name)
                || Some(at) == is_tenancy;
            if let Some(origin) = by_name.get(column.name).copied().filter(|_| either_is_base) {
                columns.pair(at, origin, was, is);
            }
        }
        columns
    }

    /// Pairs two columns if both are still unpaired.
    fn pair(&mut self, at: usize, origin: usize, was: &TableDef<'_>, is: &TableDef<'_>) {
        let (Some(from), Some(to)): (Option<&ColumnDef<'_>>, Option<&ColumnDef<'_>>) =
            (was.columns.get(origin), is.columns.get(at))
        else {
            return;
        };
        let (Some(own), Some(target)) = (self.origins.get_mut(at), self.targets.get_mut(origin))
        else {
            return;
        };
        if own.is_some() || target.is_some() {
            return;
        }
        match conversion(from, to) {
            Some(conversion) => {
                *own = Some((origin, conversion));
                *target = Some(at);
            }
            None => {
                self.recreated.insert(at);
            }
        }
    }
}
