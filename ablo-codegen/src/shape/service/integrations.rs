//! The tables through which others are dealt with: Data Sources from either side, and webhooks.
//!
//! Nothing comes in, as in the room above; two of them stand in an application's own database.

use super::{
    IndexRows, ServiceColumn, ServiceKind, ServiceTable, date_now, identity, json, lookup, one_of,
    text, unique,
};

const YES_NO: &[&str] = &["yes", "no"];
const ENDPOINT_STATES: &[&str] = &["enabled", "disabled"];

pub(super) const IDEMPOTENCY: ServiceTable = ServiceTable {
    name: "ablo_idempotency",
    about: "The ledger of a Data Source: a commit that comes again is answered with the rows stored here.",
    columns: &[
        text("client_tx_id").required(),
        json("response").required().about("The rows that the first run answered with, as an array"),
        date_now("created_at"),
    ],
    key: &["client_tx_id"],
    indexes: &[],
    organization: None,
};

/// Not isolated: an adapter may leave the organisation out, and events are read for all organisations in one go.
pub(super) const OUTBOX: ServiceTable = ServiceTable {
    name: "ablo_outbox",
    about: "The outbox of a Data Source: one event for each operation, written in the transaction of its change.",
    columns: &[
        identity("cursor").about("Drawn before the commit, so that it is no order by itself: see written_in"),
        text("id").required().about("<client_tx_id>:<index of the operation>"),
        text("model").required(),
        text("entity_id").required(),
        text("type").required(),
        json("data").about("The row after the change, null for a delete"),
        text("organization_id"),
        text("client_tx_id").about("The commit that caused it, null for a change made by others"),
        ServiceColumn::new("occurred_at", ServiceKind::Integer).about("Milliseconds since 1970"),
        date_now("created_at"),
        ServiceColumn::new("written_in", ServiceKind::Transaction).about(
            "The transaction that wrote it: events are read in the order of transactions, and only those before \
             which no transaction is under way, so that none is passed by",
        ),
    ],
    key: &["cursor"],
    indexes: &[unique("id", &["id"], IndexRows::All), lookup("order", &["written_in", "cursor"], IndexRows::All)],
    organization: None,
};

pub(super) const SOURCES: ServiceTable = ServiceTable {
    name: "ablo_sources",
    about: "How far the outbox of an organisation's own database was read.",
    columns: &[
        text("organization_id").required(),
        text("cursor").about("Of the outbox; null at its beginning"),
        ServiceColumn::new("filled_at", ServiceKind::Date)
            .about("When the rows that were there before had been read"),
    ],
    key: &["organization_id"],
    indexes: &[],
    organization: Some("organization_id"),
};

pub(super) const SOURCE_COMMITS: ServiceTable = ServiceTable {
    name: "ablo_source_commits",
    about: "Commits that went out to an organisation's own database, until its outbox has told of all their operations.",
    columns: &[
        text("organization_id").required(),
        text("id").required().about("As the source knows it"),
        text("client_tx_id").required().about("As the client knows it"),
        text("body_hash")
            .required()
            .about("Of the operations: another commit may not use the same id"),
        text("state")
            .required()
            .about("sent; appended: its rows are in the log; taken over: its events are put there"),
        json("rows").required().about("The rows that it writes, model and id each"),
        json("writer").required().about("Who writes it"),
        ServiceColumn::new("told", ServiceKind::Integer)
            .required()
            .about("Operations that the outbox has told of"),
        ServiceColumn::new("sent_at", ServiceKind::Date).required(),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("sent", &["organization_id", "sent_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

pub(super) const SOURCE_EVENTS: ServiceTable = ServiceTable {
    name: "ablo_source_events",
    about: "Events of an organisation's own database that were taken: one that comes again says nothing new.",
    columns: &[
        text("organization_id").required(),
        text("id").required(),
        ServiceColumn::new("taken_at", ServiceKind::Date).required(),
    ],
    key: &["organization_id", "id"],
    indexes: &[lookup("age", &["organization_id", "taken_at"], IndexRows::All)],
    organization: Some("organization_id"),
};

/// Not isolated: processes look for what is due, whoever it is for.
pub(super) const WEBHOOK_ENDPOINTS: ServiceTable = ServiceTable {
    name: "ablo_webhook_endpoints",
    about: "Who is told of the log by HTTP, and how far each has come.",
    columns: &[
        text("id").required(),
        text("organization_id").required(),
        text("url").required(),
        text("secret").required().about("What messages are signed with"),
        ServiceColumn::new("enabled_events", ServiceKind::TextArray)
            .required()
            .about("Kinds of events; none are all"),
        one_of("status", ENDPOINT_STATES).required(),
        ServiceColumn::new("cursor", ServiceKind::Integer)
            .required()
            .about("The place in the log behind which it has heard nothing"),
        ServiceColumn::new("sending_to", ServiceKind::Integer)
            .about("The last place that the message under way speaks of"),
        ServiceColumn::new("attempts", ServiceKind::Integer)
            .required()
            .about("Attempts at it that failed"),
        ServiceColumn::new("next_attempt_at", ServiceKind::Date).required(),
        ServiceColumn::new("leased_until", ServiceKind::Date)
            .required()
            .about("Until then a process is at it"),
        ServiceColumn::new("last_success_at", ServiceKind::Date),
        ServiceColumn::new("last_error_at", ServiceKind::Date),
        text("last_error"),
        ServiceColumn::new("created_at", ServiceKind::Date).required(),
    ],
    key: &["id"],
    indexes: &[
        lookup("organization", &["organization_id"], IndexRows::All),
        lookup("due", &["next_attempt_at"], IndexRows::Equal("status", "enabled")),
    ],
    organization: None,
};

pub(super) const WEBHOOK_DEAD_LETTERS: ServiceTable = ServiceTable {
    name: "ablo_webhook_letters",
    about: "Messages that nobody took in any attempt.",
    columns: &[
        text("organization_id").required(),
        text("endpoint_id").required(),
        text("id").required(),
        text("body").required().about("As it was signed"),
        text("error").required().about("Why the last attempt failed"),
        ServiceColumn::new("died_at", ServiceKind::Date).required(),
        one_of("again", YES_NO).required().about("Whether it is to be sent once more"),
    ],
    key: &["organization_id", "endpoint_id", "id"],
    indexes: &[],
    organization: Some("organization_id"),
};
