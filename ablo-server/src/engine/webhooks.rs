//! Webhook endpoints: subscriptions to the sync log, their progress, and dead letters
//! (docs/protocol/data-source.md §9).
//!
//! An endpoint has one message in flight: the oldest dead letter to redrive, else the next page of
//! the sync log. The bounds of the page are stored until it is done, so that every attempt has the
//! same id and body.

use super::log::{self, Delta, cell_to_u64, json_array, u64_to_cell};
use crate::error::{ApiError, Result, StoreError};
use crate::store::{Dialect, Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, shown_date, stored_date};
use ablo_wire::{RawRow, WebhookDelivery, WebhookEvent};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// Maximum number of endpoints per organisation.
const MAX_ENDPOINTS: usize = 16;
/// Maximum number of events per message (docs/protocol/differences.md F10).
const MAX_EVENTS: usize = 100;
/// How long one attempt may take before another process may retry.
const ATTEMPT_LEASE: SignedDuration = SignedDuration::from_secs(60);

const COLUMNS: &str = "id, organization_id, url, secret, {enabled_events:texts}, status, cursor, \
sending_to, attempts, \
    {next_attempt_at:date}, {last_success_at:date}, {last_error_at:date}, last_error, \
    {created_at:date}";

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
    "SELECT id, body, error, {died_at:date}, again FROM ablo_webhook_letters WHERE organization_id \
     = {1} AND endpoint_id = {2} ORDER BY died_at, id LIMIT 100",
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
pub(crate) struct Endpoint {
    pub(crate) id: String,
    pub(crate) organization: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) events: BTreeSet<String>,
    pub(crate) enabled: bool,
    cursor: u64,
    sending_to: Option<u64>,
    /// Failed attempts of the message in flight.
    pub(crate) attempts: u64,
    details: [Option<String>; 5],
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // URLs may contain secrets, too.
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The same for every attempt.
    pub(crate) id: String,
    pub(crate) body: String,
    /// The sync id of the last event; `None` for a dead letter.
    last_sync_id: Option<u64>,
}

impl Endpoint {
    fn read(row: Row) -> Result<Self, StoreError> {
        let mut cells = row.into_iter();
        let mut text = || cells.next().and_then(Cell::into_text);
        let (id, organization, url, secret) = (text(), text(), text(), text());
        let events =
            text().and_then(|events| serde_json::from_str(&events).ok()).unwrap_or_default();
        let enabled = text().as_deref() == Some("enabled");
        let (cursor, sending_to) =
            (cell_to_u64(cells.next().as_ref())?, cells.next().as_ref().and_then(Cell::integer));
        let attempts = cell_to_u64(cells.next().as_ref())?;
        let mut text = || cells.next().and_then(Cell::into_text);
        let shown = [text(), text(), text(), text(), text()];
        let none = || StoreError::Fault("a stored webhook endpoint is incomplete".to_owned());
        Ok(Self {
            id: id.ok_or_else(none)?,
            organization: organization.ok_or_else(none)?,
            url: url.ok_or_else(none)?,
            secret: secret.ok_or_else(none)?,
            events,
            enabled,
            cursor,
            sending_to: sending_to.and_then(|to| u64::try_from(to).ok()),
            attempts,
            details: shown,
        })
    }

    /// Formats the endpoint for its owner; the secret only when it was created.
    pub(crate) fn to_json(&self, secret: bool) -> Value {
        let [next, success, error_at, error, created] = &self.details;
        let date = |text: &Option<String>| text.as_deref().map(shown_date);
        let last4 = self.secret.get(self.secret.len().saturating_sub(4)..);
        let mut shown = json!({
            "object": "webhook_endpoint",
            "id": self.id,
            "url": self.url,
            "enabledEvents": self.events,
            "status": if self.enabled { "enabled" } else { "disabled" },
            "last4": last4,
            "cursor": self.cursor,
            "attempts": self.attempts,
            "nextAttemptAt": if self.attempts > 0 { date(next) } else { None },
            "lastSuccessAt": date(success),
            "lastErrorAt": date(error_at),
            "lastError": error,
            "createdAt": date(created),
        });
        if secret {
            shown["secret"] = self.secret.as_str().into();
        }
        shown
    }

