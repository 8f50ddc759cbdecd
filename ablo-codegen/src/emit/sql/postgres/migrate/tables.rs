//! The way from one catalogue to the other, statement by statement.

use super::super::ddl::{ColumnType, Predicate, Table};
use super::super::names::{Ident, sql, to_sql};
use super::super::provision::ResolvedOptions;
use super::super::table_defs::{CheckDef, ColumnDef, IndexDef, TableDef, constant};
use super::casts::{Conversion, Expression, Helper, implies, satisfies};
use super::change::{ColumnDefault, ExistingRows, Index, SqlChange};
use super::guard::Guard;
use super::pairing::{Pairing, Side};
use super::renames::{Rename, ordered};
use super::retained::Retained;
use super::script::Script;
use crate::migrate::Migration;
use crate::shape::Isolation;
use ablo_schema::diff::{Backfills, Diff};

/// Everything a lowering reads.
pub(crate) struct Lowering<'a> {
    pub(crate) plan: &'a ResolvedOptions<'a>,
    pub(crate) from: &'a Side<'a>,
    pub(crate) to: &'a Side<'a>,
    pub(crate) pairing: &'a Pairing,
    pub(crate) kept: Vec<Retained>,
    pub(crate) diff: &'a Diff<'a>,
    pub(crate) backfills: &'a Backfills,
}

/// A table that stays, before and after.
pub(super) struct Pair<'a> {
    pub(super) was: &'a TableDef<'a>,
    pub(super) is: &'a TableDef<'a>,
    kept: &'a Retained,
    origin: usize,
    pub(super) at: usize,
}

/// What is renamed in the scope of a schema.
#[derive(Clone)]
enum Relation {
    Table,
    /// An index, of this table.
    Index(String),
}

/// A column of a table that stays, before and after.
struct Changed<'a> {
    pair: &'a Pair<'a>,
    at: usize,
    from: &'a ColumnDef<'a>,
    to: &'a ColumnDef<'a>,
    conversion: &'a Conversion,
}

impl<'a> Lowering<'a> {
    /// All statements.
    pub(crate) fn migration(&'a self, is_first: bool) -> Migration {
        let mut script = Script::default();
        if is_first && self.plan.own_schema {
            script.push(None, &SqlChange::CreateSchema(self.plan.schema.clone()));
        }
        let pairs: Vec<Pair<'a>> =
            (0..self.to.tables.len()).filter_map(|at| self.pair(at)).collect();
        self.release(&mut script);
        self.remove(&pairs, &mut script);
        self.rename_relations(&pairs, &mut script);
        for pair in &pairs {
            self.rename_parts(pair, &mut script);
        }
        self.create(&mut script);
        for pair in &pairs {
            self.alter(pair, &mut script);
            self.fill(pair, &mut script);
        }
        for at in 0..self.to.tables.len() {
            self.rule(at, &mut script);
        }
        for at in 0..self.to.tables.len() {
            self.isolate(at, &mut script);
            self.refer(at, &mut script);
            self.comment(at, &mut script);
        }
        script.finish()
    }

