//! Updates existing rows: replaces values that a new rule does not allow and fills columns that
//! become required.

use super::super::ddl::Table;
use super::super::names::{Ident, Names, to_sql};
use super::super::table_defs::TableDef;
use super::casts::{Conversion, implies, satisfies};
use super::change::{ColumnDefault, ExistingRows, SqlChange};
use super::guard::Guard;
use super::script::Script;
use super::tables::{Lowering, Pair, check_of, is_unique};

/// An update: its step, the column, the new value, and the condition on rows.
type Update<'a> = (Option<usize>, Ident<'a>, Option<ColumnDefault<'a>>, String);

impl Lowering<'_> {
    /// Updates the rows that new rules do not allow and makes columns required.
    pub(super) fn fill(&self, pair: &Pair<'_>, script: &mut Script) {
        let Some(columns) = self.pairing.columns.get(pair.at) else { return };
        let mut names = constraint_names(pair.is);
        let mut updates: Vec<Update<'_>> = Vec::new();
        let mut after = Vec::new();
        for (at, (to, origin)) in pair.is.columns.iter().zip(&columns.origins).enumerate() {
            let Some((origin, conversion)) = origin else { continue };
            let Some(from) = pair.was.columns.get(*origin) else { continue };
            let (cause, fill) = (self.cause(pair.at, Some(to.name)), self.fill_value(pair.at, at));
            let (column, is_retyped) =
                (Ident::new(to.name), matches!(conversion, Conversion::Through(_)));
            let rule = check_of(pair.is, to.name).map(|check| &check.rule);
            let had = check_of(pair.was, from.name).map(|check| &check.rule);
            if let Some(rule) = rule.filter(|rule| !is_retyped && !implies(had, Some(rule)))
                && (fill.is_some() || !to.not_null)
            {
                let violates = format!("NOT ({})", satisfies(rule, &to_sql(&column)));
                updates.push((cause, column.clone(), fill.clone(), violates));
            }
            if !to.not_null || from.not_null {
                continue;
            }
            if let (Some(fill), false) = (fill, is_retyped) {
                let is_null = format!("{} IS NULL", to_sql(&column));
                updates.push((cause, column.clone(), Some(fill), is_null));
                let name = names.claim(&[pair.is.table.name.as_str(), to.name, "not_null"]);
                after.push((cause, column, Some(name)));
            } else {
                after.push((cause, column, None));
            }
        }
        self.update(pair, &updates, script);
        let table = &pair.is.table;
        for (cause, column, helper) in after {
            let Some(name) = helper else {
                script.push(
                    cause,
                    &SqlChange::SetNotNull { table, column, guard: Some(Guard::MadeRequired) },
                );
                continue;
            };
            let condition = format!("{} IS NOT NULL", to_sql(&column));
            let (check, existing_rows) = (name.clone(), ExistingRows::CheckedLater);
            script.push(
                cause,
                &SqlChange::AddCheck {
                    table,
                    name: check,
                    column: column.clone(),
                    condition,
                    existing_rows,
                },
            );
            script.push(cause, &SqlChange::ValidateCheck { table, name: name.clone() });
            script.push(cause, &SqlChange::SetNotNull { table, column, guard: None });
            script.push(cause, &SqlChange::DropCheck { table, name });
        }
    }

    /// Runs updates with all rows visible, and again after the commit for rows that were inserted
    /// meanwhile.
    fn update(&self, pair: &Pair<'_>, updates: &[Update<'_>], script: &mut Script) {
        let table = &pair.is.table;
        let Some((first, ..)) = updates.first() else { return };
        let hides_rows = pair.was.predicate.is_some() && pair.is.predicate.is_some();
        if hides_rows {
            script.push(*first, &SqlChange::NoForceRls { table });
        }
        for (cause, column, to, rows) in updates {
            let referenced = self.referenced(pair, column, to.as_ref());
            let guards =
                (!referenced.is_empty()).then_some(Guard::BackfillWithoutTarget).into_iter();
            let guards = guards
                .chain(is_unique(pair.is, column).then_some(Guard::DuplicateValues))
                .collect();
            let (column, to, rows) = (column.clone(), to.clone(), rows.clone());
            script.push(*cause, &SqlChange::Update { table, column, to, rows, guards, referenced });
        }
        if hides_rows {
            script.push(*first, &SqlChange::ForceRls { table });
        }
        for (cause, column, to, rows) in updates {
            let referenced = self.referenced(pair, column, to.as_ref());
            let (column, to, rows) = (column.clone(), to.clone(), rows.clone());
            script.push(
                *cause,
                &SqlChange::UpdateAfterCommit { table, column, to, rows, referenced },
            );
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

/// Returns the names of a table's constraints.
fn constraint_names(table: &TableDef<'_>) -> Names {
    let checks = table.checks.iter().map(|check| check.name.as_str());
    let keys = table.foreign_keys.iter().map(|key| key.name.as_str());
    Names::with(checks.chain(keys).chain([table.table.key.as_str()]))
}
