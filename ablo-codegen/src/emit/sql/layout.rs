//! The statements that bring the coordinator's own tables to the newest layout, for all dialects.

use super::names::{Sql, sql, to_sql};
use crate::shape::{LAYOUTS, LayoutStep, NEWEST_LAYOUT, ServiceLayout};

/// Statements for one transaction, which ends with `COMMIT` or `ROLLBACK`.
///
/// The coordinator runs `begin`, reads `stored`, and then runs the upgrades from there, `provision`
/// and `record`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutProgram {
    /// The newest layout.
    pub newest: ServiceLayout,
    /// Begins the transaction, waits for other programs, and creates the table of layouts.
    pub begin: String,
    /// Returns one row: the version of the present layout, or 0 in a new database, and its
    /// `min_reader`.
    pub stored: String,
    /// The changes that provisioning cannot make, in order.
    pub upgrades: Vec<LayoutUpgrade>,
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
    /// Returns the program. `index` returns the qualified name of an index.
    pub(crate) fn program<I: Sql>(self, index: impl Fn(&'static str) -> I) -> LayoutProgram {
        let mut stored = String::new();
        sql!(&mut stored, "SELECT coalesce(max(version), CASE WHEN ", self.log_exists);
        sql!(&mut stored, " THEN 1 ELSE 0 END), coalesce(max(min_reader), 1) FROM ", self.table);
        let upgrade = |layout: &ServiceLayout| {
            let mut sql = String::new();
            for LayoutStep::DropIndex(name) in layout.steps {
                sql!(&mut sql, "DROP INDEX IF EXISTS ", index(name), ";\n");
            }
            LayoutUpgrade { version: layout.version, sql }
        };
        let ServiceLayout { version, min_reader, .. } = NEWEST_LAYOUT;
        let mut record = to_sql(&self.insert());
        sql!(&mut record, "VALUES (", version, ", ", min_reader, ")", ONCE);
        LayoutProgram {
            newest: NEWEST_LAYOUT,
            begin: self.begin,
            stored,
            upgrades: LAYOUTS.iter().map(upgrade).collect(),
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
