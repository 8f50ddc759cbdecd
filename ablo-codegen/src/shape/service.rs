//! The tables of the coordinator itself, independent of the SQL dialect.
//!
//! They are the same for every schema. Each SQL target prints these descriptions, which keeps the
//! dialects consistent.

mod captured;
mod integrations;
mod layout;
mod log;

pub(crate) use layout::LAYOUT_TABLE;
pub use layout::{LAYOUTS, LayoutStep, NEWEST_LAYOUT, ServiceLayout};

use captured::CAPTURED;
use integrations::{
    IDEMPOTENCY, OUTBOX, SOURCE_COMMITS, SOURCE_EVENTS, SOURCES, WEBHOOK_DEAD_LETTERS,
    WEBHOOK_ENDPOINTS,
};
pub(crate) use log::SYNC_DELTAS;
use log::{BOOTSTRAPS, LOG_VALUES, LOGS, RELOADS};

/// A table of the coordinator.
#[derive(Clone, Copy, Debug)]
pub struct ServiceTable {
    /// The name. All names except that of the sync log start with `ablo_`, to avoid collisions with
    /// tables of models.
    pub name: &'static str,
    /// The purpose, printed as the table's comment.
    pub about: &'static str,
    /// The columns in order.
    pub columns: &'static [ServiceColumn],
    /// The columns of the primary key.
    pub key: &'static [&'static str],
    /// The indexes, without that of the primary key.
    pub indexes: &'static [ServiceIndex],
    /// The column with the organisation, if each row is visible to one organisation only.
    pub organization: Option<&'static str>,
}

/// A column of a service table.
#[derive(Clone, Copy, Debug)]
pub struct ServiceColumn {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub kind: ServiceKind,
    /// Whether the column is `NOT NULL`.
    pub not_null: bool,
    /// A description, printed as the column's comment.
    pub about: Option<&'static str>,
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// Text.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An array of strings.
    TextArray,
    /// A 64-bit integer.
    Integer,
    /// A 64-bit integer that defaults to the next number of a sequence.
    Identity,
    /// A timestamp.
    Date,
    /// A timestamp that defaults to the current time.
    DateNow,
    /// The transaction that wrote the row, if the database numbers its transactions.
    Transaction,
    /// Any JSON value.
    Json,
}

/// An index of a service table.
#[derive(Clone, Copy, Debug)]
pub struct ServiceIndex {
    /// The purpose, used as the suffix of the index's name.
    pub purpose: &'static str,
    /// The columns.
    pub columns: &'static [&'static str],
    /// Whether the index is unique.
    pub unique: bool,
    /// The rows that the index covers.
    pub rows: IndexRows,
}

/// The rows that an index covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexRows {
    /// All rows.
    All,
    /// Rows with a value in this column.
    NotNull(&'static str),
    /// Rows with this value in this column.
    Equal(&'static str, &'static str),
}

impl ServiceColumn {
    const fn new(name: &'static str, kind: ServiceKind) -> Self {
        Self { name, kind, not_null: false, about: None }
    }

    const fn required(self) -> Self {
        Self { not_null: true, ..self }
    }

    const fn about(self, text: &'static str) -> Self {
        Self { about: Some(text), ..self }
    }
}

const fn text(name: &'static str) -> ServiceColumn {
    ServiceColumn::new(name, ServiceKind::Text)
}

const fn one_of(name: &'static str, values: &'static [&'static str]) -> ServiceColumn {
    ServiceColumn::new(name, ServiceKind::OneOf(values))
}

const fn json(name: &'static str) -> ServiceColumn {
    ServiceColumn::new(name, ServiceKind::Json)
}

const fn date_now(name: &'static str) -> ServiceColumn {
    ServiceColumn::new(name, ServiceKind::DateNow)
}

const fn identity(name: &'static str) -> ServiceColumn {
    ServiceColumn::new(name, ServiceKind::Identity).required()
}

const fn lookup(
    purpose: &'static str,
    columns: &'static [&'static str],
    rows: IndexRows,
) -> ServiceIndex {
    ServiceIndex { purpose, columns, unique: false, rows }
}

const fn unique(
    purpose: &'static str,
    columns: &'static [&'static str],
    rows: IndexRows,
) -> ServiceIndex {
    ServiceIndex { purpose, columns, unique: true, rows }
}

const PARTICIPANTS: &[&str] = &["user", "agent", "system"];
const REACH: &[&str] = &["whole", "part"];
const CREDENTIALS: &[&str] = &["secret", "restricted", "ephemeral", "publishable"];
const CLAIM_STATES: &[&str] = &["active", "queued", "committed", "expired", "canceled"];

/// All tables of the coordinator in the newest layout. The first one records the layout.
pub const SERVICE_TABLES: [ServiceTable; 21] = [
    LAYOUT_TABLE,
    SYNC_DELTAS,
    LOGS,
    LOG_VALUES,
    BOOTSTRAPS,
    IDEMPOTENCY,
    OUTBOX,
    CLAIMS,
    COMMITS,
    RECEIPTS,
    OPERATIONS,
    CAPABILITIES,
    TURNS,
    SESSIONS,
    SOURCES,
    SOURCE_COMMITS,
    SOURCE_EVENTS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DEAD_LETTERS,
    CAPTURED,
    RELOADS,
];

