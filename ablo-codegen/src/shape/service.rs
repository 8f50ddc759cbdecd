//! The tables that a service keeps for itself, free of any dialect.
//!
//! Nothing comes in: they are the same whatever the models are. Out come columns, keys, indexes and what each is for,
//! which every SQL target prints in its own spelling; that nothing else describes these tables keeps dialects alike.

mod integrations;

use integrations::{
    IDEMPOTENCY, OUTBOX, SOURCE_COMMITS, SOURCE_EVENTS, SOURCES, WEBHOOK_DEAD_LETTERS,
    WEBHOOK_ENDPOINTS,
};

/// One table.
#[derive(Clone, Copy, Debug)]
pub struct ServiceTable {
    /// Its name. All but the log start with `ablo_`, to keep clear of tables of models.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Its columns in order.
    pub columns: &'static [ServiceColumn],
    /// The columns of the primary key.
    pub key: &'static [&'static str],
    /// What is looked up or unique, besides the key.
    pub indexes: &'static [ServiceIndex],
    /// The column that holds the organisation whose rows they are, where each row is seen by one organisation alone.
    pub organization: Option<&'static str>,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct ServiceColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ServiceKind,
    /// Whether every row has a value.
    pub not_null: bool,
    /// What its name does not say.
    pub about: Option<&'static str>,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// Text.
    Text,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// Several texts.
    TextArray,
    /// A whole number of 64 bits.
    Integer,
    /// A whole number of 64 bits, the next one where none is given.
    Identity,
    /// A point in time.
    Date,
    /// A point in time, that of writing where none is given.
    DateNow,
    /// The transaction that wrote the row, where the database numbers its transactions.
    Transaction,
    /// Any JSON value.
    Json,
}

/// One index.
#[derive(Clone, Copy, Debug)]
pub struct ServiceIndex {
    /// What is looked up, also the end of the index's name.
    pub purpose: &'static str,
    /// Its columns.
    pub columns: &'static [&'static str],
    /// Whether no two of its rows agree in all columns.
    pub unique: bool,
    /// The rows it is about.
    pub rows: IndexRows,
}

/// Which rows an index is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexRows {
    /// All.
    All,
    /// Those with a value in this column.
    NotNull(&'static str),
    /// Those with this value in this column.
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

const ACTIONS: &[&str] = &["I", "U", "D", "A", "V", "C", "G", "S"];
const PARTICIPANTS: &[&str] = &["user", "agent", "system"];
const CONFIRMATIONS: &[&str] =
    &["auto", "previewed", "approved", "required_human_approval", "auto_historical"];
const PROVENANCES: &[&str] = &["exact", "inferred", "unknown"];
const REACH: &[&str] = &["whole", "part"];
const CREDENTIALS: &[&str] = &["secret", "restricted", "ephemeral", "publishable"];
const CLAIM_STATES: &[&str] = &["active", "queued", "committed", "expired", "canceled"];

/// Every table of the service.
pub const SERVICE_TABLES: [ServiceTable; 13] = [
    SYNC_DELTAS,
    IDEMPOTENCY,
    OUTBOX,
    CLAIMS,
    COMMITS,
    CAPABILITIES,
    TURNS,
    SESSIONS,
    SOURCES,
    SOURCE_COMMITS,
    SOURCE_EVENTS,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_DEAD_LETTERS,
];

const SYNC_DELTAS: ServiceTable = ServiceTable {
    name: "sync_deltas",
    about: "The sync log: one row for each change, in the order in which clients learn of it. Rows are only added.",
    columns: &[
        identity("id").about(
            "The sync id, which clients keep as their cursor. It is drawn before the commit: \
             writers of one organisation append under a lock, or a reader may pass one by",
        ),
        one_of("action_type", ACTIONS).required().about(
            "Insert, Update, Delete, Archive, unarchiVe, Covering (became visible), Group added, group Subtracted",
        ),
        text("model_name").required().about("The type name of the model"),
        text("model_id").required().about("The id of the row that changed"),
        json("data").about("The whole row after the change, null for a delete"),
        json("previous_data").about("What the members that changed held before"),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray).required().about("Who is told: groups as kind:id"),
        text("organization_id").required(),
        date_now("created_at").required(),
        text("transaction_id").about("The operation that caused it: its sender knows its own change by this"),
        text("created_by").about("Kept for old rows: see actor_id"),
        text("actor_id"),
        one_of("actor_kind", PARTICIPANTS),
        text("on_behalf_of_id"),
        one_of("on_behalf_of_kind", PARTICIPANTS),
        text("capability_id"),
        one_of("confirmation_state", CONFIRMATIONS),
        one_of("backfill_provenance", PROVENANCES).about("How sure the attribution of an old row is"),
        text("caused_by_task_id").about("The turn of the agent that caused it"),
        ServiceColumn::new("previous_groups", ServiceKind::TextArray)
            .about("Who was told before, where that is not who is told now"),
    ],
    key: &["id"],
    indexes: &[
        lookup("catch_up", &["organization_id", "id"], IndexRows::All),
        lookup("row", &["organization_id", "model_name", "model_id", "id"], IndexRows::All),
        // A change that is sent again is applied once, even when both arrive together.
        unique("transaction", &["organization_id", "transaction_id"], IndexRows::NotNull("transaction_id")),
    ],
    organization: Some("organization_id"),
};

/// The tables that stand beside those of an application whose database stays canonical.
pub const SOURCE_TABLES: [ServiceTable; 2] = [IDEMPOTENCY, OUTBOX];

