//! The rows that lose a value, so that an approval states how many there are.

use super::super::names::{Ident, to_sql};
use super::super::table_defs::ColumnDef;
use super::casts::{Conversion, conversion, satisfies};
use super::tables::{Lowering, check_of};
use crate::migrate::Loss;
use std::collections::BTreeMap;

impl Lowering<'_> {
    /// Returns the rows that lose a value because their column changes its type or its rule, by
    /// step.
    pub(super) fn losses(&self) -> BTreeMap<usize, Loss> {
        let pairs = (0..self.to.tables.len()).filter_map(|at| self.pair(at));
        let mut losses = BTreeMap::new();
        for pair in pairs {
            for (at, to) in pair.is.columns.iter().enumerate() {
                let origin = self.pairing.columns.get(pair.at).and_then(|all| all.origins.get(at));
                let Some(Some((origin, through))) = origin else { continue };
                let (Some(from), Some(cause)) =
                    (pair.was.columns.get(*origin), self.cause(pair.at, Some(to.name)))
                else {
                    continue;
                };
                let column = to_sql(&Ident::new(from.name));
                let (rows, helpers) = match through {
                    Conversion::Unchanged if self.unfit_rows(&pair, at).is_some() => {
                        let Some(check) = check_of(pair.is, to.name) else { continue };
                        (format!("NOT ({})", satisfies(&check.rule, &column)), Vec::new())
                    }
                    Conversion::Through(expression) if !expression.total => {
                        let Some((text, helpers)) = unconverted(from, to) else { continue };
                        let mut rows = format!("{column} IS NOT NULL AND ({text}) IS NULL");
                        if let Some(rounded) = self.rounded(pair.at, at, from.name) {
                            rows += &format!(" AND ({}) IS NOT NULL", rounded.text);
                        }
                        (rows, helpers)
                    }
                    _ => continue,
                };
                let table = pair.was.table.name.as_str().to_owned();
                losses.insert(cause, Loss { table, rows, helpers });
            }
        }
        losses
    }
}

/// Returns the expression of the new value under the previous name of the column, and what it
/// calls.
fn unconverted(from: &ColumnDef<'_>, to: &ColumnDef<'_>) -> Option<(String, Vec<String>)> {
    let (kind, column_type, native) = (to.kind, to.column_type, to.native);
    let (name, not_null) = (from.name, to.not_null);
    let under_its_name =
        ColumnDef { name, kind, column_type, native, not_null, preset: None, comment: None };
    let Some(Conversion::Through(through)) = conversion(from, &under_its_name) else { return None };
    let helpers = through.helpers.iter().map(|helper| helper.definition().to_owned()).collect();
    Some((through.text, helpers))
}
