//! Migration of one existing table.

use super::super::ddl::{ColumnDef, IndexDef, Key, Preset, Rule, TableDef};
use super::super::names::{Expr, Ident, List, Parts, expr};
use super::super::render::{CreateMode, NOW};
use super::super::table_defs::constant;
use super::convert::{Conversion, conversion};
use super::pairing::Columns;
use super::script::{Guard, Script};
use super::text;
use crate::migrate::Hazard;
use crate::shape::{ColumnShape, Isolation, TableShape};
use ablo_schema::diff::{Backfills, Diff};
use std::collections::BTreeSet;

/// The way in which a table is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Only its indexes may change.
    Same,
    /// The table or columns are renamed, or columns are added.
    Altered,
    /// The table is rebuilt.
    Rebuilt,
}

/// A retained table, before and after.
#[derive(Debug)]
pub(crate) struct Pair<'d, 'a> {
    was_shape: &'d TableShape<'a>,
    pub(super) was: &'d TableDef<'a>,
    pub(super) shape: &'d TableShape<'a>,
    pub(super) is: &'d TableDef<'a>,
    columns: Columns,
    /// The temporary name of the old table while the new one is filled.
    temporary: Ident<'static>,
    pub(super) diff: &'d Diff<'d>,
    backfills: &'d Backfills,
    /// The first step about its model.
    pub(crate) cause: Option<usize>,
    /// The way in which it is changed.
    pub(crate) strategy: Strategy,
    /// Whether SQLite renames the table, and with it what refers to it in other objects. It cannot
    /// if another table has the name.
    pub(super) is_moved: bool,
}

impl<'d, 'a> Pair<'d, 'a> {
    /// Compares a table before and after and chooses the strategy.
    pub(crate) fn new(
        (was_shape, was): (&'d TableShape<'a>, &'d TableDef<'a>),
        (shape, is): (&'d TableShape<'a>, &'d TableDef<'a>),
        temporary: Ident<'static>,
        diff: &'d Diff<'d>,
        backfills: &'d Backfills,
    ) -> Self {
        let columns = Columns::new(was_shape, shape, diff);
        let cause = diff.cause(shape.model.key.as_str(), None);
        let mut pair = Self {
            was_shape,
            was,
            shape,
            is,
            columns,
            temporary,
            diff,
            backfills,
            cause,
            strategy: Strategy::Rebuilt,
            is_moved: false,
        };
        pair.strategy = pair.decide();
        pair
    }

    fn decide(&self) -> Strategy {
        let has_same_keys =
            self.was.key == self.is.key && self.was.foreign_keys == self.is.foreign_keys;
        if self.columns.is_kept.contains(&false) || !has_same_keys {
            return Strategy::Rebuilt;
        }
        let taken: BTreeSet<String> = self
            .was
            .columns
            .iter()
            .map(|column| column.name.as_str().to_ascii_lowercase())
            .collect();
        let mut strategy =
            if self.was.name == self.is.name { Strategy::Same } else { Strategy::Altered };
        for (at, column) in self.is.columns.iter().enumerate() {
            let free = !taken.contains(&column.name.as_str().to_ascii_lowercase());
            match self.previous(at) {
                Some((_, was)) if was == column => {}
                Some((_, was)) if free && is_renamed(was, column) => strategy = Strategy::Altered,
                None if free && self.is_addable(at, column) => strategy = Strategy::Altered,
                _ => return Strategy::Rebuilt,
            }
        }
        strategy
    }

    /// Returns the previous column.
    pub(super) fn previous(&self, at: usize) -> Option<(&'d ColumnShape<'a>, &'d ColumnDef<'a>)> {
        let origin = (*self.columns.origins.get(at)?)?;
        Some((self.was_shape.columns.get(origin)?, self.was.columns.get(origin)?))
    }

    /// Returns whether `ADD COLUMN` accepts the column and sets the right value in existing rows.
    fn is_addable(&self, at: usize, column: &ColumnDef<'_>) -> bool {
        let constant = match &column.preset {
            None => !column.not_null,
            Some(Preset::Now) => false,
            // `ADD COLUMN` does not accept an expression in parentheses as a constant.
            Some(Preset::Constant(constant)) => !expr!(constant).as_str().starts_with('('),
        };
        constant && column.key == Key::No && self.backfill(at).is_none()
    }

    /// Returns the backfill for existing rows, in the stored form.
    fn backfill(&self, at: usize) -> Option<Expr> {
        let column = self.shape.columns.get(at)?;
        let value = self.backfills.value(self.shape.model.key.as_str(), self.field(at)?)?;
        Some(expr!(constant(column.kind, value)?))
    }