    fn pair(&'a self, at: usize) -> Option<Pair<'a>> {
        let origin = (*self.pairing.origins.get(at)?)?;
        let (was, is) = (self.from.tables.get(origin)?, self.to.tables.get(at)?);
        Some(Pair { was, is, kept: self.kept.get(origin)?, origin, at })
    }

    /// The step about a table that is to be, or about one of its columns.
    pub(super) fn cause(&self, table: usize, column: Option<&str>) -> Option<usize> {
        let shape = self.to.shapes.get(table)?;
        let key = shape.model.key.as_str();
        let named = column.and_then(|name| shape.columns.iter().find(|column| column.name == name));
        let field = named.and_then(|column| column.field).map(|field| field.name.as_str());
        self.diff.cause(key, field).or_else(|| self.diff.cause(key, None))
    }

    /// The step about a table that was, or about one of its columns.
    fn previous_cause(&self, table: usize, column: Option<&str>) -> Option<usize> {
        let shape = self.from.shapes.get(table)?;
        let now = self
            .pairing
            .targets
            .get(table)
            .copied()
            .flatten()
            .and_then(|at| self.to.shapes.get(at));
        let key = now.unwrap_or(shape).model.key.as_str();
        let named = column.and_then(|name| shape.columns.iter().find(|column| column.name == name));
        let field = named.and_then(|column| column.field).map(|field| field.name.as_str());
        self.diff.cause(key, field).or_else(|| self.diff.cause(key, None))
    }

    /// What hangs on something that changes goes first.
    fn release(&self, script: &mut Script) {
        for (origin, (was, kept)) in self.from.tables.iter().zip(&self.kept).enumerate() {
            let table = &was.table;
            for (key, kept) in was.foreign_keys.iter().zip(&kept.foreign_keys) {
                if kept.is_none() {
                    let also = self.from.tables.get(key.target).map(|target| &target.table);
                    let also = also.filter(|target| target.name != table.name);
                    let cause = self.previous_cause(origin, Some(key.column));
                    script.push(
                        cause,
                        &SqlChange::DropConstraint { table, name: key.name.clone(), also },
                    );
                }
            }
        }
        for (origin, (was, kept)) in self.from.tables.iter().zip(&self.kept).enumerate() {
            let (table, cause) = (&was.table, self.previous_cause(origin, None));
            let stays = self.pairing.targets.get(origin).copied().flatten();
            // A table takes its own policy along; one that looks at another table would hold that up.
            let hangs = |predicate: &Predicate<'_>| {
                stays.is_some() || matches!(predicate, Predicate::Parent { .. })
            };
            if let (Some(predicate), false) =
                (was.predicate.as_ref().filter(|predicate| hangs(predicate)), kept.policy)
            {
                script.push(
                    cause,
                    &SqlChange::DropPolicy { table, parent: self.previous_parent(predicate) },
                );
                let now = stays.and_then(|at| self.to.tables.get(at));
                if now.is_some_and(|now| now.predicate.is_none()) {
                    script.push(cause, &SqlChange::DisableRls { table });
                }
            }
            if stays.is_none() {
                continue;
            }
            for (check, _) in was.checks.iter().zip(&kept.checks).filter(|(_, kept)| kept.is_none())
            {
                let cause = self.previous_cause(origin, Some(check.column));
                script.push(
                    cause,
                    &SqlChange::DropConstraint { table, name: check.name.clone(), also: None },
                );
            }
            for (index, _) in
                was.indexes.iter().zip(&kept.indexes).filter(|(_, kept)| kept.is_none())
            {
                let cause = self.previous_cause(origin, index.columns.last().copied());
                script.push(cause, &SqlChange::DropIndex { table, name: index.name.clone() });
            }
        }
    }

    /// The table through which rows were seen.
    fn previous_parent(&self, predicate: &Predicate<'_>) -> Option<&'a Table<'a>> {
        let Predicate::Parent { parent, .. } = predicate else { return None };
        self.from
            .tables
            .get(self.from.position(parent.as_str())?)
            .map(|definition| &definition.table)
    }