    /// Returns whether an event kind matches the subscription: `task.created`, `task.*` or `*`; an
    /// empty subscription matches all.
    fn wants(&self, kind: &str) -> bool {
        let matches = |wanted: &String| {
            wanted == "*"
                || wanted == kind
                || wanted
                    .strip_suffix('*')
                    .is_some_and(|start| start.ends_with('.') && kind.starts_with(start))
        };
        self.events.is_empty() || self.events.iter().any(matches)
    }

    fn event(&self, delta: &Delta) -> Option<WebhookEvent> {
        let verb = match delta.action.as_str() {
            "I" => "created",
            "U" => "updated",
            "D" => "deleted",
            "A" => "archived",
            "V" => "unarchived",
            _ => return None,
        };
        let kind = format!("{}.{verb}", delta.model.to_lowercase());
        let row = delta
            .data
            .as_deref()
            .filter(|_| verb != "deleted")
            .and_then(|data| RawRow::parse(data).ok());
        self.wants(&kind).then(|| {
            let mut event = WebhookEvent::new(
                delta.id.to_string(),
                kind,
                delta.model.clone(),
                delta.row.clone(),
                ablo_wire::SyncId(delta.id),
                shown_date(&delta.created_at),
            );
            event.data = row;
            event
        })
    }
}

