//! Webhook endpoints: subscriptions to the sync log, their progress, and dead letters
//! (docs/protocol/data-source.md §9).
//!
//! An endpoint has one message in flight: the oldest dead letter to redrive, else the next page of
//! the sync log. The bounds of the page are stored until it is done, so that every attempt has the
//! same id and body.

pub use crate::store::tables::webhooks::Endpoint;
pub(crate) use crate::store::tables::webhooks::due;

use super::exits::{Exit, Scope};
use super::log::{self, Delta};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::{Identity, Operations, everything};
use crate::models::Models;
use crate::store::tables::log_bounds;
use crate::store::tables::webhooks::{self as table, DeadLetter};
use crate::store::{Notification, Tx};
use crate::value::shown_date;
use ablo_wire::{
    DeadLetter as ShownLetter, RawJson, RawRow, SyncId, WebhookDelivery, WebhookEndpoint,
    WebhookEvent, WebhookStatus,
};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeSet;

/// Maximum number of endpoints per organisation.
const MAX_ENDPOINTS: usize = 16;
/// Maximum number of events per message (docs/protocol/differences.md F10).
const MAX_EVENTS: usize = 100;
/// How long one attempt may take before another process may retry.
const ATTEMPT_LEASE: SignedDuration = SignedDuration::from_secs(60);

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same for every attempt.
    pub id: String,
    /// The JSON text.
    pub body: String,
    /// The sync id of the last event; `None` for a dead letter.
    last_sync_id: Option<u64>,
}

