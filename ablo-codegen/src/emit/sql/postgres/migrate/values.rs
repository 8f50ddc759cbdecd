//! Values for rows that are there: what a new rule would refuse, and what a required column lacks.

use super::super::catalogue::TableDef;
use super::super::ddl::Table;
use super::super::names::{Ident, Names, written};
use super::casts::{Conversion, holds, within};
use super::change::{Change, Default, OldRows};
use super::refusal::Refusal;
use super::script::Script;
use super::tables::{Lowering, Pair, is_unique, rule_of};

/// An update: the step that asks for it, the column, its value, and the condition of its rows.
type Update<'a> = (Option<usize>, Ident<'a>, Option<Default<'a>>, String);

impl Lowering<'_> {
    /// Rows get the values that new rules ask for, and required columns become so.
    pub(super) fn fill(&self, pair: &Pair<'_>, script: &mut Script) {
        let Some(columns) = self.pairing.columns.get(pair.at) else { return };
        let mut names = constraint_names(pair.is);
        let mut updates: Vec<Update<'_>> = Vec::new();
        let mut after = Vec::new();
        for (at, (to, origin)) in pair.is.columns.iter().zip(&columns.origins).enumerate() {
            let Some((origin, conversion)) = origin else { continue };
            let Some(from) = pair.was.columns.get(*origin) else { continue };
            let (cause, fill) = (self.cause(pair.at, Some(to.name)), self.given(pair.at, at));
            let (column, is_retyped) =
                (Ident::new(to.name), matches!(conversion, Conversion::Through(_)));
            let rule = rule_of(pair.is, to.name).map(|check| &check.rule);
            let had = rule_of(pair.was, from.name).map(|check| &check.rule);
            if let Some(rule) = rule.filter(|rule| !is_retyped && !within(had, Some(rule)))
                && (fill.is_some() || !to.not_null)
            {
                let unfit = format!("NOT ({})", holds(rule, &written(&column)));
                updates.push((cause, column.clone(), fill.clone(), unfit));
            }
            if !to.not_null || from.not_null {
                continue;
            }
            if let (Some(fill), false) = (fill, is_retyped) {
                let empty = format!("{} IS NULL", written(&column));
                updates.push((cause, column.clone(), Some(fill), empty));
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
                    &Change::SetNotNull { table, column, refusal: Some(Refusal::MadeRequired) },
                );
                continue;
            };
            let condition = format!("{} IS NOT NULL", written(&column));
            let (check, old_rows) = (name.clone(), OldRows::Later);
            script.push(
                cause,
                &Change::AddCheck {
                    table,
                    name: check,
                    column: column.clone(),
                    condition,
                    old_rows,
                },
            );
            script.push(cause, &Change::ValidateCheck { table, name: name.clone() });
            script.push(cause, &Change::SetNotNull { table, column, refusal: None });
            script.push(cause, &Change::DropCheck { table, name });
        }
    }

    /// Runs updates as one who sees every row, and again after the commit for rows that came meanwhile.
    fn update(&self, pair: &Pair<'_>, updates: &[Update<'_>], script: &mut Script) {
        let table = &pair.is.table;
        let Some((first, ..)) = updates.first() else { return };
        let is_veiled = pair.was.predicate.is_some() && pair.is.predicate.is_some();
        if is_veiled {
            script.push(*first, &Change::Unveil { table });
        }
        for (cause, column, to, rows) in updates {
            let referred = self.referred(pair, column, to.as_ref());
            let refusals =
                (!referred.is_empty()).then_some(Refusal::BackfillWithoutTarget).into_iter();
            let refusals = refusals
                .chain(is_unique(pair.is, column).then_some(Refusal::DuplicateValues))
                .collect();
            let (column, to, rows) = (column.clone(), to.clone(), rows.clone());
            script.push(*cause, &Change::Update { table, column, to, rows, refusals, referred });
        }
        if is_veiled {
            script.push(*first, &Change::Force { table });
        }
        for (cause, column, to, rows) in updates {
            let referred = self.referred(pair, column, to.as_ref());
            let (column, to, rows) = (column.clone(), to.clone(), rows.clone());
            script.push(*cause, &Change::UpdateLater { table, column, to, rows, referred });
        }
    }

    /// The tables whose rows a value of this column names.
    fn referred(
        &self,
        pair: &Pair<'_>,
        column: &Ident<'_>,
        value: Option<&Default<'_>>,
    ) -> Vec<&Table<'_>> {
        let keys = pair
            .is
            .foreign_keys
            .iter()
            .filter(|key| value.is_some() && key.column == column.as_str());
        keys.filter_map(|key| self.to.tables.get(key.target)).map(|target| &target.table).collect()
    }
}

/// The names of a table's constraints.
fn constraint_names(table: &TableDef<'_>) -> Names {
    let checks = table.checks.iter().map(|check| check.name.as_str());
    let keys = table.foreign_keys.iter().map(|key| key.name.as_str());
    Names::with(checks.chain(keys).chain([table.table.key.as_str()]))
}
