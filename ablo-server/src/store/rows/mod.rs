//! The tables of models: rows by id, with their parents, by query, and writes.
//!
//! Every function is restricted to one organisation.

mod filter;
mod query;
mod select;
pub(crate) mod table;
mod visibility;

pub(crate) use query::{Comparison, Condition, Position, RowQuery};
pub(crate) use table::Tables;

use super::sql_template::json_list;
use super::{Dialect, Tx};
use crate::error::StoreError;
use crate::models::row::id;
use crate::models::{Column, ColumnMapping, MAX_PARENT_DEPTH, Model, ModelId, Models};
use crate::value::{Cell, Row, ValueKind, push_json_string};
use std::collections::{BTreeMap, BTreeSet};

/// The models and the SQL of their tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'r> {
    pub(crate) models: &'r Models,
    pub(crate) tables: &'r Tables,
}

/// Rows that were looked up; `None` for those that do not exist.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RowSet(BTreeMap<ModelId, BTreeMap<String, Option<Row>>>);

impl RowSet {
    /// Returns a row, or `None` if it does not exist or was not looked up.
    pub(crate) fn get(&self, model: ModelId, id: &str) -> Option<&Row> {
        self.0.get(&model)?.get(id)?.as_ref()
    }

    /// Sets a row, or that it does not exist.
    pub(crate) fn set(&mut self, model: ModelId, id: &str, row: Option<Row>) {
        self.0.entry(model).or_default().insert(id.to_owned(), row);
    }

    fn contains(&self, model: ModelId, id: &str) -> bool {
        self.0.get(&model).is_some_and(|rows| rows.contains_key(id))
    }
}

/// Returns whether a row of a model can have this id.
fn can_have(model: &Model, id: &Cell) -> bool {
    model.columns.first().is_some_and(|column| column.can_hold(id))
}

/// Returns the ids of the parents that a row names.
pub(crate) fn parent_keys(model: &Model, row: &Row) -> Vec<(ModelId, String)> {
    let key = |(column, parent): &(usize, ModelId)| match row.get(*column) {
        Some(Cell::Text(key)) => Some((*parent, key.clone())),
        _ => None,
    };
    model.parents.iter().filter_map(key).collect()
}

/// Formats rows as a JSON array of objects with the values of their columns.
fn json_rows(model: &Model, rows: &[Row]) -> String {
    let mut out = String::from("[");
    for (number, row) in rows.iter().enumerate() {
        out.push_str(if number > 0 { ",{" } else { "{" });
        for (at, (column, cell)) in model.columns.iter().zip(row).enumerate() {
            if at > 0 {
                out.push(',');
            }
            push_json_string(&column.name, &mut out);
            out.push(':');
            match (cell, &column.kind, &column.mapping) {
                (Cell::Text(json), ValueKind::Json, _)
                | (Cell::Text(json), _, ColumnMapping::List(_)) => out.push_str(json),
                (Cell::Text(text), ..) => push_json_string(text, &mut out),
                (cell, kind, _) => kind.write(cell, &mut out),
            }
        }
        out.push('}');
    }
    out.push(']');
    out
}

impl<'r> Rows<'r> {
    /// Returns a row.
    pub(crate) fn find(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        id: impl Into<Cell>,
    ) -> Result<Option<Row>, StoreError> {
        let (sql, id) = (&self.tables.get(model.id).by_id, id.into());
        if !can_have(model, &id) {
            return Ok(None);
        }
        Ok(tx.query(sql, &[organization.into(), id])?.into_iter().next())
    }

    /// Locks a row until the end of the transaction, so that nothing changes it between its read
    /// and its write. A transaction of SQLite is such a lock.
    pub(crate) fn lock(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        id: &str,
    ) -> Result<(), StoreError> {
        if self.tables.dialect() == Dialect::Postgres && can_have(model, &id.into()) {
            let sql = format!("{} FOR UPDATE", self.tables.get(model.id).by_id);
            tx.query(&sql, &[organization.into(), id.into()])?;
        }
        Ok(())
    }

    /// Looks up rows and their parents, to the greatest depth that groups are derived from.
    pub(crate) fn with_parents(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        wanted: impl IntoIterator<Item = (ModelId, String)>,
    ) -> Result<RowSet, StoreError> {
        let mut found = RowSet::default();
        let mut next: BTreeSet<(ModelId, String)> = wanted.into_iter().collect();
        for _ in 0..=MAX_PARENT_DEPTH {
            let mut by_model: BTreeMap<ModelId, Vec<String>> = BTreeMap::new();
            for (model, id) in std::mem::take(&mut next) {
                if !found.contains(model, &id) {
                    found.set(model, &id, None);
                    by_model.entry(model).or_default().push(id);
                }
            }
            for (model, ids) in by_model {
                let model = self.models.get(model);
                for row in self.find_all(tx, organization, model, &ids)? {
                    next.extend(parent_keys(model, &row));
                    let id = id(&row).to_owned();
                    found.set(model.id, &id, Some(row));
                }
            }
            if next.is_empty() {
                break;
            }
        }
        Ok(found)
    }

