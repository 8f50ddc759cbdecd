//! Updates existing rows: replaces values that a new rule does not allow and fills columns that
//! become required.

use super::super::ddl::{Predicate, Table};
use super::super::names::{Ident, Names, to_sql};
use super::super::table_defs::CheckDef;
use super::casts::{Conversion, implies, satisfies};
use super::change::{ColumnDefault, ExistingRows, SqlChange};
use super::guard::Guard;
use super::script::Script;
use super::tables::{Lowering, Pair, check_of, is_unique};

/// An update of the rows that a new rule does not allow.
#[derive(Clone)]
pub(super) struct Update<'a> {
    cause: Option<usize>,
    column: Ident<'a>,
    /// The new value; NULL if there is none.
    to: Option<ColumnDefault<'a>>,
    /// The condition on rows.
    rows: String,
    /// Whether it may run after the commit: nothing in the transaction depends on the column.
    pub(super) is_deferred: bool,
}

impl<'a> Update<'a> {
    /// Returns the statement that updates the rows in batches.
    pub(super) fn batches(&self, table: &'a Table<'a>) -> SqlChange<'a> {
        let (column, to, rows) = (self.column.clone(), self.to.clone(), self.rows.clone());
        SqlChange::UpdateInBatches { table, column, to, rows }
    }
}

