//! Lowers the difference between two lists of table definitions to statements.

use super::super::ddl::ColumnType;
use super::super::names::{Ident, sql, to_sql};
use super::super::render::idents;
use super::super::table_defs::ResolvedOptions;
use super::super::table_defs::{CheckDef, ColumnDef, TableDef, constant};
use super::casts::{Conversion, Expression, Helper, rounded};
use super::change::{ColumnDefault, SqlChange};
use super::guard::Guard;
use super::pairing::{Pairing, Side};
use super::renames::{Rename, ordered};
use super::retained::{ForeignKeyFate, KeyFate, Retained};
use super::script::Script;
use crate::migrate::Migration;
use crate::shape::Isolation;
use ablo_schema::diff::{Backfills, Diff};

/// The input of a lowering.
pub(crate) struct Lowering<'a> {
    pub(crate) plan: &'a ResolvedOptions<'a>,
    pub(crate) from: &'a Side<'a>,
    pub(crate) to: &'a Side<'a>,
    pub(crate) pairing: &'a Pairing,
    pub(crate) retained: Vec<Retained>,
    pub(crate) diff: &'a Diff<'a>,
    pub(crate) backfills: &'a Backfills,
}

/// A retained table, before and after.
pub(super) struct Pair<'a> {
    pub(super) was: &'a TableDef<'a>,
    pub(super) is: &'a TableDef<'a>,
    pub(super) retained: &'a Retained,
    pub(super) origin: usize,
    pub(super) at: usize,
}

/// The kind of an object that is renamed in the scope of a schema.
#[derive(Clone)]
enum Relation {
    Table,
    /// An index of this table.
    Index(String),
}

/// A retained column of a retained table, before and after.
struct Changed<'a> {
    pair: &'a Pair<'a>,
    at: usize,
    from: &'a ColumnDef<'a>,
    to: &'a ColumnDef<'a>,
    conversion: &'a Conversion,
}

impl<'a> Lowering<'a> {
    /// Returns all statements.
    pub(crate) fn migration(&'a self, is_first: bool) -> Migration {
        let mut script = Script::default();
        if is_first && self.plan.own_schema {
            script.push(None, &SqlChange::CreateSchema(self.plan.schema.clone()));
        }
        let pairs: Vec<Pair<'a>> =
            (0..self.to.tables.len()).filter_map(|at| self.pair(at)).collect();
        self.drop_dependents(&mut script);
        self.drop_unmatched(&pairs, &mut script);
        self.rename_relations(&pairs, &mut script);
        for pair in &pairs {
            self.rename_columns_and_constraints(pair, &mut script);
        }
        self.create(&mut script);
        for pair in &pairs {
            self.alter(pair, &mut script);
            self.fill(pair, &mut script);
        }
        for at in 0..self.to.tables.len() {
            self.add_checks_and_indexes(at, &mut script);
        }
        for at in 0..self.to.tables.len() {
            self.replace_key(at, &mut script);
        }
        for at in 0..self.to.tables.len() {
            self.isolate(at, &mut script);
            self.add_foreign_keys(at, &mut script);
            self.set_comments(at, &mut script);
        }
        script.finish(self.losses())
    }

