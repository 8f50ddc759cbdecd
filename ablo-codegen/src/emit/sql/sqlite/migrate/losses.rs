//! The rows that lose a value, so that an approval states how many there are.

use super::super::names::{Expr, expr};
use super::convert::{Conversion, conversion};
use super::rounding::rounded;
use super::table::Pair;
use crate::migrate::Loss;
use std::collections::BTreeMap;

impl Pair<'_, '_> {
    /// Adds the rows that lose a value because their column changes its type, by step.
    pub(crate) fn losses(&self, losses: &mut BTreeMap<usize, Loss>) {
        for (at, shape) in self.shape.columns.iter().enumerate() {
            let (Some((was_shape, was)), Some(cause)) = (self.previous(at), self.cause_of(at))
            else {
                continue;
            };
            let source = expr!(self.was.name, ".", was.name);
            let Conversion::Risky(value) = conversion(was_shape.kind, shape.kind, &source) else {
                continue;
            };
            let mut rows = expr!(source, " IS NOT NULL AND ", value, " IS NULL");
            if let Some(value) = self.rounded(at, &source) {
                rows = expr!(rows, " AND ", value, " IS NOT NULL");
            }
            let (table, rows) = (self.was.name.as_str().to_owned(), rows.as_str().to_owned());
            losses.insert(cause, Loss { table, rows, helpers: Vec::new() });
        }
    }

    /// Returns the new value of a column that a hint rounds.
    pub(super) fn rounded(&self, at: usize, source: &Expr) -> Option<Expr> {
        let is_rounded = self.diff.is_rounded(self.shape.model.key.as_str(), self.field(at)?);
        rounded(self.shape.columns.get(at)?.kind, source).filter(|_| is_rounded)
    }
}