impl Lowering<'_> {
    /// Updates the rows that new rules do not allow and makes columns required.
    pub(super) fn fill(&self, pair: &Pair<'_>, script: &mut Script) {
        let Some(columns) = self.pairing.columns.get(pair.at) else { return };
        let mut updates: Vec<Update<'_>> = Vec::new();
        let mut after = Vec::new();
        for (at, (to, origin)) in pair.is.columns.iter().zip(&columns.origins).enumerate() {
            let Some((origin, conversion)) = origin else { continue };
            let Some(from) = pair.was.columns.get(*origin) else { continue };
            if let Some(update) = self.unfit_rows(pair, at) {
                self.allow_both(pair, &update, (from.name, to.name), script);
                updates.push(update);
            }
            if !to.not_null || from.not_null {
                continue;
            }
            let (cause, fill) = (self.cause(pair.at, Some(to.name)), self.fill_value(pair.at, at));
            let column = Ident::new(to.name);
            if let (Some(fill), false) = (fill, self.fills(pair, at, conversion)) {
                let is_null = format!("{} IS NULL", to_sql(&column));
                let update = self.update_of(pair, cause, to.name, Some(fill), is_null);
                after.push((cause, column, update.is_deferred.then(|| update.clone()), true));
                updates.push(update);
            } else {
                after.push((cause, column, None, false));
            }
        }
        self.update(pair, &updates, script);
        let table = &pair.is.table;
        for (cause, column, deferred, is_filled) in after {
            let name = helper(pair, column.as_str(), "not_null");
            let condition = format!("{} IS NOT NULL", to_sql(&column));
            let guard = (!is_filled).then(|| (column.clone(), Guard::MadeRequired));
            if let Some((column, guard)) = guard.clone() {
                let rows = format!("{} IS NULL", to_sql(&column));
                script.push(cause, &SqlChange::GuardRows { table, column, rows, guard });
            }
            match deferred {
                Some(update) => {
                    let (name, instead_of) = (name.clone(), None);
                    script.push(
                        cause,
                        &SqlChange::AddCheckAfterCommit { table, name, condition, instead_of },
                    );
                    // Rows that were written before the check applied to them.
                    script.push(cause, &update.batches(table));
                }
                None => {
                    let (name, existing_rows) = (name.clone(), ExistingRows::CheckedLater);
                    let check = SqlChange::AddCheck { table, name, condition, existing_rows };
                    script.push(cause, &check);
                }
            }
            script.push(cause, &SqlChange::ValidateCheck { table, name: name.clone(), guard });
            script.push(cause, &SqlChange::SetNotNull { table, column });
            script.push(cause, &SqlChange::DropCheck { table, name });
        }
    }

    /// Reports whether the conversion of a column also fills in missing values.
    fn fills(&self, pair: &Pair<'_>, at: usize, conversion: &Conversion) -> bool {
        let Conversion::Through(through) = conversion else { return false };
        let is_rounded = pair.is.columns.get(at).and_then(|to| self.rounded(pair.at, at, to.name));
        !through.keeps_bytes && is_rounded.is_none()
    }

    /// Returns the update of rows whose value the new check of a column does not allow, if they may
    /// be updated.
    pub(super) fn unfit_rows<'p>(&'p self, pair: &Pair<'p>, at: usize) -> Option<Update<'p>> {
        let to = pair.is.columns.get(at)?;
        let (origin, conversion) = self.pairing.columns.get(pair.at)?.origins.get(at)?.as_ref()?;
        let from = pair.was.columns.get(*origin)?;
        let rule = check_of(pair.is, to.name).map(|check| &check.rule)?;
        let had = check_of(pair.was, from.name).map(|check| &check.rule);
        let fill = self.fill_value(pair.at, at);
        let is_retyped = matches!(conversion, Conversion::Through(_));
        if is_retyped || implies(had, Some(rule)) || fill.is_none() && to.not_null {
            return None;
        }
        let violates = format!("NOT ({})", satisfies(rule, &to_sql(&Ident::new(to.name))));
        let cause = self.cause(pair.at, Some(to.name));
        Some(self.update_of(pair, cause, to.name, fill, violates))
    }

    fn update_of<'p>(
        &'p self,
        pair: &Pair<'p>,
        cause: Option<usize>,
        name: &'p str,
        to: Option<ColumnDefault<'p>>,
        rows: String,
    ) -> Update<'p> {
        let column = Ident::new(name);
        let isolates = match &pair.is.predicate {
            Some(Predicate::Column(own) | Predicate::Parent { local_key: own, .. }) => {
                *own == column
            }
            None => false,
        };
        let is_deferred = !isolates
            && !pair.is.key.contains(&name)
            && !is_unique(pair.is, &column)
            && self.referenced(pair, &column, to.as_ref()).is_empty();
        Update { cause, column, to, rows, is_deferred }
    }

    /// Keeps a check on the column until its rows are updated: it allows what either rule allows.
    fn allow_both(
        &self,
        pair: &Pair<'_>,
        update: &Update<'_>,
        (from, to): (&str, &str),
        script: &mut Script,
    ) {
        let rules = (check_of(pair.was, from), check_of(pair.is, to));
        let ((Some(was), Some(is)), true) = (rules, update.is_deferred) else { return };
        let (table, column) = (&pair.is.table, update.column.clone());
        let allows = |rule| satisfies(rule, &to_sql(&column));
        let condition = format!("{} OR {}", allows(&was.rule), allows(&is.rule));
        let (name, existing_rows) = (helper(pair, to, "either"), ExistingRows::CheckedLater);
        let check = SqlChange::AddCheck { table, name, condition, existing_rows };
        script.push(update.cause, &check);
    }

    /// Replaces the check that allowed both rules by the new one, after the rows were updated.
    pub(super) fn check_after_update(
        &self,
        pair: &Pair<'_>,
        check: &CheckDef<'_>,
        update: &Update<'_>,
        script: &mut Script,
    ) {
        let (table, name) = (&pair.is.table, check.name.clone());
        let condition = satisfies(&check.rule, &to_sql(&update.column));
        let instead_of = Some(helper(pair, check.column, "either"));
        script.push(
            update.cause,
            &SqlChange::AddCheckAfterCommit { table, name: name.clone(), condition, instead_of },
        );
        // Rows that were written before the check applied to them.
        script.push(update.cause, &update.batches(table));
        script.push(update.cause, &SqlChange::ValidateCheck { table, name, guard: None });
    }

    /// Runs updates with all rows visible: after the commit in batches, or in the transaction, and
    /// again after it for rows that were inserted meanwhile.
    fn update(&self, pair: &Pair<'_>, updates: &[Update<'_>], script: &mut Script) {
        let table = &pair.is.table;
        let at_once: Vec<_> = updates.iter().filter(|update| !update.is_deferred).collect();
        let hides_rows = pair.was.predicate.is_some() && pair.is.predicate.is_some();
        let first = at_once.first().filter(|_| hides_rows).map(|update| update.cause);
        if let Some(cause) = first {
            script.push(cause, &SqlChange::NoForceRls { table });
        }
        for update in &at_once {
            let (cause, column, to) = (update.cause, update.column.clone(), update.to.clone());
            let referenced = self.referenced(pair, &column, to.as_ref());
            let guards =
                (!referenced.is_empty()).then_some(Guard::BackfillWithoutTarget).into_iter();
            let guards = guards
                .chain(is_unique(pair.is, &column).then_some(Guard::DuplicateValues))
                .collect();
            let rows = update.rows.clone();
            script.push(cause, &SqlChange::Update { table, column, to, rows, guards, referenced });
        }
        if let Some(cause) = first {
            script.push(cause, &SqlChange::ForceRls { table });
        }
        // Also for those rows that were inserted while the transaction ran.
        for update in updates {
            script.push(update.cause, &update.batches(table));
        }
    }

    /// Returns the tables that values of this column refer to.
    fn referenced(
        &self,
        pair: &Pair<'_>,
        column: &Ident<'_>,
        value: Option<&ColumnDefault<'_>>,
    ) -> Vec<&Table<'_>> {
        let keys = pair
            .is
            .foreign_keys
            .iter()
            .filter(|key| value.is_some() && key.column == column.as_str());
        keys.filter_map(|key| self.to.tables.get(key.target)).map(|target| &target.table).collect()
    }
}

/// Returns the name of a check that exists only during the migration.
fn helper(pair: &Pair<'_>, column: &str, what: &str) -> Ident<'static> {
    let checks = pair.is.checks.iter().map(|check| check.name.as_str());
    let keys = pair.is.foreign_keys.iter().map(|key| key.name.as_str());
    let mut names = Names::with(checks.chain(keys).chain([pair.is.table.key.as_str()]));
    names.claim(&[pair.is.table.name.as_str(), column, what])
}
