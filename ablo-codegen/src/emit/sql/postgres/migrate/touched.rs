//! The tables and columns that a migration drops or gives another type.

use super::casts::Conversion;
use super::pairing::{Pairing, Side};
use super::retained::{KeyFate, Retained};

/// How a migration changes something on which other objects may depend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The table is dropped.
    DropTable,
    /// The column is dropped.
    DropColumn(String),
    /// The column gets another type.
    Retype(String),
    /// The primary key or the unique index on these columns is dropped.
    DropKey(Vec<String>),
}

/// A change of a table, with its name and those of its columns before the migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The table.
    pub table: String,
    /// The change.
    pub change: Change,
}

/// Returns the changes, in the order of the tables.
pub(super) fn all(from: &Side<'_>, pairing: &Pairing, retained: &[Retained]) -> Vec<Touched> {
    let mut out = Vec::new();
    for (origin, (was, kept)) in from.tables.iter().zip(retained).enumerate() {
        let mut add = |change| {
            out.push(Touched { table: was.table.name.as_str().to_owned(), change });
        };
        let target = pairing.targets.get(origin).copied().flatten();
        let Some(columns) = target.and_then(|target| pairing.columns.get(target)) else {
            add(Change::DropTable);
            continue;
        };
        for (at, column) in was.columns.iter().enumerate() {
            let now = columns.targets.get(at).copied().flatten();
            let pair = now.and_then(|now| columns.origins.get(now)?.as_ref());
            match pair {
                None => add(Change::DropColumn(column.name.to_owned())),
                Some((_, Conversion::Through(_))) => add(Change::Retype(column.name.to_owned())),
                Some((_, Conversion::Unchanged)) => {}
            }
        }
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        if kept.key != KeyFate::Kept {
            add(Change::DropKey(owned(&was.key)));
        }
        for (index, kept) in was.indexes.iter().zip(&kept.indexes) {
            if index.unique && kept.is_none() {
                add(Change::DropKey(owned(&index.columns)));
            }
        }
    }
    out
}
