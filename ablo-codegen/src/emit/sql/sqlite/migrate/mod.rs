//! Migrations of an SQLite database.
//!
//! A migration compares the table definitions of two schemas and emits the statements of one
//! transaction. The `ablo_schema::diff` of the schemas says which tables and columns correspond. If
//! `ALTER TABLE` cannot produce a table's new definition, the table is rebuilt: it is renamed, the
//! new table is created, rows are converted into it, and the old table is dropped. The order is
//!
//! 1. guards, then drop tables and indexes without a successor;
//! 2. rename tables and columns, and tables to be rebuilt again to temporary names; alter others;
//! 3. create and fill tables, converting each value or failing with a reason;
//! 4. create indexes and check foreign keys.

mod convert;
mod file;
mod losses;
mod pairing;
mod references;
mod rounding;
mod script;
mod table;

pub use file::files;

use super::SqliteOptions;
use super::ddl::TableDef;
use super::names::{Expr, Ident, Literal, Names, expr};
use super::render::CreateMode;
use super::table_defs::table_defs;
use crate::migrate::{Existing, Hazard, Migration};
use crate::shape::{TableShape, tables_in};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use script::{Guard, Script};
use std::collections::{BTreeMap, BTreeSet};
use table::{Pair, Strategy};

/// The pragmas that a connection has to set before the transaction of a migration. Inside one, they
/// have no effect or come too late.
///
/// Enforced foreign keys would delete rows when the renamed table is dropped. Without
/// `legacy_alter_table`, SQLite would update references to a renamed table in keys, views and
/// triggers, which is wrong for temporary names.
pub const PROLOGUE: [&str; 2] = ["PRAGMA foreign_keys = OFF;", "PRAGMA legacy_alter_table = ON;"];

/// The pragmas to set afterwards, whether the migration succeeded or not.
pub const EPILOGUE: [&str; 2] = ["PRAGMA legacy_alter_table = OFF;", "PRAGMA foreign_keys = ON;"];

/// Returns the statements that migrate a database from `prev`, or from an empty database, to
/// `next`.
///
/// They run in one transaction between [`PROLOGUE`] and [`EPILOGUE`]. `SELECT` statements are
/// guards: they return no rows, or fail with `ablo::migrate::<code>` in the text of SQLite's error.
#[must_use]
pub fn migrate(
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &SqliteOptions,
) -> Migration {
    migrate_from(options.tables(), diff, prev, next, backfills, options)
}

/// Returns the statements that migrate a database whose tables have another layout.
#[must_use]
pub fn migrate_from(
    existing: Existing,
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &SqliteOptions,
) -> Migration {
    let from = prev.map(|prev| tables_in(prev, existing.layout)).unwrap_or_default();
    let to = tables_in(next, options.tables().layout);
    let (was, is) = (table_defs(&from, existing), table_defs(&to, options.tables()));
    let origins = pairing::origins(&from, &to, diff);
    let mut temporary = Names::with(from.iter().chain(&to).map(TableShape::name));
    let pairs: Vec<Option<Pair<'_, '_>>> = to
        .iter()
        .zip(&is)
        .zip(&origins)
        .map(|((shape, table), origin)| {
            let origin = (*origin)?;
            let before = (from.get(origin)?, was.get(origin)?);
            let temporary = temporary.claim(&["ablo_was", &origin.to_string()]);
            let mut pair = Pair::new(before, (shape, table), temporary, diff, backfills);
            let name = table.name.as_str();
            pair.is_moved = pair.was.name != table.name
                && was.iter().all(|was| !was.name.as_str().eq_ignore_ascii_case(name));
            Some(pair)
        })
        .collect();
    let mut script = Script::default();
    let kept: BTreeSet<usize> = origins.iter().flatten().copied().collect();
    for ((shape, table), _) in from.iter().zip(&was).zip(0..).filter(|(_, at)| !kept.contains(at)) {
        let cause = diff.cause(shape.model.key.as_str(), None);
        script.on(
            &table.name,
            cause,
            &[Hazard::Loss],
            &expr!("DROP TABLE IF EXISTS ", table.name, ";"),
        );
    }
    pairs.iter().flatten().for_each(|pair| pair.rename_to_temporary(&mut script));
    pairs.iter().flatten().for_each(|pair| pair.alter(&mut script));
    for ((shape, table), pair) in to.iter().zip(&is).zip(&pairs) {
        match pair {
            Some(pair) => pair.refill(&mut script),
            None => {
                let cause = diff.cause(shape.model.key.as_str(), None);
                script.add(cause, &table.create(CreateMode::Always));
            }
        }
    }
    for ((shape, table), pair) in to.iter().zip(&is).zip(&pairs) {
        let cause = diff.cause(shape.model.key.as_str(), None);
        match pair {
            Some(pair) => pair.index(&mut script),
            None => table.indexes.iter().for_each(|index| {
                script.add(cause, &index.create(&table.name, CreateMode::Always))
            }),
        }
    }
    check_foreign_keys(&is, &pairs, &mut script);
    let mut losses = BTreeMap::new();
    pairs.iter().flatten().for_each(|pair| pair.losses(&mut losses));
    script.finish(pragma_guards(), losses)
}

/// Returns guards that fail if the connection has not run the prologue.
fn pragma_guards() -> Script {
    let mut script = Script::default();
    for (pragma, wanted) in [("foreign_keys", "0"), ("legacy_alter_table", "1")] {
        let rows = expr!("FROM pragma_", pragma, " WHERE ", pragma, " <> ", wanted);
        let what =
            format!("PRAGMA {pragma} must be {wanted} before the transaction begins, but is ");
        script.guard(None, Guard::Pragmas, &what, &expr!(pragma), &rows);
    }
    script
}

/// Adds guards against broken references, for tables that changed or reference a changed table.
fn check_foreign_keys(is: &[TableDef<'_>], pairs: &[Option<Pair<'_, '_>>], script: &mut Script) {
    let changed: BTreeSet<&str> = is
        .iter()
        .zip(pairs)
        .filter(|(_, pair)| pair.as_ref().is_none_or(|pair| pair.strategy != Strategy::Same))
        .map(|(table, _)| table.name.as_str())
        .collect();
    for (table, pair) in is.iter().zip(pairs) {
        let Some(pair) = pair else { continue };
        let single = table.columns.iter().flat_map(|column| &column.references);
        let composite = table.foreign_keys.iter().map(|key| &key.target);
        let mut targets = single.chain(composite).peekable();
        let has_keys = targets.peek().is_some();
        if has_keys
            && (changed.contains(table.name.as_str())
                || targets.any(|table| changed.contains(table.as_str())))
        {
            let name = table.name.as_str();
            let what = format!(
                "{name} has rows that reference missing rows, for example the row with id "
            );
            let example =
                expr!("(SELECT id FROM ", table.name, " AS row WHERE row.rowid = broken.rowid)");
            let rows = expr!("FROM pragma_foreign_key_check(", Literal::new(name), ") AS broken");
            script.guard(pair.cause, Guard::ForeignKeyBroken, &what, &example, &rows);
        }
    }
}

/// Returns a name as a string literal.
fn text(name: &Ident<'_>) -> Expr {
    expr!(Literal::new(name.as_str()))
}