fn rendered(tx: &dyn Tx, spellings: &'static [String; 2]) -> &'static str {
    &spellings[usize::from(tx.dialect() == Dialect::Postgres)]
}

fn render_select(condition: &str) -> [String; 2] {
    let sql = format!("SELECT {COLUMNS} FROM ablo_webhook_endpoints WHERE {condition}");
    [Dialect::Sqlite, Dialect::Postgres].map(|dialect| dialect.render(&sql))
}

/// Returns the endpoints of an organisation.
pub(crate) fn all(tx: &mut dyn Tx, organization: &str) -> Result<Vec<Endpoint>> {
    static OWN: LazyLock<[String; 2]> =
        LazyLock::new(|| render_select("organization_id = {1} ORDER BY created_at, id"));
    let rows = tx.query(rendered(tx, &OWN), &[organization.into()])?;
    Ok(rows.into_iter().map(Endpoint::read).collect::<Result<_, _>>()?)
}

/// Returns the endpoints that are due: those with a message in flight, and those of the changed
/// organisations, or of all if `None`.
pub(crate) fn due(tx: &mut dyn Tx, changed: Option<&BTreeSet<String>>) -> Result<Vec<Endpoint>> {
    static ALL: LazyLock<[String; 2]> = LazyLock::new(|| {
        render_select(
            "status = 'enabled' AND next_attempt_at <= {1:date} AND leased_until <= {1:date}",
        )
    });
    // Three look-ups, because most endpoints have nothing to send.
    static CHANGED: LazyLock<[String; 2]> = LazyLock::new(|| {
        render_select(
            "status = 'enabled' AND next_attempt_at <= {1:date} AND leased_until <= {1:date} AND \
             id IN (SELECT id FROM ablo_webhook_endpoints WHERE status = 'enabled' AND attempts > \
             0 UNION ALL SELECT id FROM ablo_webhook_endpoints WHERE sending_to IS NOT NULL UNION \
             ALL SELECT id FROM ablo_webhook_endpoints WHERE organization_id IN {2:list})",
        )
    });
    let now = stored_date(tx.now()).into();
    let rows = match changed {
        None => tx.query(rendered(tx, &ALL), &[now])?,
        Some(changed) => tx.query(rendered(tx, &CHANGED), &[now, json_array(changed).into()])?,
    };
    Ok(rows.into_iter().map(Endpoint::read).collect::<Result<_, _>>()?)
}

/// Returns an endpoint of an organisation.
pub(crate) fn find(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Endpoint> {
    let found = all(tx, organization)?.into_iter().find(|endpoint| endpoint.id == id);
    found.ok_or_else(|| {
        ApiError::new("entity_not_found", format!("unknown webhook endpoint `{id}`")).into()
    })
}

/// Adds an endpoint that receives events from now on.
pub(crate) fn add(
    tx: &mut dyn Tx,
    organization: &str,
    (id, url, secret): (&str, &str, &str),
    events: &BTreeSet<String>,
) -> Result<Endpoint> {
    if all(tx, organization)?.len() >= MAX_ENDPOINTS {
        return Err(ApiError::new(
            "invalid_request",
            format!("an organisation can have at most {MAX_ENDPOINTS} webhook endpoints"),
        )
        .into());
    }
    let (head, now) = (log::head(tx, organization)?, stored_date(tx.now()));
    let values = [
        id.into(),
        organization.into(),
        url.into(),
        secret.into(),
        json_array(events).into(),
        u64_to_cell(head),
        now.into(),
    ];
    tx.execute(INSERT.sql(tx.dialect()), &values)?;
    find(tx, organization, id)
}

/// Updates an endpoint; a re-enabled one continues at once.
pub(crate) fn change(tx: &mut dyn Tx, endpoint: &Endpoint) -> Result<Endpoint> {
    let now = stored_date(tx.now());
    let status = if endpoint.enabled { "enabled" } else { "disabled" };
    let values = [
        endpoint.organization.as_str().into(),
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        json_array(&endpoint.events).into(),
        status.into(),
        Cell::Integer(0),
        now.into(),
    ];
    tx.execute(UPDATE.sql(tx.dialect()), &values)?;
    // Wakes up the delivery.
    tx.notify(Notification::LogGrown { organization: endpoint.organization.clone() })?;
    find(tx, &endpoint.organization, &endpoint.id)
}

/// Removes an endpoint with its dead letters.
pub(crate) fn remove(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<()> {
    find(tx, organization, id)?;
    tx.execute(DELETE_DEAD_LETTERS.sql(tx.dialect()), &[organization.into(), id.into()])?;
    tx.execute(DELETE.sql(tx.dialect()), &[organization.into(), id.into()])?;
    Ok(())
}

/// Returns the dead letters of an endpoint.
pub(crate) fn dead_letters(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Vec<Value>> {
    find(tx, organization, id)?;
    let rows = tx.query(DEAD_LETTERS.sql(tx.dialect()), &[organization.into(), id.into()])?;
    let shown = |row: Row| {
        let mut cells = row.into_iter().map(Cell::into_text);
        let mut text = || cells.next().flatten();
        let (id, body, error, died, again) =
            (text(), text().unwrap_or_default(), text(), text(), text());
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        json!({
            "object": "dead_letter",
            "id": id,
            "error": error,
            "diedAt": died.as_deref().map(shown_date),
            "again": again.as_deref() == Some("yes"),
            "data": body["data"],
        })
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Marks all dead letters to be sent again and returns their number.
pub(crate) fn redrive(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<u64> {
    let mut endpoint = find(tx, organization, id)?;
    let many = tx.execute(REDRIVE.sql(tx.dialect()), &[organization.into(), id.into()])?;
    endpoint.enabled = true;
    change(tx, &endpoint)?;
    Ok(many)
}

/// Leases the next message of an endpoint, or returns `None` if there is none or another process
/// has the lease.
pub(crate) fn next_message(tx: &mut dyn Tx, endpoint: &Endpoint) -> Result<Option<Message>> {
    let (organization, id) = (endpoint.organization.as_str(), endpoint.id.as_str());
    let dead_letter =
        tx.query(NEXT_REDRIVE.sql(tx.dialect()), &[organization.into(), id.into()])?.pop();
    if dead_letter.is_none()
        && endpoint.sending_to.is_none()
        && log::head(tx, organization)? <= endpoint.cursor
    {
        return Ok(None);
    }
    let now = tx.now();
    let until = now.checked_add(ATTEMPT_LEASE).unwrap_or(now);
    let lease = [id.into(), stored_date(now).into(), stored_date(until).into()];
    if tx.query(TAKE_LEASE.sql(tx.dialect()), &lease)?.is_empty() {
        return Ok(None);
    }
    if let Some(dead_letter) = dead_letter {
        let mut cells = dead_letter.into_iter().map(Cell::into_text);
        let (id, body) = (
            cells.next().flatten().unwrap_or_default(),
            cells.next().flatten().unwrap_or_default(),
        );
        return Ok(Some(Message { id, body, last_sync_id: None }));
    }
    let mut page = log::since(tx, organization, endpoint.cursor, MAX_EVENTS)?;
    if let Some(to) = endpoint.sending_to {
        page.retain(|delta| delta.id <= to);
    }
    let Some((first, last)) =
        page.first().zip(page.last()).map(|(first, last)| (first.id, last.id))
    else {
        // The deltas in flight are no longer in the log.
        advance(tx, endpoint, endpoint.sending_to.unwrap_or(endpoint.cursor))?;
        return Ok(None);
    };
    let events: Vec<WebhookEvent> = page.iter().filter_map(|delta| endpoint.event(delta)).collect();
    if events.is_empty() {
        advance(tx, endpoint, last)?;
        return Ok(None);
    }
    tx.execute(SET_SENDING.sql(tx.dialect()), &[id.into(), u64_to_cell(last)])?;
    let body = serde_json::to_string(&WebhookDelivery::new(events)).unwrap_or_default();
    Ok(Some(Message {
        id: format!("msg_{}_{first}_{last}", id.trim_start_matches("we_")),
        body,
        last_sync_id: Some(last),
    }))
}

fn advance(tx: &mut dyn Tx, endpoint: &Endpoint, sync_id: u64) -> Result<()> {
    let now = stored_date(tx.now());
    tx.execute(
        ADVANCE.sql(tx.dialect()),
        &[endpoint.id.as_str().into(), u64_to_cell(sync_id), now.into()],
    )?;
    Ok(())
}

/// Records that a message was delivered.
pub(crate) fn delivered(tx: &mut dyn Tx, endpoint: &Endpoint, message: &Message) -> Result<()> {
    if message.last_sync_id.is_none() {
        let values = [
            endpoint.organization.as_str().into(),
            endpoint.id.as_str().into(),
            message.id.as_str().into(),
        ];
        tx.execute(DELETE_DEAD_LETTER.sql(tx.dialect()), &values)?;
    }
    advance(tx, endpoint, message.last_sync_id.unwrap_or(endpoint.cursor))?;
    let now = stored_date(tx.now());
    tx.execute(SET_SUCCESS.sql(tx.dialect()), &[endpoint.id.as_str().into(), now.into()])?;
    Ok(())
}

/// Records a failed attempt: the message is retried later, or becomes a dead letter and its
/// endpoint is disabled.
pub(crate) fn failed(
    tx: &mut dyn Tx,
    endpoint: &Endpoint,
    message: &Message,
    error: &str,
    retry_after: Option<SignedDuration>,
) -> Result<()> {
    let (id, now) = (endpoint.id.as_str(), tx.now());
    if let Some(again) = retry_after {
        let next = now.checked_add(again).unwrap_or(now);
        let values = [id.into(), stored_date(next).into(), stored_date(now).into(), error.into()];
        tx.execute(SET_FAILURE.sql(tx.dialect()), &values)?;
        return Ok(());
    }
    let organization = endpoint.organization.as_str();
    let to = u64_to_cell(message.last_sync_id.unwrap_or(endpoint.cursor));
    if tx.execute(
        DISABLE.sql(tx.dialect()),
        &[id.into(), to, stored_date(now).into(), error.into()],
    )? == 0
    {
        // The endpoint was removed in the meantime.
        return Ok(());
    }
    let dead_letter = [
        message.id.as_str().into(),
        organization.into(),
        id.into(),
        message.body.as_str().into(),
        error.into(),
        stored_date(now).into(),
    ];
    tx.execute(INSERT_DEAD_LETTER.sql(tx.dialect()), &dead_letter)?;
    Ok(())
}