/// The tables that an application's own database needs as a data source.
pub const SOURCE_TABLES: [ServiceTable; 2] = [IDEMPOTENCY, OUTBOX];

const CLAIMS: ServiceTable = ServiceTable {
    name: "ablo_claims",
    about: "Claims on rows: at most one active claim per row, the others queued in order of \
        arrival.",
    columns: &[
        text("id").required().about("Chosen by the participant; unique per participant"),
        text("organization_id").required(),
        text("participant_id").required().about("The holder or waiter"),
        one_of("participant_kind", PARTICIPANTS)
            .required()
            .about("user is called human on the wire"),
        text("model").required().about("The key of the model in the schema"),
        text("row_id").required(),
        text("path"),
        json("range"),
        text("field"),
        text("action").required(),
        text("description"),
        json("meta"),
        one_of("status", CLAIM_STATES).required(),
        identity("arrival").about(
            "A waiter's position is the number of queued claims on the row with a lower number",
        ),
        date_now("declared_at").required(),
        ServiceColumn::new("expires_at", ServiceKind::Date).required(),
        ServiceColumn::new("ttl_ms", ServiceKind::Integer).required().about(
            "The length of the lease in milliseconds; a heartbeat of the holder extends expires_at \
             by it",
        ),
        json("error").about("The reason why it ended, if the holder did not release it"),
        text("holder")
            .about("The name of the participant's program that requested it, if it has one"),
        text("session_id").about("The connection on which it was last requested"),
    ],
    // Participants choose claim ids, so that the key has to include the participant.
    key: &["organization_id", "participant_id", "id"],
    indexes: &[
        unique(
            "holder",
            &["organization_id", "model", "row_id"],
            IndexRows::Equal("status", "active"),
        ),
        lookup("row", &["organization_id", "model", "row_id", "arrival"], IndexRows::All),
        lookup("organization_expiry", &["organization_id", "expires_at"], IndexRows::All),
    ],
    organization: Some("organization_id"),
};