    /// Returns the rows with these ids that exist, in no particular order.
    pub(crate) fn find_all(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        ids: &[String],
    ) -> Result<Vec<Row>, StoreError> {
        if let [id] = ids {
            return Ok(self.find(tx, organization, model, id.as_str())?.into_iter().collect());
        }
        let known = |id: &&String| can_have(model, &Cell::Text((*id).clone()));
        let ids: Vec<&String> = ids.iter().filter(known).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sql = self.tables.get(model.id).by_ids(model);
        tx.query(&sql, &[organization.into(), json_list(&ids)])
    }

    /// Reads rows from JSON objects with the values of their columns, in their order.
    pub(crate) fn read_json(
        self,
        tx: &mut Tx<'_>,
        model: &Model,
        objects: &[&str],
    ) -> Result<Vec<Row>, StoreError> {
        let list = format!("[{}]", objects.join(","));
        tx.query(&self.tables.get(model.id).of_json(), &[Cell::Text(list)])
    }

    /// Inserts a row and returns it as the database stores it, or `None` if it would belong to
    /// another organisation.
    pub(crate) fn insert(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        row: &Row,
    ) -> Result<Option<Row>, StoreError> {
        let sql = &self.tables.get(model.id).insert;
        let stored = match model.columns.iter().all(Column::is_stored) {
            true => tx.query(sql, row)?,
            false => {
                let cells = model.columns.iter().zip(row);
                let cells = cells.filter(|(column, _)| column.is_stored());
                tx.query(sql, &cells.map(|(_, cell)| cell.clone()).collect::<Row>())?
            }
        };
        let stored = stored.into_iter().next();
        self.written(tx, organization, model, stored)
    }

    /// Inserts rows. Returns whether all of them belong to the organisation.
    pub(crate) fn insert_all(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let table = self.tables.get(model.id);
        let Some(sql) = table.insert_json(model) else {
            for row in rows {
                if self.insert(tx, organization, model, row)?.is_none() {
                    return Ok(false);
                }
            }
            return Ok(true);
        };
        tx.execute(&sql, &[Cell::Text(json_rows(model, rows))])?;
        if !table.tenancy_follows_rows {
            return Ok(true);
        }
        let ids: Vec<String> = rows.iter().map(|row| id(row).to_owned()).collect();
        Ok(self.find_all(tx, organization, model, &ids)?.len() == rows.len())
    }

    /// Inserts a row with values for some columns and returns its id, which the database may have
    /// assigned.
    pub(crate) fn insert_some(
        self,
        tx: &mut Tx<'_>,
        model: &Model,
        cells: Vec<(usize, Cell)>,
    ) -> Result<Option<Cell>, StoreError> {
        let (columns, values): (Vec<usize>, Vec<Cell>) = cells.into_iter().unzip();
        let sql = self.tables.get(model.id).insert_some(model, &columns);
        Ok(tx.query(&sql, &values)?.into_iter().flatten().next())
    }

    /// Sets columns of a row and returns the row as the database stores it, or `None` if it would
    /// belong to another organisation.
    pub(crate) fn update(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        id: impl Into<Cell>,
        cells: &[(usize, Cell)],
    ) -> Result<Option<Row>, StoreError> {
        let id = id.into();
        let is_stored = |at: usize| model.columns.get(at).is_some_and(Column::is_stored);
        let cells = cells.iter().filter(|(column, _)| is_stored(*column));
        let (columns, cells): (Vec<usize>, Vec<Cell>) = cells.cloned().unzip();
        if columns.is_empty() || !can_have(model, &id) {
            return self.find(tx, organization, model, id);
        }
        let mut values = vec![organization.into(), id];
        values.extend(cells);
        let sql = self.tables.get(model.id).update(model, &columns);
        let stored = tx.query(&sql, &values)?.into_iter().next();
        self.written(tx, organization, model, stored)
    }

    /// Checks that a written row belongs to the organisation, if other rows decide that.
    fn written(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        stored: Option<Row>,
    ) -> Result<Option<Row>, StoreError> {
        match stored {
            Some(row) if self.tables.get(model.id).tenancy_follows_rows => {
                self.find(tx, organization, model, id(&row))
            }
            stored => Ok(stored),
        }
    }

    /// Deletes a row. Returns whether there was one.
    pub(crate) fn delete(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        id: impl Into<Cell>,
    ) -> Result<bool, StoreError> {
        let (sql, id) = (&self.tables.get(model.id).delete, id.into());
        Ok(can_have(model, &id) && tx.execute(sql, &[organization.into(), id])? > 0)
    }

    /// Returns the rows of a model whose column names a parent.
    pub(crate) fn children(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        (model, column): (&Model, usize),
        parent: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let parent = Cell::from(parent);
        if model.columns.get(column).is_none_or(|column| !column.can_hold(&parent)) {
            return Ok(Vec::new());
        }
        let sql = self.tables.get(model.id).children(model, column);
        tx.query(&sql, &[organization.into(), parent])
    }

    /// Returns the number of rows with these texts in two columns.
    pub(crate) fn count_pairs(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        model: &Model,
        first: (usize, &str),
        second: (usize, &str),
    ) -> Result<u64, StoreError> {
        let sql = self.tables.get(model.id).count_pairs(model, first.0, second.0);
        let found = tx.query(&sql, &[organization.into(), first.1.into(), second.1.into()])?;
        let number = found.first().and_then(|row| row.first()?.integer());
        number
            .and_then(|number| u64::try_from(number).ok())
            .ok_or_else(|| StoreError::Fault("a count is not a number".to_owned()))
    }
}
