//! Webhook endpoints: who is told of the log by HTTP, how far each has come, and what was given up on (docs/protocol/data-source.md §9).
//!
//! An endpoint has one message under way at a time: the oldest letter that is to be sent again, else the next page of the log. What is under
//! way keeps its bounds until it is through, so that every attempt at it has the same id and the same body.

use super::log::{self, Delta, number, place, texts};
use crate::error::{ApiError, Result, StoreError};
use crate::store::{Dialect, Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, shown_date, stored_date};
use ablo_wire::{RawRow, WebhookDelivery, WebhookEvent};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

/// Endpoints of an organisation at most.
const MOST: usize = 16;
/// Events of a message at most (docs/protocol/differences.md F10).
const EVENTS: usize = 100;
/// How long a process has for one attempt before another may take over.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

const COLUMNS: &str = "id, organization_id, url, secret, {enabled_events:texts}, status, cursor, sending_to, attempts, \
    {next_attempt_at:date}, {last_success_at:date}, {last_error_at:date}, last_error, {created_at:date}";

static ADD: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_webhook_endpoints (id, organization_id, url, secret, enabled_events, status, cursor, attempts, next_attempt_at, \
     leased_until, created_at) VALUES ({1}, {2}, {3}, {4}, {5:texts}, 'enabled', {6}, 0, {7:date}, {7:date}, {7:date})",
);
static CHANGE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET url = {3}, enabled_events = {4:texts}, status = {5}, attempts = {6}, next_attempt_at = {7:date} \
     WHERE organization_id = {1} AND id = {2}",
);
static REMOVE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_webhook_endpoints WHERE organization_id = {1} AND id = {2}");
static REMOVE_LETTERS: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2}",
);
static LEASED: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET leased_until = {3:date} WHERE id = {1} AND status = 'enabled' AND leased_until <= {2:date} \
     AND next_attempt_at <= {2:date} RETURNING id",
);
static BEGUN: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_webhook_endpoints SET sending_to = {2} WHERE id = {1}");
static PASSED: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET cursor = {2}, sending_to = NULL, attempts = 0, next_attempt_at = {3:date}, leased_until = {3:date} \
     WHERE id = {1}",
);
static SUCCEEDED: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_webhook_endpoints SET last_success_at = {2:date} WHERE id = {1}");
static FAILED: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET attempts = attempts + 1, next_attempt_at = {2:date}, leased_until = {3:date}, \
     last_error_at = {3:date}, last_error = {4} WHERE id = {1}",
);
static DISABLED: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_endpoints SET status = 'disabled', attempts = 0, cursor = {2}, sending_to = NULL, leased_until = {3:date}, \
     last_error_at = {3:date}, last_error = {4} WHERE id = {1}",
);
static KEEP: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_webhook_letters (id, organization_id, endpoint_id, body, error, died_at, again) \
     VALUES ({1}, {2}, {3}, {4}, {5}, {6:date}, 'no') ON CONFLICT (organization_id, endpoint_id, id) \
     DO UPDATE SET error = {5}, died_at = {6:date}, again = 'no'",
);
static LETTERS: SqlTemplate = SqlTemplate::new(
    "SELECT id, body, error, {died_at:date}, again FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2} ORDER BY died_at, id LIMIT 100",
);
static NEXT_LETTER: SqlTemplate = SqlTemplate::new(
    "SELECT id, body FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2} AND again = 'yes' ORDER BY died_at, id LIMIT 1",
);
static AGAIN: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_webhook_letters SET again = 'yes' WHERE organization_id = {1} AND endpoint_id = {2}",
);
static FORGET: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_webhook_letters WHERE organization_id = {1} AND endpoint_id = {2} AND id = {3}",
);

