//! Pairs the tables and columns of two schemas.
//!
//! A pair keeps its rows and values; anything without a pair is created or dropped.

use crate::shape::{ColumnShape, Isolation, TableShape};
use ablo_schema::diff::Diff;
use std::collections::BTreeMap;

/// Returns the previous table of each next table.
pub(crate) fn origins(
    from: &[TableShape<'_>],
    to: &[TableShape<'_>],
    diff: &Diff<'_>,
) -> Vec<Option<usize>> {
    let by_name: BTreeMap<&str, usize> = from.iter().map(TableShape::name).zip(0..).collect();
    let origin = |shape: &TableShape<'_>| {
        let model = diff.prev_model(shape.model.key.as_str())?;
        let at = by_name.get(model.table.as_str()).copied()?;
        from.get(at).filter(|known| known.model.key == model.key).map(|_| at)
    };
    to.iter().map(origin).collect()
}

/// The pairs of columns of two tables.
#[derive(Debug)]
pub(crate) struct Columns {
    /// For each next column: the previous column.
    pub(crate) origins: Vec<Option<usize>>,
    /// For each previous column: whether it is kept.
    pub(crate) is_kept: Vec<bool>,
}

impl Columns {
    /// Pairs the tenancy columns, the base fields, the columns that the diff pairs, and base
    /// columns with the same name.
    pub(crate) fn new(was: &TableShape<'_>, is: &TableShape<'_>, diff: &Diff<'_>) -> Self {
        let mut columns =
            Self { origins: vec![None; is.columns.len()], is_kept: vec![false; was.columns.len()] };
        if let (Some(at), Some(origin)) = (tenancy(is), tenancy(was)) {
            columns.pair(at, origin);
        }
        for at in 0..is.columns.len() {
            if let Some(origin) = is.previous_base(at, was) {
                columns.pair(at, origin);
            }
        }
        let by_field: BTreeMap<&str, usize> = was
            .columns
            .iter()
            .zip(0..)
            .filter_map(|(column, at)| Some((column.field?.name.as_str(), at)))
            .collect();
        for (at, column) in is.columns.iter().enumerate() {
            let before = column
                .field
                .and_then(|field| diff.prev_field(is.model.key.as_str(), field.name.as_str()));
            if let Some(origin) =
                before.and_then(|field| by_field.get(field.name.as_str()).copied())
            {
                columns.pair(at, origin);
            }
        }
        let by_name: BTreeMap<&str, usize> =
            was.columns.iter().map(|column| column.name).zip(0..).collect();
        for (at, column) in is.columns.iter().enumerate() {
            if let Some(origin) = by_name.get(column.name).copied()
                && (is_base(is, column)
                    || was.columns.get(origin).is_some_and(|column| is_base(was, column)))
            {
                columns.pair(at, origin);
            }
        }
        columns
    }

    /// Pairs two columns if both are still unpaired.
    fn pair(&mut self, at: usize, origin: usize) {
        if let (Some(own @ None), Some(free @ false)) =
            (self.origins.get_mut(at), self.is_kept.get_mut(origin))
        {
            *own = Some(origin);
            *free = true;
        }
    }
}

fn tenancy(table: &TableShape<'_>) -> Option<usize> {
    let Isolation::Column(name) = table.isolation else { return None };
    table.columns.iter().position(|column| column.name == name)
}

fn is_base(table: &TableShape<'_>, column: &ColumnShape<'_>) -> bool {
    let tenancy = matches!(table.isolation, Isolation::Column(name) if name == column.name);
    tenancy || column.base.is_some()
}
