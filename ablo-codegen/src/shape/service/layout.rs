//! The versions of the coordinator's own tables.
//!
//! [`SERVICE_TABLES`](super::SERVICE_TABLES) describe the newest layout, and provisioning adds the
//! tables and indexes that a database lacks. A layout lists only what provisioning cannot do.

use super::{ServiceColumn, ServiceKind, ServiceTable, date_now};

/// One version of the service tables.
///
/// A coordinator of an earlier layout may still run beside or after one of this layout, so a layout
/// only adds, and a later one removes what no coordinator uses any more and raises `min_reader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLayout {
    /// The number: one more than that of the layout before.
    pub version: u32,
    /// The earliest layout whose coordinators can use these tables.
    pub min_reader: u32,
    /// The changes to the layout before, in order.
    pub steps: &'static [LayoutStep],
}

/// A change that provisioning cannot make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutStep {
    /// Drops an index that no statement uses any more.
    DropIndex(&'static str),
    /// Adds a column that may be NULL to an existing table.
    AddColumn {
        /// The table.
        table: &'static str,
        /// The column, as the table describes it.
        column: &'static str,
    },
}

/// All layouts, in order. A database without a recorded layout has the first one.
pub const LAYOUTS: [ServiceLayout; 6] = [
    ServiceLayout { version: 1, min_reader: 1, steps: &[] },
    // Indexes that begin with the organisation and follow the order of the statements.
    ServiceLayout {
        version: 2,
        min_reader: 1,
        steps: &[
            LayoutStep::DropIndex("ablo_claims_expiry_idx"),
            LayoutStep::DropIndex("ablo_claims_queue_idx"),
            LayoutStep::DropIndex("ablo_commits_age_idx"),
            LayoutStep::DropIndex("ablo_sessions_expiry_idx"),
            LayoutStep::DropIndex("ablo_webhook_endpoints_organization_idx"),
        ],
    },
    // Operations and receipts of each participant; the claim of each delta.
    ServiceLayout {
        version: 3,
        min_reader: 1,
        steps: &[
            LayoutStep::AddColumn { table: "sync_deltas", column: "intent_id" },
            LayoutStep::DropIndex("sync_deltas_transaction_key"),
        ],
    },
    // Logs that are shortened, large values that are stored once, and the programs of participants.
    ServiceLayout {
        version: 4,
        min_reader: 1,
        steps: &[
            LayoutStep::AddColumn { table: "sync_deltas", column: "large_values" },
            LayoutStep::AddColumn { table: "sync_deltas", column: "full_bytes" },
            LayoutStep::AddColumn { table: "ablo_claims", column: "holder" },
            LayoutStep::AddColumn { table: "ablo_claims", column: "session_id" },
            LayoutStep::AddColumn { table: "ablo_sessions", column: "holder" },
        ],
    },
    // Changes of rows by other programs. Earlier coordinators leave them to later ones.
    ServiceLayout { version: 5, min_reader: 1, steps: &[] },
    // Rows without entries of the log. Earlier coordinators do not ask their readers to load them.
    ServiceLayout { version: 6, min_reader: 1, steps: &[] },
];

/// The newest layout.
pub const NEWEST_LAYOUT: ServiceLayout = LAYOUTS[LAYOUTS.len() - 1];

/// The table of layouts. It exists before all others.
pub(crate) const LAYOUT_TABLE: ServiceTable = ServiceTable {
    name: "ablo_layouts",
    about: "The layouts of these tables that this database has had, one row per version. The \
        highest version is the present layout.",
    columns: &[
        ServiceColumn::new("version", ServiceKind::Integer).required(),
        ServiceColumn::new("min_reader", ServiceKind::Integer)
            .required()
            .about("The earliest layout whose coordinators can use these tables"),
        date_now("applied_at").required(),
    ],
    key: &["version"],
    indexes: &[],
    organization: None,
};

#[cfg(test)]
mod tests {
    use super::super::SERVICE_TABLES;
    use super::*;

    #[test]
    fn layouts_follow_each_other() {
        let mut before = ServiceLayout { version: 0, min_reader: 1, steps: &[] };
        for layout in LAYOUTS {
            assert_eq!(layout.version, before.version + 1);
            assert!((before.min_reader..=layout.version).contains(&layout.min_reader));
            before = layout;
        }
    }

    #[test]
    fn a_dropped_index_is_no_longer_described() {
        let described: Vec<String> = SERVICE_TABLES
            .iter()
            .flat_map(|table| table.indexes.iter().map(move |index| (table.name, index)))
            .map(|(table, index)| {
                format!("{table}_{}_{}", index.purpose, if index.unique { "key" } else { "idx" })
            })
            .collect();
        let steps = LAYOUTS.iter().flat_map(|layout| layout.steps);
        let dropped = steps.filter_map(|step| match step {
            LayoutStep::DropIndex(name) => Some(name),
            LayoutStep::AddColumn { .. } => None,
        });
        for name in dropped {
            assert!(!described.iter().any(|index| index == name), "{name} would be created again");
        }
    }
}
