//! Webhook endpoints and their dead letters.

use super::log::json_array;
use crate::error::StoreError;
use crate::store::{Record, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use std::collections::BTreeSet;
use std::fmt;

macro_rules! select {
    ($condition:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, organization_id, url, secret, {enabled_events:texts}, status, cursor, \
             sending_to, attempts, {next_attempt_at:date}, {last_success_at:date}, \
             {last_error_at:date}, last_error, {created_at:date} FROM ablo_webhook_endpoints \
             WHERE ",
            $condition
        ))
    };
}

static OF_ORGANIZATION: SqlTemplate =
    select!("organization_id = {1} ORDER BY ablo_webhook_endpoints.created_at, id");
static DUE: SqlTemplate =
    select!("status = 'enabled' AND next_attempt_at <= {1:date} AND leased_until <= {1:date}");
/// Three look-ups, because most endpoints have nothing to send.
static DUE_OF_CHANGED: SqlTemplate = select!(
    "status = 'enabled' AND next_attempt_at <= {1:date} AND leased_until <= {1:date} AND id IN \
     (SELECT id FROM ablo_webhook_endpoints WHERE status = 'enabled' AND attempts > 0 UNION ALL \
     SELECT id FROM ablo_webhook_endpoints WHERE sending_to IS NOT NULL UNION ALL SELECT id FROM \
     ablo_webhook_endpoints WHERE organization_id {2:in})"
);
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_webhook_endpoints (id, organization_id, url, secret, enabled_events, status, \
     cursor, attempts, next_attempt_at, leased_until, created_at) VALUES ({1}, {2}, {3}, {4}, \
     {5:texts}, 'enabled', {6}, 0, {7:date}, {7:date}, {7:date})",
);
static UPDATE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET url = {3}, enabled_events = {4:texts}, status = {5}, \
     attempts = {6}, next_attempt_at = {7:date} WHERE organization_id = {1} AND id = {2}",
);
static DELETE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_webhook_endpoints WHERE organization_id = {1} AND id = {2}");
static DELETE_DEAD_LETTERS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2}",
);
static TAKE_LEASE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET leased_until = {3:date} WHERE id = {1} AND status = \
     'enabled' AND leased_until <= {2:date} AND next_attempt_at <= {2:date} RETURNING id",
);
static SET_SENDING: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_webhook_endpoints SET sending_to = {2} WHERE id = {1}");
static ADVANCE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET cursor = {2}, sending_to = NULL, attempts = 0, \
     next_attempt_at = {3:date}, leased_until = {3:date} WHERE id = {1}",
);
static SET_SUCCESS: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_webhook_endpoints SET last_success_at = {2:date} WHERE id = {1}");
static SET_FAILURE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET attempts = attempts + 1, next_attempt_at = {2:date}, \
     leased_until = {3:date}, last_error_at = {3:date}, last_error = {4} WHERE id = {1}",
);
static DISABLE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET status = 'disabled', attempts = 0, cursor = {2}, sending_to \
     = NULL, leased_until = {3:date}, last_error_at = {3:date}, last_error = {4} WHERE id = {1}",
);
static INSERT_DEAD_LETTER: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_webhook_letters (id, organization_id, endpoint_id, body, error, died_at, \
     again) VALUES ({1}, {2}, {3}, {4}, {5}, {6:date}, 'no') ON CONFLICT (organization_id, \
     endpoint_id, id) DO UPDATE SET error = {5}, died_at = {6:date}, again = 'no'",
);
static DEAD_LETTERS: SqlTemplate = SqlTemplate::new(
    // Qualified, because the bare name is that of the formatted result.
    "SELECT id, body, error, {died_at:date}, again FROM ablo_webhook_letters WHERE organization_id \
     = {1} AND endpoint_id = {2} ORDER BY ablo_webhook_letters.died_at, id LIMIT 100",
);
static NEXT_REDRIVE: SqlTemplate = SqlTemplate::new(
    "SELECT id, body FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2} \
     AND again = 'yes' ORDER BY died_at, id LIMIT 1",
);
static REDRIVE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_letters SET again = 'yes' WHERE organization_id = {1} AND endpoint_id = \
     {2}",
);
static DELETE_DEAD_LETTER: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2} AND id = \
     {3}",
);

/// A webhook endpoint.
#[derive(Clone, PartialEq)]
pub struct Endpoint {
    pub(crate) id: String,
    pub(crate) organization: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    /// The subscribed kinds of events; empty for all.
    pub(crate) events: BTreeSet<String>,
    pub(crate) enabled: bool,
    /// The sync id of the last delta that is done.
    pub(crate) cursor: u64,
    /// The sync id of the last delta of the message in flight.
    pub(crate) sending_to: Option<u64>,
    /// Failed attempts of the message in flight.
    pub(crate) attempts: u64,
    pub(crate) next_attempt_at: Option<String>,
    pub(crate) last_success_at: Option<String>,
    pub(crate) last_error_at: Option<String>,
    pub(crate) last_error: Option<String>,
    pub(crate) created_at: Option<String>,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs may contain secrets, too.
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A message that was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeadLetter {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) error: Option<String>,
    pub(crate) died_at: String,
    /// Whether it is to be sent again.
    pub(crate) redrive: bool,
}

fn decode(mut record: Record) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: record.text("id")?,
        organization: record.text("organization_id")?,
        url: record.text("url")?,
        secret: record.text("secret")?,
        events: record.json("enabled_events")?,
        enabled: record.text("status")? == "enabled",
        cursor: record.number("cursor")?,
        sending_to: record.optional_number("sending_to")?,
        attempts: record.number("attempts")?,
        next_attempt_at: record.optional_text("next_attempt_at")?,
        last_success_at: record.optional_text("last_success_at")?,
        last_error_at: record.optional_text("last_error_at")?,
        last_error: record.optional_text("last_error")?,
        created_at: record.optional_text("created_at")?,
    })
}

