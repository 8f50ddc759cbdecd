//! Migrations of an SQLite database.
//!
//! The catalogues of two schemas come in, with what `ablo_schema::diff` says of them; statements of one transaction go
//! out. A table whose definition changes in a way that `ALTER TABLE` cannot follow to the same text is made anew: it steps
//! aside under another name, the new one is made, rows are converted into it, the old one goes. The order is
//!
//! 1. refusals, then tables and indexes that have no successor go;
//! 2. tables that are made anew step aside, others get their names and columns;
//! 3. tables are made and filled, each value converted, or refused with its reason;
//! 4. indexes are made, and keys looked at.

mod convert;
mod file;
mod pairing;
mod script;
mod table;

pub use file::files;

use super::SqliteOptions;
use super::ddl::TableDef;
use super::names::{Expr, Ident, Literal, Names, expr};
use super::render::CreateMode;
use super::table_defs::table_defs;
use crate::migrate::{Hazard, Migration};
use crate::shape::{TableShape, tables};
use ablo_schema::Schema;
use ablo_schema::diff::{Backfills, Diff};
use script::{Guard, Script};
use std::collections::BTreeSet;
use table::{Pair, Strategy};

/// What a connection says before the transaction of a migration: both are without effect inside one, or too late.
///
/// Keys that are enforced would delete rows with the table that steps aside. Without the older way of renaming, SQLite
/// would rewrite the names of such tables in keys, views and triggers of others.
pub const PROLOGUE: [&str; 2] = ["PRAGMA foreign_keys = OFF;", "PRAGMA legacy_alter_table = ON;"];

/// What it says afterwards, whether the migration succeeded or not.
pub const EPILOGUE: [&str; 2] = ["PRAGMA legacy_alter_table = OFF;", "PRAGMA foreign_keys = ON;"];

/// The statements that lead a database from one schema to the next; from nothing, where there is no `prev`.
///
/// All belong in one transaction between [`PROLOGUE`] and [`EPILOGUE`]. Those that only look (`SELECT`) give no rows; one
/// that refuses fails with `ablo::migrate::<what>` in the text of SQLite's error.
#[must_use]
pub fn migrate(
    diff: &Diff<'_>,
    prev: Option<&Schema>,
    next: &Schema,
    backfills: &Backfills,
    options: &SqliteOptions,
) -> Migration {
    let from = prev.map(tables).unwrap_or_default();
    let to = tables(next);
    let (was, is) =
        (table_defs(&from, options.foreign_keys), table_defs(&to, options.foreign_keys));
    let origins = pairing::origins(&from, &to, diff);
    let mut aside = Names::with(from.iter().chain(&to).map(TableShape::name));
    let pairs: Vec<Option<Pair<'_, '_>>> = to
        .iter()
        .zip(&is)
        .zip(&origins)
        .map(|((shape, table), origin)| {
            let origin = (*origin)?;
            let before = (from.get(origin)?, was.get(origin)?);
            let aside = aside.claim(&["ablo_was", &origin.to_string()]);
            Some(Pair::new(before, (shape, table), aside, diff, backfills))
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
    pairs.iter().flatten().for_each(|pair| pair.rename_aside(&mut script));
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
    script.finish(pragma_guards())
}

/// Refuses a connection that has not said the prologue.
fn pragma_guards() -> Script {
    let mut script = Script::default();
    for (pragma, wanted) in [("foreign_keys", "0"), ("legacy_alter_table", "1")] {
        let rows = expr!("FROM pragma_", pragma, " WHERE ", pragma, " <> ", wanted);
        let what =
            format!("PRAGMA {pragma} has to be {wanted} before the transaction begins, and is ");
        script.guard(None, Guard::Pragmas, &what, &expr!(pragma), &rows);
    }
    script
}

/// Refuses rows that name others which are not there, where a table or one that it refers to has changed.
fn check_foreign_keys(is: &[TableDef<'_>], pairs: &[Option<Pair<'_, '_>>], script: &mut Script) {
    let changed: BTreeSet<&str> = is
        .iter()
        .zip(pairs)
        .filter(|(_, pair)| pair.as_ref().is_none_or(|pair| pair.strategy != Strategy::Same))
        .map(|(table, _)| table.name.as_str())
        .collect();
    for (table, pair) in is.iter().zip(pairs) {
        let Some(pair) = pair else { continue };
        let mut targets = table.columns.iter().flat_map(|column| &column.references).peekable();
        let has_keys = targets.peek().is_some();
        if has_keys
            && (changed.contains(table.name.as_str())
                || targets.any(|table| changed.contains(table.as_str())))
        {
            let name = table.name.as_str();
            let what = format!(
                "a row of {name} refers to one that is not there, as does that with the id "
            );
            let example =
                expr!("(SELECT id FROM ", table.name, " AS row WHERE row.rowid = broken.rowid)");
            let rows = expr!("FROM pragma_foreign_key_check(", Literal::new(name), ") AS broken");
            script.guard(pair.cause, Guard::ForeignKeyBroken, &what, &example, &rows);
        }
    }
}

/// A name as text.
fn text(name: &Ident<'_>) -> Expr {
    expr!(Literal::new(name.as_str()))
}