    /// Tables and columns that have no successor.
    fn remove(&self, pairs: &[Pair<'_>], script: &mut Script) {
        for (origin, was) in self.from.tables.iter().enumerate() {
            if self.pairing.targets.get(origin).copied().flatten().is_none() {
                script.push(
                    self.previous_cause(origin, None),
                    &SqlChange::DropTable { table: &was.table },
                );
            }
        }
        for pair in pairs {
            let Some(columns) = self.pairing.columns.get(pair.at) else { continue };
            for (column, target) in pair.was.columns.iter().zip(&columns.targets) {
                if target.is_none() {
                    let cause = self.previous_cause(pair.origin, Some(column.name));
                    let column = Ident::new(column.name);
                    script.push(cause, &SqlChange::DropColumn { table: &pair.was.table, column });
                }
            }
        }
    }

    /// Tables and indexes share one scope.
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
            add(true, &was.key, &is.key);
            for (index, kept) in pair.was.indexes.iter().zip(&pair.kept.indexes) {
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

    /// Columns and constraints of a table, which has its new name by now.
    fn rename_parts(&self, pair: &Pair<'_>, script: &mut Script) {
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
        let checks = pair.was.checks.iter().zip(&pair.kept.checks).filter_map(|(check, kept)| {
            let now = pair.is.checks.get((*kept)?)?;
            Some(rename(check.name.as_str(), now.name.as_str()))
        });
        let keys =
            pair.was.foreign_keys.iter().zip(&pair.kept.foreign_keys).filter_map(|(key, kept)| {
                let now = pair.is.foreign_keys.get((*kept)?)?;
                Some(rename(key.name.as_str(), now.name.as_str()))
            });
        let cause = self.cause(pair.at, None);
        for Rename { from, to, .. } in ordered(checks.chain(keys).collect()) {
            script.push(
                cause,
                &SqlChange::RenameConstraint { table, from: Ident::new(from), to: Ident::new(to) },
            );
        }
    }

    /// Tables that were not there.
    fn create(&self, script: &mut Script) {
        for (at, is) in self.to.tables.iter().enumerate() {
            if self.pairing.origins.get(at).copied().flatten().is_none() {
                let columns = is.columns.iter().map(ColumnDef::declared).collect();
                script.push(
                    self.cause(at, None),
                    &SqlChange::CreateTable { table: &is.table, columns },
                );
            }
        }
    }

    /// Columns that are new, or change what they hold.
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
        let given = self.backfill(pair.at, at);
        let fill = given.clone().or_else(|| to.preset.clone());
        let guard = match (is_recreated, self.is_tenancy(pair.at, to)) {
            (_, true) => Guard::TenancyColumnAdded,
            (true, _) => Guard::RequiredRecreated,
            (false, _) => Guard::RequiredFieldAdded,
        };
        script.push(cause, &SqlChange::AddColumn { table, column: to.declared(), fill, guard });
        if given.is_some() && given != to.preset {
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
            let using = self.converted(changed, expression);
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

    /// The expression of a column's new values. What does not fit gets the value that is given for it, else none where the
    /// column allows that, else it stops the migration.
    fn converted(&self, changed: &Changed<'_>, through: &Expression) -> Expression {
        let Changed { pair, at, to, .. } = *changed;
        let mut out = through.clone();
        let (column, kind) = (to_sql(&Ident::new(to.name)), to_sql(&to.column_type));
        if let Some(check) = rule_of(pair.is, to.name) {
            let condition = satisfies(&check.rule, &format!("({})", through.text));
            out.text = format!("CASE WHEN {condition} THEN {} END", through.text);
            out.total = false;
        }
        if let Some(fill) = self.given(pair.at, at) {
            let fill = to_sql(&fill);
            let filled = format!("COALESCE(({})::{kind}, {fill}::{kind})", out.text);
            out.text = if to.not_null {
                filled
            } else {
                format!("CASE WHEN {column} IS NOT NULL THEN {filled} END")
            };
        } else if to.not_null && !out.total {
            let mut message = String::new();
            let text = Guard::ValueUnfit.about(&pair.is.table, &Ident::new(to.name));
            sql!(&mut message, super::super::names::Literal::new(text));
            out.helpers.insert(Helper::Refuse);
            out.text = format!(
                "CASE WHEN {column} IS NOT NULL THEN COALESCE(({})::{kind}, pg_temp.ablo_refuse({message}, \"id\"::text, {column}::text)::{kind}) END",
                out.text
            );
        }
        out
    }

    /// Checks and indexes that are not there yet.
    fn rule(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (table, pair) = (&is.table, self.pair(at));
        let has_check =
            |at: usize| pair.as_ref().is_some_and(|pair| pair.kept.checks.contains(&Some(at)));
        for (_, check) in is.checks.iter().enumerate().filter(|(place, _)| !has_check(*place)) {
            let cause = self.cause(at, Some(check.column));
            let existing_rows =
                pair.as_ref().map_or(ExistingRows::None, |pair| self.existing_rows(pair, check));
            let (name, column) = (check.name.clone(), Ident::new(check.column));
            let condition = satisfies(&check.rule, &to_sql(&column));
            script.push(
                cause,
                &SqlChange::AddCheck {
                    table,
                    name: name.clone(),
                    column,
                    condition,
                    existing_rows,
                },
            );
            if existing_rows == ExistingRows::CheckedLater {
                script.push(cause, &SqlChange::ValidateCheck { table, name });
            }
        }
        let has_index =
            |at: usize| pair.as_ref().is_some_and(|pair| pair.kept.indexes.contains(&Some(at)));
        for (_, index) in is.indexes.iter().enumerate().filter(|(place, _)| !has_index(*place)) {
            let cause = self.cause(at, index.columns.last().copied());
            if pair.is_none() {
                script.push(cause, &SqlChange::CreateIndex { table, index: built(index) });
            } else {
                if index.unique {
                    let columns = index.columns.iter().map(|column| Ident::new(*column)).collect();
                    script.push(cause, &SqlChange::GuardDuplicates { table, columns });
                }
                script
                    .push(cause, &SqlChange::DropInvalidIndex { table, name: index.name.clone() });
                script.push(
                    cause,
                    &SqlChange::CreateIndexConcurrently { table, index: built(index) },
                );
            }
        }
    }

    /// What a new check means for the rows of a table that stays.
    fn existing_rows(&self, pair: &Pair<'_>, check: &CheckDef<'_>) -> ExistingRows {
        let at = pair.is.columns.iter().position(|column| column.name == check.column);
        let origin = at.and_then(|at| self.pairing.columns.get(pair.at)?.origins.get(at)?.as_ref());
        let (Some(at), Some((origin, Conversion::Unchanged))) = (at, origin) else {
            return ExistingRows::CheckedLater;
        };
        let had = pair.was.columns.get(*origin).and_then(|column| rule_of(pair.was, column.name));
        let fits = implies(had.map(|check| &check.rule), Some(&check.rule));
        let is_required = pair.is.columns.get(at).is_some_and(|column| column.not_null);
        if fits || !is_required || self.given(pair.at, at).is_some() {
            ExistingRows::CheckedLater
        } else {
            ExistingRows::CheckedNow(Guard::ValueUnfit)
        }
    }

    /// Row security and its policy.
    fn isolate(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (Some(predicate), table) = (&is.predicate, &is.table) else { return };
        let (pair, cause) = (self.pair(at), self.cause(at, None));
        if pair.as_ref().is_none_or(|pair| pair.was.predicate.is_none()) {
            script.push(cause, &SqlChange::EnableRls { table });
        }
        if pair.is_none_or(|pair| !pair.kept.policy) {
            script.push(cause, &SqlChange::CreatePolicy { table, predicate: predicate.clone() });
        }
    }

    /// Foreign keys.
    fn refer(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (table, pair) = (&is.table, self.pair(at));
        let has_key = |at: usize| {
            pair.as_ref().is_some_and(|pair| pair.kept.foreign_keys.contains(&Some(at)))
        };
        for (_, key) in is.foreign_keys.iter().enumerate().filter(|(place, _)| !has_key(*place)) {
            let Some(target) = self.to.tables.get(key.target).map(|target| &target.table) else {
                continue;
            };
            let (cause, is_new) = (self.cause(at, Some(key.column)), pair.is_none());
            let (name, column) = (key.name.clone(), Ident::new(key.column));
            script.push(
                cause,
                &SqlChange::AddForeignKey { table, name: name.clone(), column, target, is_new },
            );
            if !is_new {
                script.push(cause, &SqlChange::ValidateForeignKey { table, name, target });
            }
        }
    }

    /// Comments that differ.
    fn comment(&self, at: usize, script: &mut Script) {
        let Some(is) = self.to.tables.get(at) else { return };
        let (pair, columns) = (self.pair(at), self.pairing.columns.get(at));
        for (place, to) in is.columns.iter().enumerate() {
            let origin = columns.and_then(|columns| columns.origins.get(place)?.as_ref());
            let was =
                pair.as_ref().and_then(|pair| pair.was.columns.get(origin?.0)?.comment.as_ref());
            if was != to.comment.as_ref() {
                let (column, text) = (Ident::new(to.name), to.comment.clone());
                let cause = self.cause(at, Some(to.name));
                script.push(cause, &SqlChange::Comment { table: &is.table, column, text });
            }
        }
    }

    fn is_tenancy(&self, table: usize, column: &ColumnDef<'_>) -> bool {
        let isolation = self.to.shapes.get(table).map(|shape| shape.isolation);
        matches!(isolation, Some(Isolation::Column(name)) if name == column.name)
    }

    /// The value that a backfill gives for a column.
    fn backfill(&self, table: usize, at: usize) -> Option<super::super::ddl::Preset<'a>> {
        let (shape, to) = (self.to.shapes.get(table)?, self.to.tables.get(table)?.columns.get(at)?);
        let declared = shape.columns.get(at)?.field.map(|field| field.name.as_str());
        let field = declared.or_else(|| self.is_tenancy(table, to).then_some("organizationId"))?;
        Some(constant(to.kind, self.backfills.value(shape.model.key.as_str(), field)?))
    }

    /// The value that rows without a fitting one get: a backfill, else the declared default.
    pub(super) fn given(&self, table: usize, at: usize) -> Option<ColumnDefault<'a>> {
        let own = || self.to.tables.get(table)?.columns.get(at).and_then(default);
        self.backfill(table, at).map(ColumnDefault::Constant).or_else(own)
    }
}

/// What an absent value is, declared or by the column's part.
fn default<'a>(column: &ColumnDef<'a>) -> Option<ColumnDefault<'a>> {
    let now = (column.column_type == ColumnType::TimestamptzNow).then_some(ColumnDefault::Now);
    now.or_else(|| column.preset.clone().map(ColumnDefault::Constant))
}

/// The check of a column, of which there is one at most.
pub(super) fn rule_of<'t, 'a>(table: &'t TableDef<'a>, column: &str) -> Option<&'t CheckDef<'a>> {
    table.checks.iter().find(|check| check.column == column)
}

/// Whether a column's values are held apart.
pub(super) fn is_unique(table: &TableDef<'_>, column: &Ident<'_>) -> bool {
    table.indexes.iter().any(|index| index.unique && index.columns.contains(&column.as_str()))
}

fn built<'a>(index: &IndexDef<'a>) -> Index<'a> {
    let columns = index.columns.iter().map(|column| Ident::new(*column)).collect();
    Index { name: index.name.clone(), unique: index.unique, method: index.method, columns }
}