    pub(super) fn pair(&'a self, at: usize) -> Option<Pair<'a>> {
        let origin = (*self.pairing.origins.get(at)?)?;
        let (was, is) = (self.from.tables.get(origin)?, self.to.tables.get(at)?);
        Some(Pair { was, is, retained: self.retained.get(origin)?, origin, at })
    }

    /// Returns the step that changes a next table or one of its columns.
    pub(super) fn cause(&self, table: usize, column: Option<&str>) -> Option<usize> {
        let shape = self.to.shapes.get(table)?;
        let key = shape.model.key.as_str();
        let named = column.and_then(|name| shape.columns.iter().find(|column| column.name == name));
        let field = named.and_then(|column| column.field).map(|field| field.name.as_str());
        self.diff.cause(key, field).or_else(|| self.diff.cause(key, None))
    }

    /// Renames tables and indexes, which share one scope.
    fn rename_relations(&self, pairs: &[Pair<'_>], script: &mut Script) {
        let mut renames = Vec::new();
        for pair in pairs {
            let (was, is) = (&pair.was.table, &pair.is.table);
            let mut add = |index: bool, from: &Ident<'_>, to: &Ident<'_>| {
                let relation = if index {
                    Relation::Index(is.name.as_str().to_owned())
                } else {
                    Relation::Table
                };
                let (from, to) = (from.as_str().to_owned(), to.as_str().to_owned());
                renames.push(Rename { what: (pair.at, relation), from, to });
            };
            add(false, &was.name, &is.name);
            if pair.retained.key != KeyFate::Replaced {
                add(true, &was.key, &is.key);
            }
            for (index, kept) in pair.was.indexes.iter().zip(&pair.retained.indexes) {
                if let Some(now) = kept.and_then(|at| pair.is.indexes.get(at)) {
                    add(true, &index.name, &now.name);
                }
            }
        }
        for Rename { what: (at, relation), from, to } in ordered(renames) {
            let (schema, from, to) = (self.plan.schema.clone(), Ident::new(from), Ident::new(to));
            let change = match relation {
                Relation::Table => SqlChange::RenameTable { schema, from, to },
                Relation::Index(table) => SqlChange::RenameIndex { schema, table, from, to },
            };
            script.push(self.cause(at, None), &change);
        }
    }

    /// Renames the columns and constraints of a table, which already has its new name.
    fn rename_columns_and_constraints(&self, pair: &Pair<'_>, script: &mut Script) {
        let table = &pair.is.table;
        let rename =
            |from: &str, to: &str| Rename { what: (), from: from.to_owned(), to: to.to_owned() };
        let Some(columns) = self.pairing.columns.get(pair.at) else { return };
        let moved = pair.is.columns.iter().zip(&columns.origins).filter_map(|(column, origin)| {
            let was = pair.was.columns.get(origin.as_ref()?.0)?;
            Some(rename(was.name, column.name))
        });
        for Rename { from, to, .. } in ordered(moved.collect()) {
            let cause = self.cause(pair.at, Some(&to));
            script.push(
                cause,
                &SqlChange::RenameColumn { table, from: Ident::new(from), to: Ident::new(to) },
            );
        }
        let checks =
            pair.was.checks.iter().zip(&pair.retained.checks).filter_map(|(check, kept)| {
                let now = pair.is.checks.get((*kept)?)?;
                Some(rename(check.name.as_str(), now.name.as_str()))
            });
        let keys = pair.was.foreign_keys.iter().zip(&pair.retained.foreign_keys).filter_map(
            |(key, fate)| {
                let ForeignKeyFate::Kept(at) = *fate else { return None };
                let now = pair.is.foreign_keys.get(at)?;
                Some(rename(key.name.as_str(), now.name.as_str()))
            },
        );
        let cause = self.cause(pair.at, None);
        for Rename { from, to, .. } in ordered(checks.chain(keys).collect()) {
            script.push(
                cause,
                &SqlChange::RenameConstraint { table, from: Ident::new(from), to: Ident::new(to) },
            );
        }
    }

    /// Creates new tables.
    fn create(&self, script: &mut Script) {
        for (at, is) in self.to.tables.iter().enumerate() {
            if self.pairing.origins.get(at).copied().flatten().is_none() {
                let columns = is.columns.iter().map(ColumnDef::declared).collect();
                let (table, key) = (&is.table, idents(&is.key));
                script.push(self.cause(at, None), &SqlChange::CreateTable { table, columns, key });
            }
        }
    }

    /// Adds new columns and changes types and defaults.
    fn alter(&self, pair: &Pair<'_>, script: &mut Script) {
        let Some(columns) = self.pairing.columns.get(pair.at) else { return };
        for (at, (to, origin)) in pair.is.columns.iter().zip(&columns.origins).enumerate() {
            match origin {
                None => self.add(pair, at, to, columns.recreated.contains(&at), script),
                Some((origin, conversion)) => {
                    let Some(from) = pair.was.columns.get(*origin) else { continue };
                    self.change(&Changed { pair, at, from, to, conversion }, script);
                }
            }
        }
    }

    fn add(
        &self,
        pair: &Pair<'_>,
        at: usize,
        to: &ColumnDef<'_>,
        is_recreated: bool,
        script: &mut Script,
    ) {
        let (table, cause) = (&pair.is.table, self.cause(pair.at, Some(to.name)));
        let backfill = self.backfill(pair.at, at);
        let fill = backfill.clone().or_else(|| to.preset.clone());
        let guard = match (is_recreated, self.is_tenancy(pair.at, to)) {
            (_, true) => Guard::TenancyColumnAdded,
            (true, _) => Guard::RequiredRecreated,
            (false, _) => Guard::RequiredFieldAdded,
        };
        script.push(cause, &SqlChange::AddColumn { table, column: to.declared(), fill, guard });
        if backfill.is_some() && backfill != to.preset {
            let column = Ident::new(to.name);
            script.push(
                cause,
                &match default(to) {
                    Some(to) => SqlChange::SetDefault { table, column, to },
                    None => SqlChange::DropDefault { table, column },
                },
            );
        }
    }

    fn change(&self, changed: &Changed<'_>, script: &mut Script) {
        let Changed { pair, from, to, conversion, .. } = *changed;
        let (table, cause) = (&pair.is.table, self.cause(pair.at, Some(to.name)));
        let column = || Ident::new(to.name);
        if from.not_null && !to.not_null {
            script.push(cause, &SqlChange::DropNotNull { table, column: column() });
        }
        let (was, is) = (default(from), default(to));
        let mut had = was.is_some();
        if let Conversion::Through(expression) = conversion {
            if had {
                script.push(cause, &SqlChange::DropDefault { table, column: column() });
                had = false;
            }
            let using = self.conversion_expression(changed, expression);
            let guards = is_unique(pair.is, &column())
                .then_some(Guard::DuplicateValues)
                .into_iter()
                .collect();
            script.push(
                cause,
                &SqlChange::Retype { table, column: column(), to: to.column_type, using, guards },
            );
        }
        match is {
            Some(to) if !had || was.as_ref() != Some(&to) => {
                script.push(cause, &SqlChange::SetDefault { table, column: column(), to });
            }
            None if had => script.push(cause, &SqlChange::DropDefault { table, column: column() }),
            _ => {}
        }
    }

    /// Returns the expression of a column's new values. A value that does not fit is replaced by
    /// the fill value, or by NULL if the column allows it; otherwise it stops the migration, as
    /// does any value that stays too large when it is rounded.
    fn conversion_expression(&self, changed: &Changed<'_>, through: &Expression) -> Expression {
        let Changed { pair, at, to, .. } = *changed;
        let rounded = self.rounded(pair.at, at, to.name);
        let mut out = rounded.clone().unwrap_or_else(|| through.clone());
        let (column, kind) = (to_sql(&Ident::new(to.name)), to_sql(&to.column_type));
        let fill = self.fill_value(pair.at, at);
        if let Some(fill) = fill.filter(|_| rounded.is_none() && !through.keeps_bytes) {
            let fill = to_sql(&fill);
            let filled = format!("COALESCE(({})::{kind}, {fill}::{kind})", out.text);
            out.text = if to.not_null {
                filled
            } else {
                format!("CASE WHEN {column} IS NOT NULL THEN {filled} END")
            };
        } else if rounded.is_some() || to.not_null && !out.total {
            let mut message = String::new();
            let text = Guard::ValueUnfit.about(&pair.is.table, &Ident::new(to.name));
            sql!(&mut message, super::super::names::Literal::new(text));
            out.helpers.insert(Helper::Refuse);
            out.text = format!(
                "CASE WHEN {column} IS NOT NULL THEN COALESCE(({})::{kind}, \
                 pg_temp.ablo_refuse({message}, \"id\"::text, {column}::text)::{kind}) END",
                out.text
            );
        }
        out
    }

    /// Returns the conversion of a column that a hint rounds, which has this name.
    pub(super) fn rounded(&self, table: usize, at: usize, name: &str) -> Option<Expression> {
        let (shape, to) = (self.to.shapes.get(table)?, self.to.tables.get(table)?.columns.get(at)?);
        let field = shape.columns.get(at)?.field?;
        let is_rounded = self.diff.is_rounded(shape.model.key.as_str(), field.name.as_str());
        is_rounded.then(|| rounded(name, to)).flatten()
    }

    fn is_tenancy(&self, table: usize, column: &ColumnDef<'_>) -> bool {
        let isolation = self.to.shapes.get(table).map(|shape| shape.isolation);
        matches!(isolation, Some(Isolation::Column(name)) if name == column.name)
    }

    /// Returns the backfill of a column.
    fn backfill(&self, table: usize, at: usize) -> Option<super::super::ddl::Preset<'a>> {
        let (shape, to) = (self.to.shapes.get(table)?, self.to.tables.get(table)?.columns.get(at)?);
        let declared = shape.columns.get(at)?.field.map(|field| field.name.as_str());
        let field = declared.or_else(|| self.is_tenancy(table, to).then_some("organizationId"))?;
        Some(constant(to.kind, self.backfills.value(shape.model.key.as_str(), field)?))
    }

    /// Returns the value for rows without a valid one: the backfill, else the default.
    pub(super) fn fill_value(&self, table: usize, at: usize) -> Option<ColumnDefault<'a>> {
        let own = || self.to.tables.get(table)?.columns.get(at).and_then(default);
        self.backfill(table, at).map(ColumnDefault::Constant).or_else(own)
    }
}

/// Returns the default of a column.
fn default<'a>(column: &ColumnDef<'a>) -> Option<ColumnDefault<'a>> {
    let is_now =
        matches!(column.column_type, ColumnType::TimestamptzNow | ColumnType::NativeNow(_));
    let now = is_now.then_some(ColumnDefault::Now);
    now.or_else(|| column.preset.clone().map(ColumnDefault::Constant))
}

/// Returns the check of a column. A column has at most one.
pub(super) fn check_of<'t, 'a>(table: &'t TableDef<'a>, column: &str) -> Option<&'t CheckDef<'a>> {
    table.checks.iter().find(|check| check.column == column)
}

/// Returns whether a column is part of a unique index.
pub(super) fn is_unique(table: &TableDef<'_>, column: &Ident<'_>) -> bool {
    table.indexes.iter().any(|index| index.unique && index.columns.contains(&column.as_str()))
}