/// Someone who is told.
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
    /// Attempts that failed, of what is under way.
    pub(crate) attempts: u64,
    shown: [Option<String>; 5],
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses may hold secrets too.
        f.debug_struct("Endpoint").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The same for each attempt.
    pub(crate) id: String,
    pub(crate) body: String,
    /// The last place of the log that it speaks of; none of a letter that is sent again.
    to: Option<u64>,
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
            (number(cells.next().as_ref())?, cells.next().as_ref().and_then(Cell::integer));
        let attempts = number(cells.next().as_ref())?;
        let mut text = || cells.next().and_then(Cell::into_text);
        let shown = [text(), text(), text(), text(), text()];
        let none = || StoreError::Fault("an endpoint without a name".to_owned());
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
            shown,
        })
    }

    /// As its owner is shown it; the secret once, when it is made.
    pub(crate) fn show(&self, secret: bool) -> Value {
        let [next, success, error_at, error, created] = &self.shown;
        let date = |text: &Option<String>| text.as_deref().map(shown_date);
        let last4 = self.secret.get(self.secret.len().saturating_sub(4)..);
        let mut shown = json!({
            "object": "webhook_endpoint", "id": self.id, "url": self.url, "enabledEvents": self.events,
            "status": if self.enabled { "enabled" } else { "disabled" }, "last4": last4, "cursor": self.cursor,
            "attempts": self.attempts, "nextAttemptAt": if self.attempts > 0 { date(next) } else { None },
            "lastSuccessAt": date(success), "lastErrorAt": date(error_at), "lastError": error, "createdAt": date(created),
        });
        if secret {
            shown["secret"] = self.secret.as_str().into();
        }
        shown
    }

    /// Whether it wants to hear of a kind of event: `task.created`, `task.*` or `*`; all where nothing is said.
    fn wants(&self, kind: &str) -> bool {
        let fits = |wanted: &String| {
            wanted == "*"
                || wanted == kind
                || wanted
                    .strip_suffix('*')
                    .is_some_and(|start| start.ends_with('.') && kind.starts_with(start))
        };
        self.events.is_empty() || self.events.iter().any(fits)
    }

    fn event(&self, delta: &Delta) -> Option<WebhookEvent> {
        let what = match delta.action.as_str() {
            "I" => "created",
            "U" => "updated",
            "D" => "deleted",
            "A" => "archived",
            "V" => "unarchived",
            _ => return None,
        };
        let kind = format!("{}.{what}", delta.model.to_lowercase());
        let row = delta
            .data
            .as_deref()
            .filter(|_| what != "deleted")
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

fn spelled(tx: &dyn Tx, spellings: &'static [String; 2]) -> &'static str {
    &spellings[usize::from(tx.dialect() == Dialect::Postgres)]
}

fn both(condition: &str) -> [String; 2] {
    let sql = format!(
        "SELECT {COLUMNS} FROM ablo_webhook_endpoints WHERE {condition} ORDER BY created_at, id"
    );
    [Dialect::Sqlite, Dialect::Postgres].map(|dialect| dialect.spell(&sql))
}

/// The endpoints of an organisation.
pub(crate) fn all(tx: &mut dyn Tx, organization: &str) -> Result<Vec<Endpoint>> {
    static OWN: LazyLock<[String; 2]> = LazyLock::new(|| both("organization_id = {1}"));
    let rows = tx.query(spelled(tx, &OWN), &[organization.into()])?;
    Ok(rows.into_iter().map(Endpoint::read).collect::<Result<_, _>>()?)
}

/// The endpoints at which an attempt may be made now: those with something under way, and those of these organisations; of all where none
/// are named.
pub(crate) fn due(tx: &mut dyn Tx, grown: Option<&BTreeSet<String>>) -> Result<Vec<Endpoint>> {
    static DUE: LazyLock<[String; 2]> = LazyLock::new(|| {
        both(
            "status = 'enabled' AND next_attempt_at <= {1:date} AND leased_until <= {1:date} \
             AND ({2} = 'all' OR attempts > 0 OR sending_to IS NOT NULL OR organization_id IN {3:list})",
        )
    });
    let which = if grown.is_none() { "all" } else { "some" };
    let (now, some) = (stored_date(tx.now()), texts(grown.unwrap_or(&BTreeSet::new())));
    let rows = tx.query(spelled(tx, &DUE), &[now.into(), which.into(), some.into()])?;
    Ok(rows.into_iter().map(Endpoint::read).collect::<Result<_, _>>()?)
}

/// One of an organisation.
pub(crate) fn one(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Endpoint> {
    let found = all(tx, organization)?.into_iter().find(|endpoint| endpoint.id == id);
    found.ok_or_else(|| {
        ApiError::new("entity_not_found", format!("there is no webhook endpoint `{id}`")).into()
    })
}

/// Adds one, which is told of what happens from now on.
pub(crate) fn add(
    tx: &mut dyn Tx,
    organization: &str,
    (id, url, secret): (&str, &str, &str),
    events: &BTreeSet<String>,
) -> Result<Endpoint> {
    if all(tx, organization)?.len() >= MOST {
        return Err(ApiError::new(
            "invalid_request",
            format!("an organisation has at most {MOST} webhook endpoints"),
        )
        .into());
    }
    let (head, now) = (log::head(tx, organization)?, stored_date(tx.now()));
    let values = [
        id.into(),
        organization.into(),
        url.into(),
        secret.into(),
        texts(events).into(),
        place(head),
        now.into(),
    ];
    tx.execute(ADD.of(tx.dialect()), &values)?;
    one(tx, organization, id)
}

/// Changes one; one that is enabled again goes on at once.
pub(crate) fn change(tx: &mut dyn Tx, endpoint: &Endpoint) -> Result<Endpoint> {
    let now = stored_date(tx.now());
    let status = if endpoint.enabled { "enabled" } else { "disabled" };
    let values = [
        endpoint.organization.as_str().into(),
        endpoint.id.as_str().into(),
        endpoint.url.as_str().into(),
        texts(&endpoint.events).into(),
        status.into(),
        Cell::Integer(0),
        now.into(),
    ];
    tx.execute(CHANGE.of(tx.dialect()), &values)?;
    // Whoever delivers looks again.
    tx.tell(Notification::Log { organization: endpoint.organization.clone() })?;
    one(tx, &endpoint.organization, &endpoint.id)
}

/// Removes one, with what was given up on.
pub(crate) fn remove(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<()> {
    one(tx, organization, id)?;
    tx.execute(REMOVE_LETTERS.of(tx.dialect()), &[organization.into(), id.into()])?;
    tx.execute(REMOVE.of(tx.dialect()), &[organization.into(), id.into()])?;
    Ok(())
}

/// What was given up on.
pub(crate) fn letters(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Vec<Value>> {
    one(tx, organization, id)?;
    let rows = tx.query(LETTERS.of(tx.dialect()), &[organization.into(), id.into()])?;
    let shown = |row: Row| {
        let mut cells = row.into_iter().map(Cell::into_text);
        let mut text = || cells.next().flatten();
        let (id, body, error, died, again) =
            (text(), text().unwrap_or_default(), text(), text(), text());
        let body: Value = serde_json::from_str(&body).unwrap_or_default();
        json!({ "object": "dead_letter", "id": id, "error": error, "diedAt": died.as_deref().map(shown_date),
            "again": again.as_deref() == Some("yes"), "data": body["data"] })
    };
    Ok(rows.into_iter().map(shown).collect())
}

/// Lets everything that was given up on be sent again, and gives how many messages that are.
pub(crate) fn redrive(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<u64> {
    let mut endpoint = one(tx, organization, id)?;
    let many = tx.execute(AGAIN.of(tx.dialect()), &[organization.into(), id.into()])?;
    endpoint.enabled = true;
    change(tx, &endpoint)?;
    Ok(many)
}

/// The next message of an endpoint, taken for an attempt; nothing where there is none, or where somebody else is at it.
pub(crate) fn take(tx: &mut dyn Tx, endpoint: &Endpoint) -> Result<Option<Message>> {
    let (organization, id) = (endpoint.organization.as_str(), endpoint.id.as_str());
    let letter = tx.query(NEXT_LETTER.of(tx.dialect()), &[organization.into(), id.into()])?.pop();
    if letter.is_none()
        && endpoint.sending_to.is_none()
        && log::head(tx, organization)? <= endpoint.cursor
    {
        return Ok(None);
    }
    let now = tx.now();
    let until = now.checked_add(LEASE).unwrap_or(now);
    let lease = [id.into(), stored_date(now).into(), stored_date(until).into()];
    if tx.query(LEASED.of(tx.dialect()), &lease)?.is_empty() {
        return Ok(None);
    }
    if let Some(letter) = letter {
        let mut cells = letter.into_iter().map(Cell::into_text);
        let (id, body) = (
            cells.next().flatten().unwrap_or_default(),
            cells.next().flatten().unwrap_or_default(),
        );
        return Ok(Some(Message { id, body, to: None }));
    }
    let mut page = log::since(tx, organization, endpoint.cursor, EVENTS)?;
    if let Some(to) = endpoint.sending_to {
        page.retain(|delta| delta.id <= to);
    }
    let Some((first, last)) =
        page.first().zip(page.last()).map(|(first, last)| (first.id, last.id))
    else {
        // What was under way is no longer in the log.
        passed(tx, endpoint, endpoint.sending_to.unwrap_or(endpoint.cursor))?;
        return Ok(None);
    };
    let events: Vec<WebhookEvent> = page.iter().filter_map(|delta| endpoint.event(delta)).collect();
    if events.is_empty() {
        passed(tx, endpoint, last)?;
        return Ok(None);
    }
    tx.execute(BEGUN.of(tx.dialect()), &[id.into(), place(last)])?;
    let body = serde_json::to_string(&WebhookDelivery::new(events)).unwrap_or_default();
    Ok(Some(Message {
        id: format!("msg_{}_{first}_{last}", id.trim_start_matches("we_")),
        body,
        to: Some(last),
    }))
}

fn passed(tx: &mut dyn Tx, endpoint: &Endpoint, to: u64) -> Result<()> {
    let now = stored_date(tx.now());
    tx.execute(PASSED.of(tx.dialect()), &[endpoint.id.as_str().into(), place(to), now.into()])?;
    Ok(())
}

/// A message was taken.
pub(crate) fn delivered(tx: &mut dyn Tx, endpoint: &Endpoint, message: &Message) -> Result<()> {
    if message.to.is_none() {
        let values = [
            endpoint.organization.as_str().into(),
            endpoint.id.as_str().into(),
            message.id.as_str().into(),
        ];
        tx.execute(FORGET.of(tx.dialect()), &values)?;
    }
    passed(tx, endpoint, message.to.unwrap_or(endpoint.cursor))?;
    let now = stored_date(tx.now());
    tx.execute(SUCCEEDED.of(tx.dialect()), &[endpoint.id.as_str().into(), now.into()])?;
    Ok(())
}

/// A message was not taken: it is tried again after a while, or given up on, and then its endpoint is disabled.
pub(crate) fn failed(
    tx: &mut dyn Tx,
    endpoint: &Endpoint,
    message: &Message,
    error: &str,
    again: Option<SignedDuration>,
) -> Result<()> {
    let (id, now) = (endpoint.id.as_str(), tx.now());
    if let Some(again) = again {
        let next = now.checked_add(again).unwrap_or(now);
        let values = [id.into(), stored_date(next).into(), stored_date(now).into(), error.into()];
        tx.execute(FAILED.of(tx.dialect()), &values)?;
        return Ok(());
    }
    let organization = endpoint.organization.as_str();
    let to = place(message.to.unwrap_or(endpoint.cursor));
    if tx.execute(
        DISABLED.of(tx.dialect()),
        &[id.into(), to, stored_date(now).into(), error.into()],
    )? == 0
    {
        // It was removed meanwhile, with its letters.
        return Ok(());
    }
    let letter = [
        message.id.as_str().into(),
        organization.into(),
        id.into(),
        message.body.as_str().into(),
        error.into(),
        stored_date(now).into(),
    ];
    tx.execute(KEEP.of(tx.dialect()), &letter)?;
    Ok(())
}