const COMMITS: ServiceTable = ServiceTable {
    name: "ablo_commits",
    about: "The receipts of commits that coordinators before layout 3 stored. They are read for a \
        day.",
    columns: &[
        text("organization_id").required(),
        text("client_tx_id").required().about("Chosen by the client"),
        text("body_hash")
            .required()
            .about("The hash of the operations; a different commit may not use the same id"),
        json("receipt").required(),
        date_now("created_at").required(),
    ],
    key: &["organization_id", "client_tx_id"],
    indexes: &[lookup("organization_age", &["organization_id", "created_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

const RECEIPTS: ServiceTable = ServiceTable {
    name: "ablo_receipts",
    about: "The receipts of commits: a repeated commit of the same participant gets the same \
        answer.",
    columns: &[
        text("organization_id").required(),
        one_of("participant_kind", PARTICIPANTS).required(),
        text("participant_id").required(),
        text("client_tx_id").required().about("Chosen by the client"),
        text("body_hash")
            .required()
            .about("The hash of the operations; a different commit may not use the same id"),
        json("receipt").required(),
        date_now("created_at").required(),
    ],
    key: &["organization_id", "participant_kind", "participant_id", "client_tx_id"],
    indexes: &[lookup("age", &["organization_id", "created_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

const OPERATIONS: ServiceTable = ServiceTable {
    name: "ablo_operations",
    about: "Operations that were applied, by the id that their participant gave them: a repeated \
        operation is not applied again.",
    columns: &[
        text("organization_id").required(),
        one_of("participant_kind", PARTICIPANTS).required(),
        text("participant_id").required(),
        text("transaction_id").required().about("Chosen by the client"),
        text("content_hash").required().about(
            "The hash of model, row, verb and values; a different operation may not use the same \
             id",
        ),
        ServiceColumn::new("sync_id", ServiceKind::Integer)
            .required()
            .about("The sync id of its last delta; 0 if it changed nothing"),
        date_now("created_at").required(),
    ],
    key: &["organization_id", "participant_kind", "participant_id", "transaction_id"],
    indexes: &[lookup("age", &["organization_id", "created_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

/// Not isolated: the organisation of a credential is known only after it has been found.
const CAPABILITIES: ServiceTable = ServiceTable {
    name: "ablo_capabilities",
    about: "Credentials: API keys and the tokens exchanged for them, stored as hashes only.",
    columns: &[
        text("id").required(),
        text("token_hash")
            .required()
            .about("The BLAKE3 hash of the token, in hexadecimal; the token itself is not stored"),
        one_of("kind", CREDENTIALS).required(),
        text("organization_id").required(),
        text("participant_id").required().about("The participant that it authenticates"),
        one_of("participant_kind", PARTICIPANTS).required(),
        text("on_behalf_of_id").about("The human at the root of the delegation"),
        ServiceColumn::new("operations", ServiceKind::TextArray)
            .required()
            .about("Permitted operations as model.verb, or * for all"),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray)
            .required()
            .about("The sync groups that it may read, as kind:id"),
        json("user_meta").required().about("Data of the application about the participant"),
        text("label"),
        one_of("reach", REACH).required().about(
            "whole: includes groups that the participant is granted later; part: only sync_groups",
        ),
        text("parent_id")
            .about("The credential that was exchanged for it; revoking that one revokes this one"),
        date_now("issued_at").required(),
        ServiceColumn::new("expires_at", ServiceKind::Date)
            .about("Null: valid until it is revoked"),
        ServiceColumn::new("revoked_at", ServiceKind::Date),
        ServiceColumn::new("last_used_at", ServiceKind::Date),
    ],
    key: &["id"],
    indexes: &[
        unique("token", &["token_hash"], IndexRows::All),
        lookup("parent", &["parent_id"], IndexRows::NotNull("parent_id")),
        lookup("participant", &["organization_id", "participant_id"], IndexRows::All),
        lookup("expiry", &["expires_at"], IndexRows::NotNull("expires_at")),
    ],
    organization: None,
};

const TURNS: ServiceTable = ServiceTable {
    name: "ablo_turns",
    about: "Turns of agents: the hash of the prompt and the cost.",
    columns: &[
        text("id").required(),
        text("organization_id").required(),
        text("participant_id").required().about("The agent"),
        text("prompt_hash").required().about("The BLAKE3 hash of the prompt, in hexadecimal"),
        text("parent_id"),
        text("surface").about("The user interface of the prompt"),
        json("metadata"),
        ServiceColumn::new("cost_input_tokens", ServiceKind::Integer),
        ServiceColumn::new("cost_output_tokens", ServiceKind::Integer),
        ServiceColumn::new("cost_compute_ms", ServiceKind::Integer).about("Milliseconds"),
        date_now("opened_at").required(),
        ServiceColumn::new("ended_at", ServiceKind::Date),
    ],
    key: &["organization_id", "id"],
    indexes: &[],
    organization: Some("organization_id"),
};

const SESSIONS: ServiceTable = ServiceTable {
    name: "ablo_sessions",
    about: "Presence: one row per open connection, renewed by the process that serves it.",
    columns: &[
        text("organization_id").required(),
        text("id").required().about("The connection"),
        text("participant_id").required(),
        one_of("participant_kind", PARTICIPANTS).required(),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray).required(),
        json("presence").required().about("The participant's last presence update"),
        ServiceColumn::new("active_at", ServiceKind::Date).required(),
        ServiceColumn::new("expires_at", ServiceKind::Date)
            .required()
            .about("Renewed by the process; it passes if the process stops"),
        text("holder").about("The name of the participant's program, if it has one"),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("organization_expiry", &["organization_id", "expires_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(table: &str) -> String {
        let found = SERVICE_TABLES.iter().find(|known| known.name == table);
        let names: Vec<_> =
            found.into_iter().flat_map(|table| table.columns).map(|column| column.name).collect();
        names.join(" ")
    }

    #[test]
    fn validation_knows_the_names() {
        assert_eq!(SERVICE_TABLES.map(|table| table.name), ablo_schema::check::SERVICE_TABLES);
    }

    #[test]
    fn all_columns_of_the_protocol_exist() {
        let core = "id action_type model_name model_id data previous_data sync_groups \
            organization_id created_at transaction_id";
        let attribution = "created_by actor_id actor_kind on_behalf_of_id on_behalf_of_kind \
            capability_id confirmation_state backfill_provenance";
        assert_eq!(
            columns("sync_deltas"),
            format!(
                "{core} {attribution} caused_by_task_id previous_groups intent_id large_values \
                 full_bytes"
            )
        );
        assert_eq!(columns("ablo_idempotency"), "client_tx_id response created_at");
        assert_eq!(
            columns("ablo_outbox"),
            "cursor id model entity_id type data organization_id client_tx_id occurred_at \
             created_at written_in"
        );
        assert_eq!(
            columns("ablo_claims"),
            "id organization_id participant_id participant_kind model row_id path range field \
             action description meta status arrival declared_at expires_at ttl_ms error holder \
             session_id"
        );
    }

    #[test]
    fn keys_indexes_and_isolation_name_columns_of_their_table() {
        for table in SERVICE_TABLES {
            let column = |name: &str| {
                let found = table.columns.iter().find(|column| column.name == name);
                found.unwrap_or_else(|| panic!("{} has no {name}", table.name))
            };
            assert!(
                table.key.iter().chain(&table.organization).all(|name| column(name).not_null),
                "{}",
                table.name
            );
            for index in table.indexes {
                assert!(index.columns.iter().all(|name| column(name).name == *name));
                match index.rows {
                    IndexRows::All => {}
                    IndexRows::NotNull(name) => {
                        assert!(!column(name).not_null, "the condition is always true")
                    }
                    IndexRows::Equal(name, value) => {
                        let kind = column(name).kind;
                        assert!(
                            matches!(kind, ServiceKind::OneOf(values) if values.contains(&value))
                        );
                    }
                }
            }
        }
    }
}