const CLAIMS: ServiceTable = ServiceTable {
    name: "ablo_claims",
    about: "Claims on rows: at most one active per row, those behind it queued in order of arrival.",
    columns: &[
        text("id").required().about("Chosen by the participant, unique among its own"),
        text("organization_id").required(),
        text("participant_id").required().about("Who holds it or waits for it"),
        one_of("participant_kind", PARTICIPANTS).required().about("A user is a human on the wire"),
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
            "The place in the queue is the number of queued claims on the row that arrived before",
        ),
        date_now("declared_at").required(),
        ServiceColumn::new("expires_at", ServiceKind::Date).required(),
        ServiceColumn::new("ttl_ms", ServiceKind::Integer)
            .required()
            .about("How far its holder pushes the end forward by a sign of life, in milliseconds"),
        json("error").about("Why it ended, if not by its holder's will"),
    ],
    // Participants choose ids: no one may use up another's.
    key: &["organization_id", "participant_id", "id"],
    indexes: &[
        unique(
            "holder",
            &["organization_id", "model", "row_id"],
            IndexRows::Equal("status", "active"),
        ),
        lookup(
            "queue",
            &["organization_id", "model", "row_id", "arrival"],
            IndexRows::Equal("status", "queued"),
        ),
        lookup("expiry", &["expires_at"], IndexRows::All),
    ],
    organization: Some("organization_id"),
};

const COMMITS: ServiceTable = ServiceTable {
    name: "ablo_commits",
    about: "The receipts of commits: one that comes again is answered as the first time.",
    columns: &[
        text("organization_id").required(),
        text("client_tx_id").required().about("Chosen by the client"),
        text("body_hash")
            .required()
            .about("Of the operations: another commit may not use the same id"),
        json("receipt").required(),
        date_now("created_at").required(),
    ],
    key: &["organization_id", "client_tx_id"],
    indexes: &[lookup("age", &["created_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

/// Not isolated: whose a credential is, is only known when it has been found.
const CAPABILITIES: ServiceTable = ServiceTable {
    name: "ablo_capabilities",
    about: "Credentials: API keys and the tokens exchanged for them, each by its hash alone.",
    columns: &[
        text("id").required(),
        text("token_hash")
            .required()
            .about("BLAKE3 of the token, in hexadecimal digits; the token itself is not kept"),
        one_of("kind", CREDENTIALS).required(),
        text("organization_id").required(),
        text("participant_id").required().about("Whom it speaks for"),
        one_of("participant_kind", PARTICIPANTS).required(),
        text("on_behalf_of_id").about("The human at the root of the delegation"),
        ServiceColumn::new("operations", ServiceKind::TextArray)
            .required()
            .about("model.verb each, or * for all"),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray)
            .required()
            .about("What it may see: groups as kind:id"),
        json("user_meta").required().about("What the application knows about the participant"),
        text("label"),
        one_of("reach", REACH)
            .required()
            .about("Whether it grows with what its participant is given"),
        text("parent_id").about("The credential it was exchanged for; it ends with that"),
        date_now("issued_at").required(),
        ServiceColumn::new("expires_at", ServiceKind::Date).about("Null: until it is taken back"),
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
    about: "Turns of agents: what was asked, and what it cost.",
    columns: &[
        text("id").required(),
        text("organization_id").required(),
        text("participant_id").required().about("The agent"),
        text("prompt_hash").required().about("BLAKE3 of what was asked, in hexadecimal digits"),
        text("parent_id"),
        text("surface").about("Where it was asked"),
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
    about: "Who is here: one row for each open connection, kept alive by the process that holds it.",
    columns: &[
        text("organization_id").required(),
        text("id").required().about("The connection"),
        text("participant_id").required(),
        one_of("participant_kind", PARTICIPANTS).required(),
        ServiceColumn::new("sync_groups", ServiceKind::TextArray).required(),
        json("presence").required().about("What the participant said about itself last"),
        ServiceColumn::new("active_at", ServiceKind::Date).required(),
        ServiceColumn::new("expires_at", ServiceKind::Date)
            .required()
            .about("A process that died no longer pushes this forward"),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("expiry", &["expires_at"], IndexRows::All)],
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
    fn the_checker_knows_the_names() {
        assert_eq!(SERVICE_TABLES.map(|table| table.name), ablo_schema::check::SERVICE_TABLES);
    }

    #[test]
    fn every_column_of_the_protocol_is_there() {
        let core = "id action_type model_name model_id data previous_data sync_groups organization_id created_at transaction_id";
        let attribution = "created_by actor_id actor_kind on_behalf_of_id on_behalf_of_kind capability_id \
            confirmation_state backfill_provenance";
        assert_eq!(
            columns("sync_deltas"),
            format!("{core} {attribution} caused_by_task_id previous_groups")
        );
        assert_eq!(columns("ablo_idempotency"), "client_tx_id response created_at");
        assert_eq!(
            columns("ablo_outbox"),
            "cursor id model entity_id type data organization_id client_tx_id occurred_at created_at \
             written_in"
        );
        assert_eq!(
            columns("ablo_claims"),
            "id organization_id participant_id participant_kind model row_id path range field action description meta \
             status arrival declared_at expires_at ttl_ms error"
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
                        assert!(!column(name).not_null, "the condition would say nothing")
                    }
                    IndexRows::Equal(name, value) => {
                        assert!(
                            matches!(column(name).kind, ServiceKind::OneOf(values) if values.contains(&value))
                        );
                    }
                }
            }
        }
    }
}
