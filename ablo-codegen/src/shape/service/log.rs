//! The tables of the sync log.

use super::{
    IndexRows, PARTICIPANTS, ServiceColumn, ServiceKind, ServiceTable, date_now, identity, json,
    lookup, one_of, text,
};

const ACTIONS: &[&str] = &["I", "U", "D", "A", "V", "C", "G", "S"];
const CONFIRMATIONS: &[&str] =
    &["auto", "previewed", "approved", "required_human_approval", "auto_historical"];
const PROVENANCES: &[&str] = &["exact", "inferred", "unknown"];

pub(crate) const SYNC_DELTAS: ServiceTable = ServiceTable {
    name: "sync_deltas",
    about: "The sync log: one row per delta, in the order in which clients receive them. Rows are \
        inserted, and deleted when they are older than the retention.",
    columns: &[
        identity("id").about(
            "The sync id, which clients keep as their cursor. It is assigned before the commit, so \
             writers of one organisation append under a lock; otherwise a reader could skip an id",
        ),
        one_of("action_type", ACTIONS).required().about(
            "Insert, Update, Delete, Archive, unarchiVe, Covering (became visible), Group added, \
             group Subtracted",
        ),
        text("model_name").required().about("The typename of the model"),
        text("model_id").required().about("The id of the changed row"),
        json("data").about("The whole row after the change, null for a delete"),
        json("previous_data").about("The previous values of the changed members"),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray)
            .required()
            .about("The sync groups that receive the delta, as kind:id"),
        text("organization_id").required(),
        date_now("created_at").required(),
        text("transaction_id")
            .about("The operation that caused it; the sender recognises its own change by this id"),
        text("created_by").about("For old rows only; see actor_id"),
        text("actor_id"),
        one_of("actor_kind", PARTICIPANTS),
        text("on_behalf_of_id"),
        one_of("on_behalf_of_kind", PARTICIPANTS),
        text("capability_id"),
        one_of("confirmation_state", CONFIRMATIONS),
        one_of("backfill_provenance", PROVENANCES)
            .about("The confidence of the attribution of an old row"),
        text("caused_by_task_id").about("The agent's turn that caused it"),
        ServiceColumn::new("previous_groups", ServiceKind::TextArray)
            .about("The sync groups before the change, if they differ from sync_groups"),
        text("intent_id").about("The claim of the actor under which the row was written"),
        json("large_values").about(
            "The large members that did not change: not in data, but in ablo_log_values under \
             these hashes",
        ),
        ServiceColumn::new("full_bytes", ServiceKind::Integer)
            .about("The size of the whole row, if data does not have all of it"),
    ],
    key: &["id"],
    indexes: &[
        lookup("catch_up", &["organization_id", "id"], IndexRows::All),
        lookup("row", &["organization_id", "model_name", "model_id", "id"], IndexRows::All),
        // Operations that have no entry in ablo_operations: those of earlier coordinators.
        lookup(
            "operation",
            &["organization_id", "transaction_id"],
            IndexRows::NotNull("transaction_id"),
        ),
        // What is left of old entries: rows that readers may have to forget.
        lookup("deletion", &["organization_id", "id"], IndexRows::Equal("action_type", "D")),
        lookup("move", &["organization_id", "id"], IndexRows::NotNull("previous_groups")),
    ],
    organization: Some("organization_id"),
};

/// How far each log was shortened.
pub(super) const LOGS: ServiceTable = ServiceTable {
    name: "ablo_logs",
    about: "The sync logs that were shortened, one per organisation.",
    columns: &[
        text("organization_id").required(),
        ServiceColumn::new("deleted_to", ServiceKind::Integer)
            .required()
            .about("Every entry after this sync id is in sync_deltas"),
    ],
    key: &["organization_id"],
    indexes: &[],
    organization: Some("organization_id"),
};

/// Rows that were written without entries of the log, such as imported ones.
pub(super) const RELOADS: ServiceTable = ServiceTable {
    name: "ablo_reloads",
    about: "Up to which entry rows were written that have no entries of their own, one per \
        organisation. Readers whose position is before it load the rows again.",
    columns: &[
        text("organization_id").required(),
        ServiceColumn::new("sync_id", ServiceKind::Integer).required(),
    ],
    key: &["organization_id"],
    indexes: &[],
    organization: Some("organization_id"),
};

/// Large values that entries of the log share.
pub(super) const LOG_VALUES: ServiceTable = ServiceTable {
    name: "ablo_log_values",
    about: "Large values of rows, so that an update of another member does not store them again.",
    columns: &[
        text("organization_id").required(),
        text("hash").required().about("The BLAKE3 hash of the value's text, in hexadecimal"),
        json("value").required(),
        ServiceColumn::new("last_sync_id", ServiceKind::Integer)
            .required()
            .about("The last entry of the log that has the value"),
    ],
    key: &["organization_id", "hash"],
    indexes: &[lookup("last_use", &["organization_id", "last_sync_id"], IndexRows::All)],
    organization: Some("organization_id"),
};

/// The snapshots that clients without a position may have.
pub(super) const BOOTSTRAPS: ServiceTable = ServiceTable {
    name: "ablo_bootstraps",
    about: "Snapshots that were served and that no client has acknowledged yet. A client that has \
        acknowledged nothing has one of those of its credential.",
    columns: &[
        text("organization_id").required(),
        text("capability_id").required().about("The credential"),
        ServiceColumn::new("sync_id", ServiceKind::Integer)
            .required()
            .about("The head of the log in the snapshot"),
        date_now("served_at").required(),
    ],
    key: &["organization_id", "capability_id", "sync_id"],
    indexes: &[lookup("age", &["organization_id", "served_at"], IndexRows::All)],
    organization: Some("organization_id"),
};
