//! The tables for data sources and webhooks. Two of them are created in an application's own
//! database.

use super::{
    IndexRows, ServiceColumn, ServiceKind, ServiceTable, date_now, identity, json, lookup, one_of,
    text, unique,
};

const YES_NO: &[&str] = &["yes", "no"];
const ENDPOINT_STATES: &[&str] = &["enabled", "disabled"];

pub(super) const IDEMPOTENCY: ServiceTable = ServiceTable {
    name: "ablo_idempotency",
    about: "The commits of a data source: a repeated commit is answered with the rows stored here.",
    columns: &[
        text("client_tx_id").required(),
        json("response").required().about("The rows of the first answer, as an array"),
        date_now("created_at"),
    ],
    key: &["client_tx_id"],
    indexes: &[],
    organization: None,
};

/// Not isolated: an adapter may omit the organisation, and events are read for all organisations at
/// once.
pub(super) const OUTBOX: ServiceTable = ServiceTable {
    name: "ablo_outbox",
    about: "The outbox of a data source: one event per operation, written in the transaction of \
        the change.",
    columns: &[
        identity("cursor")
            .about("Assigned before the commit, so it is not the commit order: see written_in"),
        text("id").required().about("<client_tx_id>:<index of the operation>"),
        text("model").required(),
        text("entity_id").required(),
        text("type").required(),
        json("data").about("The row after the change, null for a delete"),
        text("organization_id"),
        text("client_tx_id")
            .about("The commit that caused it; null if the application made the change"),
        ServiceColumn::new("occurred_at", ServiceKind::Integer).about("Milliseconds since 1970"),
        date_now("created_at"),
        ServiceColumn::new("written_in", ServiceKind::Transaction).about(
            "The transaction that wrote it. Events are read in the order of transactions, and only \
             if no earlier transaction is still open, so that no event is skipped",
        ),
    ],
    key: &["cursor"],
    indexes: &[
        unique("id", &["id"], IndexRows::All),
        lookup("order", &["written_in", "cursor"], IndexRows::All),
    ],
    organization: None,
};

pub(super) const SOURCES: ServiceTable = ServiceTable {
    name: "ablo_sources",
    about: "The read position in the outbox of an organisation's own database.",
    columns: &[
        text("organization_id").required(),
        text("cursor").about("The outbox cursor; null at the beginning"),
        ServiceColumn::new("filled_at", ServiceKind::Date)
            .about("When all rows that existed at the start had been read"),
    ],
    key: &["organization_id"],
    indexes: &[],
    organization: Some("organization_id"),
};

pub(super) const SOURCE_COMMITS: ServiceTable = ServiceTable {
    name: "ablo_source_commits",
    about: "Commits sent to an organisation's own database, until its outbox has reported all \
        their operations.",
    columns: &[
        text("organization_id").required(),
        text("id").required().about("The id at the data source"),
        text("client_tx_id").required().about("The id at the client"),
        text("body_hash")
            .required()
            .about("The hash of the operations; a different commit may not use the same id"),
        text("state").required().about(
            "sent; appended: its rows are in the sync log; taken over: its outbox events are \
             appended instead",
        ),
        json("rows").required().about("The rows that it writes, as model and id"),
        json("writer").required().about("The participant that sent it"),
        ServiceColumn::new("told", ServiceKind::Integer)
            .required()
            .about("The number of operations that the outbox has reported"),
        ServiceColumn::new("sent_at", ServiceKind::Date).required(),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("sent", &["organization_id", "sent_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

pub(super) const SOURCE_EVENTS: ServiceTable = ServiceTable {
    name: "ablo_source_events",
    about: "Processed events of an organisation's own database: a repeated event is ignored.",
    columns: &[
        text("organization_id").required(),
        text("id").required(),
        ServiceColumn::new("taken_at", ServiceKind::Date).required(),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("age", &["organization_id", "taken_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

/// Not isolated: a process looks for due messages of all organisations.
pub(super) const WEBHOOK_ENDPOINTS: ServiceTable = ServiceTable {
    name: "ablo_webhook_endpoints",
    about: "Webhook endpoints and their positions in the sync log.",
    columns: &[
        text("id").required(),
        text("organization_id").required(),
        text("url").required(),
        text("secret").required().about("The key that signs messages"),
        ServiceColumn::new("enabled_events", ServiceKind::TextArray)
            .required()
            .about("Event types to send; an empty array means all"),
        one_of("status", ENDPOINT_STATES).required(),
        ServiceColumn::new("cursor", ServiceKind::Integer)
            .required()
            .about("The sync id up to which messages were delivered"),
        ServiceColumn::new("sending_to", ServiceKind::Integer)
            .about("The last sync id of the message in delivery"),
        ServiceColumn::new("attempts", ServiceKind::Integer)
            .required()
            .about("Failed attempts to deliver the message"),
        ServiceColumn::new("next_attempt_at", ServiceKind::Date).required(),
        ServiceColumn::new("leased_until", ServiceKind::Date)
            .required()
            .about("A process delivers the message until then"),
        ServiceColumn::new("last_success_at", ServiceKind::Date),
        ServiceColumn::new("last_error_at", ServiceKind::Date),
        text("last_error"),
        ServiceColumn::new("created_at", ServiceKind::Date).required(),
    ],
    key: &["id"],
    indexes: &[
        lookup("list", &["organization_id", "created_at", "id"], IndexRows::All),
        lookup("sending", &["next_attempt_at"], IndexRows::NotNull("sending_to")),
        lookup("retry", &["attempts"], IndexRows::Equal("status", "enabled")),
        lookup("due", &["next_attempt_at"], IndexRows::Equal("status", "enabled")),
    ],
    organization: None,
};

pub(super) const WEBHOOK_DEAD_LETTERS: ServiceTable = ServiceTable {
    name: "ablo_webhook_letters",
    about: "Dead letters: messages that failed in all attempts.",
    columns: &[
        text("organization_id").required(),
        text("endpoint_id").required(),
        text("id").required(),
        text("body").required().about("The signed body"),
        text("error").required().about("The error of the last attempt"),
        ServiceColumn::new("died_at", ServiceKind::Date).required(),
        one_of("again", YES_NO).required().about("Whether a new delivery was requested"),
    ],
    key: &["organization_id", "endpoint_id", "id"],
    indexes: &[
        lookup("list", &["organization_id", "endpoint_id", "died_at", "id"], IndexRows::All),
        lookup(
            "redrive",
            &["organization_id", "endpoint_id", "died_at", "id"],
            IndexRows::Equal("again", "yes"),
        ),
    ],
    organization: Some("organization_id"),
};
