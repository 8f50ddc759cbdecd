//! The changes of rows that other programs make.

use super::{IndexRows, ServiceTable, date_now, identity, json, lookup, text};

/// Not isolated: the triggers that fill it run for every role that writes rows.
pub(super) const CAPTURED: ServiceTable = ServiceTable {
    name: "ablo_captured",
    about: "Changes of rows by other programs that are not in the sync log yet, written by \
        triggers in the transaction of the change.",
    columns: &[
        identity("number"),
        text("model").required().about("The key of the model in the schema"),
        text("row_id").required(),
        text("organization_id")
            .about("Null if all organisations see the row, or if the trigger cannot find it"),
        json("old_row").about("The row before the change, by column; null if it was created"),
        date_now("captured_at").required(),
    ],
    key: &["number"],
    indexes: &[lookup("row", &["organization_id", "model", "row_id"], IndexRows::All)],
    organization: None,
};