    /// Returns the name of the field that a column stores.
    pub(super) fn field(&self, at: usize) -> Option<&'a str> {
        let column = self.shape.columns.get(at)?;
        let tenancy =
            matches!(self.shape.isolation, Isolation::Column(name) if name == column.name);
        match column.field {
            Some(field) => Some(field.name.as_str()),
            None => tenancy.then_some("organizationId"),
        }
    }

    /// Returns the value for rows without a valid one: the backfill, else the default.
    fn fill(&self, at: usize) -> Option<Expr> {
        self.backfill(at).or_else(|| {
            Some(match self.is.columns.get(at)?.preset.as_ref()? {
                Preset::Now => expr!("(", NOW, ")"),
                Preset::Constant(constant) => expr!(constant),
            })
        })
    }

    pub(super) fn cause_of(&self, at: usize) -> Option<usize> {
        self.diff.cause(self.shape.model.key.as_str(), self.field(at)).or(self.cause)
    }

    /// Returns the step that drops a previous column.
    fn cause_of_drop(&self, at: usize) -> Option<usize> {
        let field = self.was_shape.columns.get(at).and_then(|column| column.field);
        self.diff
            .cause(self.shape.model.key.as_str(), field.map(|field| field.name.as_str()))
            .or(self.cause)
    }

    /// Drops indexes without a successor and renames the table if its name is needed.
    pub(crate) fn rename_to_temporary(&self, script: &mut Script) {
        if self.strategy == Strategy::Rebuilt {
            self.guard_unknown_parts(script);
        }
        for index in self.was.indexes.iter().filter(|index| !self.keeps(index)) {
            script.on(
                &self.was.name,
                self.cause,
                &[],
                &expr!("DROP INDEX IF EXISTS ", index.name, ";"),
            );
        }
        self.rename_with_references(script);
        if self.was.name != self.is.name && !self.is_moved || self.strategy == Strategy::Rebuilt {
            let (name, temporary) = (self.moved_name(), &self.temporary);
            script.on(
                &self.was.name,
                self.cause,
                &[],
                &expr!("ALTER TABLE ", name, " RENAME TO ", temporary, ";"),
            );
        }
    }

    /// Returns whether an index is unchanged.
    fn keeps(&self, index: &IndexDef<'_>) -> bool {
        let stays = |name: &Ident<'_>| {
            let at = self.is.columns.iter().position(|column| column.name == *name);
            at.and_then(|at| self.previous(at)).is_some_and(|(_, was)| was.name == *name)
        };
        self.strategy != Strategy::Rebuilt
            && self.was.name == self.is.name
            && self.is.indexes.contains(index)
            && index.columns.iter().all(stays)
    }

    /// Adds a guard: a rebuilt table would lose parts that the schema does not define.
    fn guard_unknown_parts(&self, script: &mut Script) {
        let lower: Vec<Expr> = self
            .was
            .columns
            .iter()
            .map(|column| expr!("lower(", text(&column.name), ")"))
            .collect();
        let indexes: Vec<Expr> = self.was.indexes.iter().map(|index| text(&index.name)).collect();
        let table = text(&self.was.name);
        let rows = expr!(
            "FROM (SELECT name FROM pragma_table_xinfo(",
            table,
            ") WHERE lower(name) NOT IN (",
            List(&lower),
            ") UNION ALL SELECT name FROM sqlite_schema WHERE tbl_name = ",
            table,
            " COLLATE NOCASE AND (type = 'trigger' OR \
             type = 'index' AND sql IS NOT NULL AND name NOT IN (",
            List(&indexes),
            ")))"
        );
        let what = format!(
            "{} has to be rebuilt, which would drop a part that the schema does not define: ",
            self.was.name.as_str()
        );
        script.guard(self.cause, Guard::UnknownParts, &what, &expr!("name"), &rows);
    }

    /// Renames an altered table and renames or adds its columns.
    pub(crate) fn alter(&self, script: &mut Script) {
        if self.strategy != Strategy::Altered {
            return;
        }
        let table = &self.is.name;
        if self.was.name != *table && !self.is_moved {
            script.on(
                &self.was.name,
                self.cause,
                &[],
                &expr!("ALTER TABLE ", self.temporary, " RENAME TO ", table, ";"),
            );
        }
        for (at, column) in self.is.columns.iter().enumerate() {
            let change = match self.previous(at) {
                Some((_, was)) if was.name == column.name => continue,
                Some((_, was)) => expr!(" RENAME COLUMN ", was.name, " TO ", column.name, ";"),
                None => expr!(" ADD COLUMN ", column, ";"),
            };
            script.on(
                &self.was.name,
                self.cause_of(at),
                &[],
                &expr!("ALTER TABLE ", table, change),
            );
        }
    }

    /// Creates the new table and converts the rows of the old one into it.
    pub(crate) fn refill(&self, script: &mut Script) {
        if self.strategy != Strategy::Rebuilt {
            return;
        }
        script.add(self.cause, &self.is.create(CreateMode::Always));
        let mut loss = self
            .columns
            .is_kept
            .iter()
            .position(|is_kept| !is_kept)
            .map(|at| self.cause_of_drop(at));
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (at, column) in self.is.columns.iter().enumerate() {
            let (value, lossy) = self.value(at, column, script);
            loss = loss.or_else(|| lossy.then(|| self.cause_of(at)));
            names.push(expr!(column.name));
            values.push(expr!("\n  ", value));
        }
        let mut insert = Parts::default();
        insert.add(&expr!(
            "INSERT INTO ",
            self.is.name,
            " (",
            List(&names),
            ")\nSELECT",
            List(&values)
        ));
        insert.add(&expr!("\nFROM ", self.temporary, " AS was;"));
        script.on(
            &self.was.name,
            self.cause,
            &[Hazard::Rewrite, Hazard::MayFail],
            &Expr::new(&insert),
        );
        let (cause, hazards): (_, &[Hazard]) =
            loss.map_or((self.cause, &[]), |cause| (cause, &[Hazard::Loss]));
        script.on(&self.was.name, cause, hazards, &expr!("DROP TABLE ", self.temporary, ";"));
    }

    /// Returns the new value of a column and whether values may be lost.
    fn value(&self, at: usize, column: &ColumnDef<'_>, script: &mut Script) -> (Expr, bool) {
        let fill = self.fill(at);
        let guard_rows = |script: &mut Script, guard, what: &str, rows: &Expr| {
            let what = format!(
                "{}.{} {what}, for example the row with id ",
                self.is.name.as_str(),
                column.name.as_str()
            );
            let rows = expr!("FROM ", self.temporary, " AS was", rows);
            script.guard(self.cause_of(at), guard, &what, &expr!("was.id"), &rows);
        };
        let recreated = |script: &mut Script, guard| {
            if fill.is_none() && column.not_null {
                guard_rows(
                    script,
                    guard,
                    "is required, but existing rows have no value",
                    &expr!(""),
                );
            }
            fill.clone().unwrap_or_else(|| expr!("NULL"))
        };
        let (Some((was_shape, was)), Some(shape)) = (self.previous(at), self.shape.columns.get(at))
        else {
            let name = column.name.as_str();
            let tenancy =
                matches!(self.shape.isolation, Isolation::Column(tenancy) if tenancy == name);
            let guard = if tenancy { Guard::TenancyColumnAdded } else { Guard::RequiredFieldAdded };
            return (recreated(script, guard), false);
        };
        let source =
            expr!("was.", if self.is_renamed_first(at) { &column.name } else { &was.name });
        let rounded = self.rounded(at, &source);
        if let Some(value) = &rounded {
            let rows = expr!(" WHERE ", source, " IS NOT NULL AND ", value, " IS NULL");
            let what = "has values with too many digits before the point";
            guard_rows(script, Guard::ValueUnfit, what, &rows);
        }
        let (value, risky) = match conversion(was_shape.kind, shape.kind, &source) {
            Conversion::Recreate => return (recreated(script, Guard::RequiredRecreated), true),
            Conversion::Keep => (source.clone(), false),
            Conversion::Safe(value) => (value, false),
            Conversion::Risky(value) => (value, true),
        };
        let (is_lossy, value, risky) = match rounded {
            Some(value) => (true, value, false),
            None => (risky, value, risky),
        };
        let converted = match (fill, column.not_null) {
            (Some(fill), true) if risky || !was.not_null => {
                expr!("coalesce(", value, ", ", fill, ")")
            }
            (Some(fill), false) if risky => {
                expr!(
                    "CASE WHEN ",
                    source,
                    " IS NOT NULL THEN coalesce(",
                    value,
                    ", ",
                    fill,
                    ") END"
                )
            }
            (None, true) => {
                if !was.not_null {
                    let rows = expr!(" WHERE ", source, " IS NULL");
                    guard_rows(
                        script,
                        Guard::MadeRequired,
                        "becomes required, but some rows have no value",
                        &rows,
                    );
                }
                if risky {
                    let rows = expr!(" WHERE ", source, " IS NOT NULL AND ", value, " IS NULL");
                    guard_rows(
                        script,
                        Guard::ValueUnfit,
                        "has values that its new type does not allow",
                        &rows,
                    );
                }
                value
            }
            _ => value,
        };
        (converted, is_lossy)
    }

    /// Creates missing indexes.
    pub(crate) fn index(&self, script: &mut Script) {
        for index in &self.is.indexes {
            if self.was.indexes.contains(index) && self.keeps(index) {
                continue;
            }
            if let Some(column) = index.columns.last().filter(|_| index.unique) {
                let columns = List(&index.columns);
                let rows = expr!(
                    "FROM ",
                    self.is.name,
                    " WHERE ",
                    column,
                    " IS NOT NULL GROUP BY ",
                    columns,
                    " HAVING count(*) > 1"
                );
                let what = format!(
                    "{}.{} becomes unique, but some rows have the same value, for example the row \
                     with id ",
                    self.is.name.as_str(),
                    column.as_str()
                );
                script.guard(self.cause, Guard::DuplicateValues, &what, &expr!("min(id)"), &rows);
            }
            let hazards = [Hazard::Scan];
            script.on(
                &self.was.name,
                self.cause,
                &hazards,
                &index.create(&self.is.name, CreateMode::Always),
            );
        }
    }
}

/// Returns whether a column differs only in its name and has no check, which would contain the
/// name.
fn is_renamed(was: &ColumnDef<'_>, is: &ColumnDef<'_>) -> bool {
    was.rule == Rule::Any && *is == ColumnDef { name: is.name.clone(), ..was.clone() }
}
