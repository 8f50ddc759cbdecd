//! Adopts a database that other programs made: the ledger gets the schema of its tables, and what
//! the schema does not manage. No table is changed.

use crate::accepted::Accepted;
use crate::catalog::{Catalog, Column};
use crate::codes;
use crate::compare::Difference;
use crate::error::{Error, Finding, Result};
use crate::fitting::fits;
use crate::ledger::{Record, State};
use crate::session::{Session, Timeouts, locked};
use ablo_codegen::emit::sql::Dialect;
use ablo_codegen::migrate::Existing;
use ablo_codegen::shape::{ColumnShape, Layout, TableShape, tables};
use ablo_schema::{Hashes, Schema, canonical};

/// The content of an adoption.
#[derive(Clone, Debug)]
pub struct Adoption {
    /// The differences between the schema and the tables, which are left alone.
    pub unmanaged: Vec<Difference>,
    /// The columns that may make writes of programs fail.
    pub warnings: Vec<Finding>,
    record: Record,
}

/// Returns what an adoption would record. Writes nothing.
///
/// # Errors
/// `ablo::database::wrong_kind` for SQLite, `ablo::migrate::already_recorded`,
/// `ablo::migrate::unfinished`, `ablo::migrate::adopt_misfit` with every difference that makes the
/// schema wrong for the tables, or any error of the session.
pub fn adoption(database: &mut dyn Session, schema: &Schema, again: bool) -> Result<Adoption> {
    if database.dialect() == Dialect::Sqlite {
        let message = "tables of SQLite cannot be adopted: a migration rebuilds them as a whole";
        return Err(Finding::new(codes::WRONG_KIND, message).into());
    }
    let head = database.ledger()?.pop();
    if let Some(entry) = &head {
        let id = entry.id;
        if entry.state != State::Done {
            let message = format!("entry {id} of the ledger is not finished");
            return Err(Finding::new(codes::UNFINISHED, message).into());
        }
        if !again {
            let message = format!("entry {id} of the ledger already has a schema");
            return Err(Finding::new(codes::ALREADY_RECORDED, message).into());
        }
    }
    let existing = Existing { layout: Layout::CURRENT, foreign_keys: true };
    let catalog = database.catalog()?;
    let differences = database.compare(schema, existing, &catalog)?;
    let shapes = tables(schema);
    let judge = Judge { shapes: &shapes, catalog: &catalog };
    let (misfits, unmanaged): (Vec<_>, Vec<_>) =
        differences.into_iter().partition(|one| judge.is_misfit(one));
    if !misfits.is_empty() {
        let message = format!("the schema does not fit the tables in {} places", misfits.len());
        let first = Finding::new(codes::ADOPT_MISFIT, message);
        let each = misfits.iter().map(Difference::finding);
        return Err(Error(std::iter::once(first).chain(each).collect()));
    }
    let warnings = unmanaged.iter().filter_map(|one| judge.warning(one)).collect();
    let record = Record {
        from: head.map(|entry| entry.record.to),
        to: Hashes::of(schema).content.to_string(),
        schema: canonical::print(schema),
        foreign_keys: existing.foreign_keys,
        layout: existing.layout,
        statements: Vec::new(),
        accepted: unmanaged.iter().map(Accepted::new).collect(),
    };
    Ok(Adoption { unmanaged, warnings, record })
}

/// Records the schema of a database, and what it does not manage. Only the ledger is written. With
/// `again`, the ledger may have entries.
///
/// # Errors
/// Those of [`adoption`] and of [`Session::apply`].
pub fn adopt(
    database: &mut dyn Session,
    schema: &Schema,
    again: bool,
    timeouts: Timeouts,
) -> Result<Adoption> {
    locked(database, timeouts, |database| {
        let adoption = adoption(database, schema, again)?;
        database.apply(&adoption.record, &[], timeouts)?;
        Ok(adoption)
    })
}

/// Decides whether a schema is wrong for a table.
struct Judge<'a> {
    shapes: &'a [TableShape<'a>],
    catalog: &'a Catalog,
}

impl<'a> Judge<'a> {
    fn is_misfit(&self, difference: &Difference) -> bool {
        let code = difference.code;
        if code == codes::TABLE_MISSING {
            return true;
        }
        let Some(shape) = self.shape(difference) else { return false };
        if code == codes::COLUMN_MISSING {
            // A base field without a column is none that the author declares.
            return shape.base.is_none();
        }
        let found = self.found(difference);
        code == codes::COLUMN_TYPE && found.is_some_and(|found| !fits(shape.kind, found))
    }

    /// Returns a warning on a difference that may make writes fail.
    fn warning(&self, difference: &Difference) -> Option<Finding> {
        let found = self.found(difference)?;
        let fails = found.not_null && found.default.is_none() && !found.generated;
        let is_optional = match difference.code {
            code if code == codes::COLUMN_EXTRA => true,
            code if code == codes::COLUMN_NULL => !self.shape(difference)?.not_null,
            _ => false,
        };
        let message = || {
            let (table, column) = (&difference.table, &found.name);
            format!("`{table}`, `{column}`: rows without a value are refused")
        };
        (fails && is_optional).then(|| Finding::new(codes::REQUIRED_THERE, message()))
    }

    fn shape(&self, difference: &Difference) -> Option<&'a ColumnShape<'a>> {
        let table = self.shapes.iter().find(|table| table.name() == difference.table)?;
        table.columns.iter().find(|column| Some(column.name) == difference.part.as_deref())
    }

    fn found(&self, difference: &Difference) -> Option<&'a Column> {
        self.catalog.tables.get(&difference.table)?.column(difference.part.as_deref()?)
    }
}