impl Endpoint {
    /// Formats the endpoint for its owner; the secret only when it was created.
    pub(crate) fn shown(&self, secret: bool) -> WebhookEndpoint {
        let date = |text: &Option<String>| text.as_deref().map(shown_date);
        let status = if self.enabled { WebhookStatus::Enabled } else { WebhookStatus::Disabled };
        let mut shown = WebhookEndpoint::new(
            self.id.clone(),
            self.url.clone(),
            self.events.iter().cloned().collect::<Vec<_>>(),
            status,
            SyncId(self.cursor),
            self.attempts,
        );
        let last4 = self.secret.get(self.secret.len().saturating_sub(4)..);
        shown.last4 = last4.map(str::to_owned);
        shown.next_attempt_at = date(&self.next_attempt_at).filter(|_| self.attempts > 0);
        shown.last_success_at = date(&self.last_success_at);
        shown.last_error_at = date(&self.last_error_at);
        shown.last_error = self.last_error.clone();
        shown.created_at = date(&self.created_at);
        shown.secret = secret.then(|| self.secret.clone());
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

    /// Returns the event of a delta. An endpoint sees every row of its organisation without secret
    /// members.
    fn event(&self, models: &Models, delta: &Delta) -> Option<WebhookEvent> {
        let verb = match delta.action.as_str() {
            "I" => "created",
            "U" => "updated",
            "D" => "deleted",
            "A" => "archived",
            "V" => "unarchived",
            _ => return None,
        };
        let kind = format!("{}.{verb}", delta.model.to_lowercase());
        let who = Identity { operations: Operations::Read, ..everything(&self.organization) };
        let scope = Scope::new(Exit::Webhook, &who, models.find(&delta.model)?).ok()?;
        let row = delta
            .data
            .as_deref()
            .filter(|_| verb != "deleted")
            .and_then(|data| RawRow::parse(&scope.logged(data)).ok());
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

/// Returns the endpoints of an organisation.
pub(crate) fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Endpoint>> {
    Ok(table::of_organization(tx, organization)?)
}

/// Returns an endpoint of an organisation.
pub(crate) fn find(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Endpoint> {
    let found = all(tx, organization)?.into_iter().find(|endpoint| endpoint.id == id);
    found.ok_or_else(|| {
        ApiError::new("entity_not_found", format!("unknown webhook endpoint `{id}`")).into()
    })
}

/// Adds an endpoint that receives events from now on.
///
/// # Errors
///
/// Returns `invalid_request` if the organisation has too many, or an error if a statement fails.
pub fn add(
    tx: &mut Tx<'_>,
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
    let endpoint = Endpoint {
        id: id.to_owned(),
        organization: organization.to_owned(),
        url: url.to_owned(),
        secret: secret.to_owned(),
        events: events.clone(),
        enabled: true,
        cursor: log::head(tx, organization)?,
        sending_to: None,
        attempts: 0,
        next_attempt_at: None,
        last_success_at: None,
        last_error_at: None,
        last_error: None,
        created_at: None,
    };
    table::insert(tx, &endpoint)?;
    find(tx, organization, id)
}

/// Updates an endpoint; a re-enabled one continues at once.
pub(crate) fn change(tx: &mut Tx<'_>, endpoint: &Endpoint) -> Result<Endpoint> {
    table::update(tx, endpoint)?;
    // Wakes up the delivery.
    tx.notify(Notification::LogGrown { organization: endpoint.organization.clone() })?;
    find(tx, &endpoint.organization, &endpoint.id)
}

/// Removes an endpoint with its dead letters.
pub(crate) fn remove(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<()> {
    find(tx, organization, id)?;
    Ok(table::delete(tx, organization, id)?)
}

/// Returns the dead letters of an endpoint.
pub(crate) fn dead_letters(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Vec<ShownLetter>> {
    find(tx, organization, id)?;
    let shown = |letter: DeadLetter| {
        let body: Value = serde_json::from_str(&letter.body).unwrap_or_default();
        let data = RawJson::encode(&body["data"])
            .map_err(|error| StoreError::Fault(format!("a dead letter is not JSON: {error}")))?;
        let died_at = shown_date(&letter.died_at);
        let mut shown = ShownLetter::new(letter.id, died_at, letter.redrive, data);
        shown.error = letter.error;
        Ok(shown)
    };
    table::dead_letters(tx, organization, id)?.into_iter().map(shown).collect()
}

/// Marks all dead letters to be sent again and returns their number.
pub(crate) fn redrive(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<u64> {
    let mut endpoint = find(tx, organization, id)?;
    let many = table::redrive(tx, organization, id)?;
    endpoint.enabled = true;
    change(tx, &endpoint)?;
    Ok(many)
}

/// Returns the sync id from which the last of the enabled endpoints has to be sent the log.
pub(crate) fn oldest_cursor(tx: &mut Tx<'_>, organization: &str) -> Result<Option<u64>> {
    let endpoints = all(tx, organization)?;
    Ok(endpoints.iter().filter(|endpoint| endpoint.enabled).map(|own| own.cursor).min())
}

/// Leases the next message of an endpoint, or returns `None` if there is none or another process
/// has the lease.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn next_message(
    models: &Models,
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
) -> Result<Option<Message>> {
    let (organization, id) = (endpoint.organization.as_str(), endpoint.id.as_str());
    let dead_letter = table::next_redrive(tx, organization, id)?;
    if dead_letter.is_none()
        && endpoint.sending_to.is_none()
        && log::head(tx, organization)? <= endpoint.cursor
    {
        return Ok(None);
    }
    let until = tx.now().checked_add(ATTEMPT_LEASE).unwrap_or(tx.now());
    if !table::lease(tx, id, until)? {
        return Ok(None);
    }
    if let Some((id, body)) = dead_letter {
        return Ok(Some(Message { id, body, last_sync_id: None }));
    }
    let deleted_to = log_bounds::deleted_to(tx, organization)?;
    if endpoint.cursor < deleted_to {
        let error = format!(
            "log_position_expired: the changes from {} to {deleted_to} were deleted before they \
             were sent; read the rows, then enable the endpoint",
            endpoint.cursor + 1
        );
        table::disable(tx, id, deleted_to, &error)?;
        return Ok(None);
    }
    let mut page = log::since(tx, organization, endpoint.cursor, MAX_EVENTS)?;
    if let Some(to) = endpoint.sending_to {
        page.retain(|delta| delta.id <= to);
    }
    let Some((first, last)) =
        page.first().zip(page.last()).map(|(first, last)| (first.id, last.id))
    else {
        // The deltas in flight are no longer in the log.
        table::advance(tx, id, endpoint.sending_to.unwrap_or(endpoint.cursor))?;
        return Ok(None);
    };
    let events: Vec<WebhookEvent> =
        page.iter().filter_map(|delta| endpoint.event(models, delta)).collect();
    if events.is_empty() {
        table::advance(tx, id, last)?;
        return Ok(None);
    }
    table::set_sending(tx, id, last)?;
    let body = serde_json::to_string(&WebhookDelivery::new(events)).unwrap_or_default();
    Ok(Some(Message {
        id: format!("msg_{}_{first}_{last}", id.trim_start_matches("we_")),
        body,
        last_sync_id: Some(last),
    }))
}

/// Records that a message was delivered.
pub(crate) fn delivered(tx: &mut Tx<'_>, endpoint: &Endpoint, message: &Message) -> Result<()> {
    if message.last_sync_id.is_none() {
        table::delete_dead_letter(tx, endpoint, &message.id)?;
    }
    table::advance(tx, &endpoint.id, message.last_sync_id.unwrap_or(endpoint.cursor))?;
    Ok(table::set_success(tx, &endpoint.id)?)
}

/// Records a failed attempt: the message is retried later, or becomes a dead letter and its
/// endpoint is disabled.
pub(crate) fn failed(
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
    message: &Message,
    error: &str,
    retry_after: Option<SignedDuration>,
) -> Result<()> {
    if let Some(again) = retry_after {
        let next = tx.now().checked_add(again).unwrap_or(tx.now());
        return Ok(table::set_failure(tx, &endpoint.id, next, error)?);
    }
    let to = message.last_sync_id.unwrap_or(endpoint.cursor);
    // The endpoint may have been removed in the meantime.
    if table::disable(tx, &endpoint.id, to, error)? {
        table::insert_dead_letter(tx, endpoint, &message.id, &message.body, error)?;
    }
    Ok(())
}