fn decode_dead_letter(mut record: Record) -> Result<DeadLetter, StoreError> {
    Ok(DeadLetter {
        id: record.text("id")?,
        body: record.text("body")?,
        error: record.optional_text("error")?,
        died_at: record.text("died_at")?,
        redrive: record.text("again")? == "yes",
    })
}

/// Returns the endpoints of an organisation.
pub(crate) fn of_organization(
    tx: &mut Tx<'_>,
    organization: &str,
) -> Result<Vec<Endpoint>, StoreError> {
    tx.all(&OF_ORGANIZATION, &[organization.into()], decode)
}

/// Returns the endpoints that are due: those with a message in flight, and those of the changed
/// organisations, or of all if `None`.
pub(crate) fn due(
    tx: &mut Tx<'_>,
    changed: Option<&BTreeSet<String>>,
) -> Result<Vec<Endpoint>, StoreError> {
    let now = stored_date(tx.now()).into();
    match changed {
        None => tx.all(&DUE, &[now], decode),
        Some(changed) => tx.all(&DUE_OF_CHANGED, &[now, json_array(changed).into()], decode),
    }
}

/// Inserts an endpoint that is enabled and due now. Its cursor is that of `endpoint`.
pub(crate) fn insert(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let values = [
        endpoint.id.as_str().into(),
        endpoint.organization.as_str().into(),
        endpoint.url.as_str().into(),
        endpoint.secret.as_str().into(),
        json_array(&endpoint.events).into(),
        endpoint.cursor.into(),
        now.into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Stores the URL, the subscription and the status of an endpoint, which is due at once.
pub(crate) fn update(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let values = [
        endpoint.organization.as_str().into(),
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        json_array(&endpoint.events).into(),
        if endpoint.enabled { "enabled" } else { "disabled" }.into(),
        Cell::Integer(0),
        now.into(),
    ];
    tx.run(&UPDATE, &values).map(drop)
}

/// Deletes an endpoint with its dead letters.
pub(crate) fn delete(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.run(&DELETE_DEAD_LETTERS, &[organization.into(), id.into()])?;
    tx.run(&DELETE, &[organization.into(), id.into()]).map(drop)
}

/// Leases an endpoint that is due until a time. Returns whether no other process has the lease.
pub(crate) fn lease(tx: &mut Tx<'_>, id: &str, until: jiff::Timestamp) -> Result<bool, StoreError> {
    let values = [id.into(), stored_date(tx.now()).into(), stored_date(until).into()];
    Ok(tx.first(&TAKE_LEASE, &values, |mut record| record.text("id"))?.is_some())
}

/// Stores the last delta of the message in flight.
pub(crate) fn set_sending(tx: &mut Tx<'_>, id: &str, sync_id: u64) -> Result<(), StoreError> {
    tx.run(&SET_SENDING, &[id.into(), sync_id.into()]).map(drop)
}

/// Ends the message in flight and its lease.
pub(crate) fn advance(tx: &mut Tx<'_>, id: &str, sync_id: u64) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    tx.run(&ADVANCE, &[id.into(), sync_id.into(), now.into()]).map(drop)
}

/// Stores that a message was delivered now.
pub(crate) fn set_success(tx: &mut Tx<'_>, id: &str) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    tx.run(&SET_SUCCESS, &[id.into(), now.into()]).map(drop)
}

/// Stores a failed attempt and the time of the next one.
pub(crate) fn set_failure(
    tx: &mut Tx<'_>,
    id: &str,
    next: jiff::Timestamp,
    error: &str,
) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    tx.run(&SET_FAILURE, &[id.into(), stored_date(next).into(), now.into(), error.into()]).map(drop)
}

/// Disables an endpoint after its message failed. Returns whether the endpoint exists.
pub(crate) fn disable(
    tx: &mut Tx<'_>,
    id: &str,
    sync_id: u64,
    error: &str,
) -> Result<bool, StoreError> {
    let now = stored_date(tx.now());
    Ok(tx.run(&DISABLE, &[id.into(), sync_id.into(), now.into(), error.into()])? > 0)
}

/// Stores a message as a dead letter.
pub(crate) fn insert_dead_letter(
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
    id: &str,
    body: &str,
    error: &str,
) -> Result<(), StoreError> {
    let values = [
        id.into(),
        endpoint.organization.as_str().into(),
        endpoint.id.as_str().into(),
        body.into(),
        error.into(),
        stored_date(tx.now()).into(),
    ];
    tx.run(&INSERT_DEAD_LETTER, &values).map(drop)
}

/// Returns the dead letters of an endpoint, the oldest first, at most 100.
pub(crate) fn dead_letters(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Vec<DeadLetter>, StoreError> {
    tx.all(&DEAD_LETTERS, &[organization.into(), id.into()], decode_dead_letter)
}

/// Returns the oldest dead letter that is to be sent again: its id and its body.
pub(crate) fn next_redrive(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Option<(String, String)>, StoreError> {
    tx.first(&NEXT_REDRIVE, &[organization.into(), id.into()], |mut record| {
        Ok((record.text("id")?, record.text("body")?))
    })
}

/// Marks all dead letters of an endpoint to be sent again and returns their number.
pub(crate) fn redrive(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<u64, StoreError> {
    tx.run(&REDRIVE, &[organization.into(), id.into()])
}

/// Deletes a dead letter.
pub(crate) fn delete_dead_letter(
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
    id: &str,
) -> Result<(), StoreError> {
    let values = [endpoint.organization.as_str().into(), endpoint.id.as_str().into(), id.into()];
    tx.run(&DELETE_DEAD_LETTER, &values).map(drop)
}
