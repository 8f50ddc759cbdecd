//! The statements that bring the coordinator's own tables to the newest layout, for all dialects.

use super::names::{Sql, sql, to_sql};
use crate::shape::{
    LAYOUTS, LayoutStep, NEWEST_LAYOUT, SERVICE_TABLES, ServiceColumn, ServiceLayout, ServiceTable,
};

/// Statements for one transaction, which ends with `COMMIT` or `ROLLBACK`.
///
/// The coordinator runs `begin`, reads `stored`, and then runs the upgrades from there, `removals`,
/// `provision` and `record`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutProgram {
    /// The newest layout.
    pub newest: ServiceLayout,
    /// Begins the transaction, waits for other programs, and creates the table of layouts.
    pub begin: String,
    /// Returns one row: the version of the present layout, or 0 in a new database, and its
    /// `min_reader`.
    pub stored: String,
    /// The changes that provisioning cannot make and that are made once, in order.
    pub upgrades: Vec<LayoutUpgrade>,
    /// Drops what this layout no longer has. An earlier coordinator may create it again.
    pub removals: String,
    /// Adds what is missing and returns or reports differences.
    pub provision: String,
    /// Records the newest layout.
    pub record: String,
}

/// The changes of one layout to the layout before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutUpgrade {
    /// The layout.
    pub version: u32,
    /// The statements.
    pub sql: String,
}

/// The parts that dialects write differently.
pub(crate) struct LayoutParts<T, E> {
    /// The table of layouts.
    pub(crate) table: T,
    /// The condition that the sync log exists.
    pub(crate) log_exists: E,
    /// Begins the transaction.
    pub(crate) begin: String,
    /// Adds what is missing.
    pub(crate) provision: String,
}

impl<T: Sql, E: Sql> LayoutParts<T, E> {
    /// Returns the program. `index` returns the qualified name of an index, `add` the statement
    /// that adds a column.
    pub(crate) fn program<I: Sql>(
        self,
        index: impl Fn(&'static str) -> I,
        add: impl Fn(&'static ServiceTable, &'static ServiceColumn) -> String,
    ) -> LayoutProgram {
        let mut stored = String::new();
        sql!(&mut stored, "SELECT coalesce(max(version), CASE WHEN ", self.log_exists);
        sql!(&mut stored, " THEN 1 ELSE 0 END), coalesce(max(min_reader), 1) FROM ", self.table);
        let upgrade = |layout: &ServiceLayout| LayoutUpgrade {
            version: layout.version,
            sql: layout
                .steps
                .iter()
                .filter_map(|step| added(step).map(|(table, column)| add(table, column)))
                .collect(),
        };
        let mut removals = String::new();
        for step in LAYOUTS.iter().flat_map(|layout| layout.steps) {
            if let LayoutStep::DropIndex(name) = step {
                sql!(&mut removals, "DROP INDEX IF EXISTS ", index(name), ";\n");
            }
        }
        let ServiceLayout { version, min_reader, .. } = NEWEST_LAYOUT;
        let mut record = to_sql(&self.insert());
        sql!(&mut record, "VALUES (", version, ", ", min_reader, ")", ONCE);
        LayoutProgram {
            newest: NEWEST_LAYOUT,
            begin: self.begin,
            stored,
            upgrades: LAYOUTS.iter().map(upgrade).collect(),
            removals,
            provision: self.provision,
            record,
        }
    }

    /// Returns the script, which records the layout of a new database. The coordinator upgrades an
    /// existing one.
    pub(crate) fn script(&self) -> String {
        let ServiceLayout { version, min_reader, .. } = NEWEST_LAYOUT;
        let mut out = self.begin.clone();
        sql!(&mut out, self.insert(), "SELECT ", version, ", ", min_reader);
        sql!(&mut out, " WHERE NOT ", self.log_exists, ONCE, "\n");
        out.push_str(&self.provision);
        out.push_str("\nCOMMIT;\n");
        out
    }

    fn insert(&self) -> Insert<&T> {
        Insert(&self.table)
    }
}

const ONCE: &str = " ON CONFLICT (version) DO NOTHING;";

struct Insert<T>(T);

impl<T: Sql> Sql for Insert<T> {
    fn write(&self, out: &mut String) {
        sql!(out, "INSERT INTO ", self.0, " (version, min_reader) ");
    }
}

/// Returns the descriptions of an added column and of its table.
fn added(step: &LayoutStep) -> Option<(&'static ServiceTable, &'static ServiceColumn)> {
    let LayoutStep::AddColumn { table, column } = step else { return None };
    let table = SERVICE_TABLES.iter().find(|known| known.name == *table)?;
    Some((table, table.columns.iter().find(|known| known.name == *column)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_added_column_is_described_and_may_be_null() {
        let steps = LAYOUTS.iter().flat_map(|layout| layout.steps);
        for step in steps.filter(|step| matches!(step, LayoutStep::AddColumn { .. })) {
            let (table, column) = added(step).unwrap_or_else(|| panic!("{step:?}"));
            assert!(!column.not_null, "{}.{}", table.name, column.name);
        }
    }
}
