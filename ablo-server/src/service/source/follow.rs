//! Follows the outbox of a data source: loads the existing rows once, then applies events in order.

use super::client::{CallError, SourceClient};
use crate::engine::data_source_log::{self, BatchOutcome};
use crate::error::{EngineError, Result, StoreError};
use crate::service::Service;
use ablo_wire::{
    Backoff, EventsAnswer, ListAnswer, LoadAnswer, Maybe, SourceEvent, SourceEvents, SourceList,
    SourceLoad, SourceQuery, SourceRequest, SourceVerb,
};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The number of rows requested per page.
const LIST_PAGE_SIZE: u64 = 500;
/// The number of events requested per page.
const EVENTS_PAGE_SIZE: u64 = 200;
/// How long to wait for the answer of a commit in flight before its event is applied.
const PENDING_COMMIT_DELAY: Duration = Duration::from_millis(50);
/// The maximum number of such waits for pushed events: 20 seconds in total.
const MAX_PENDING_COMMIT_WAITS: u32 = 400;
/// The maximum number of pages that are read from the outbox for one push.
const MAX_PUSH_PAGES: u32 = 100;
/// The delay after a commit before the outbox is read, so that one read covers several commits.
const COMMIT_READ_DELAY: Duration = Duration::from_millis(100);
/// The delay before a retry: initially, and at most.
const RETRY: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// Follows one outbox until the coordinator closes.
pub(super) async fn follow(service: Weak<Service>, client: Arc<SourceClient>) {
    let mut retry = RETRY;
    loop {
        let Some(strong) = service.upgrade() else { return };
        let mut closing = strong.closing();
        let outcome = step(&strong, &client).await;
        drop(strong);
        let wait = match outcome {
            Ok(wait) => {
                retry.reset();
                wait
            }
            Err(error) => {
                tracing::warn!(
                    organization = client.organization,
                    error,
                    "failed to read the outbox of a data source"
                );
                retry.fail()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = client.events_pushed.notified() => {}
            () = async {
                client.commit_finished.notified().await;
                tokio::time::sleep(COMMIT_READ_DELAY).await;
            } => {}
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
    }
}

fn message_id() -> String {
    format!("msg_{}", uuid::Uuid::new_v4().simple())
}

fn describe(error: CallError) -> String {
    match error {
        CallError::Refused(failure, status) => format!("{status} {}", failure.error.as_str()),
        CallError::Unknown(reason) | CallError::CircuitOpen(reason) => reason,
    }
}

/// Reads and applies one page of the outbox and returns the delay until the next read.
async fn step(service: &Arc<Service>, client: &SourceClient) -> Result<Duration, String> {
    let stored = |failure: EngineError| failure.to_string();
    let organization = client.organization.clone();
    let position = service
        .reading(&organization.clone(), move |_, tx| data_source_log::cursor(tx, &organization))
        .await;
    let (cursor, filled) = position.map_err(stored)?;
    if !filled {
        fill_mirror(service, client).await?;
        return Ok(Duration::ZERO);
    }
    if !client.has_events() {
        return Ok(client.poll);
    }
    let page = match events(client, cursor.clone()).await {
        Err(CallError::Refused(failure, 404))
            if failure.error == ablo_wire::SourceErrorCode::EventsNotConfigured =>
        {
            client.disable_events();
            return Ok(client.poll);
        }
        page => page.map_err(describe)?,
    };
    client.record_lag(page.events.last().and_then(|event| event.occurred_at).map(|at| at.0));
    if page.events.is_empty() {
        return Ok(client.poll);
    }
    let all = page.events.len();
    let next = page.next_cursor.or_else(|| cursor.clone());
    let events = load_rows(client, page.events).await?;
    let batch = apply_events(service, &client.organization, events, Some((cursor, next)))
        .await
        .map_err(stored)?;
    for reason in &batch.refused {
        tracing::warn!(client.organization, reason, "an event of a data source was skipped");
    }
    Ok(if batch.events == all { Duration::ZERO } else { PENDING_COMMIT_DELAY })
}

async fn events(client: &SourceClient, cursor: Option<String>) -> Result<EventsAnswer, CallError> {
    let mut request = SourceEvents::new();
    request.cursor = Maybe::or_absent(cursor);
    request.limit = Some(EVENTS_PAGE_SIZE);
    request.scope = Some(client.scope());
    client.send(&message_id(), &SourceRequest::Events(request)).await
}

/// Loads the rows of events that do not contain them.
async fn load_rows(
    client: &SourceClient,
    mut events: Vec<SourceEvent>,
) -> Result<Vec<SourceEvent>, String> {
    for event in &mut events {
        if event.r#type == SourceVerb::Delete || event.data.value().is_some() {
            continue;
        }
        let mut request = SourceLoad::new(event.model.clone(), event.entity_id.clone());
        request.scope = Some(client.scope());
        match client.send::<LoadAnswer>(&message_id(), &SourceRequest::Load(request)).await {
            Ok(LoadAnswer { row: Some(row), .. }) => event.data = Maybe::Value(row),
            // Deleted in the meantime: a later event reports that.
            Ok(_) | Err(CallError::Refused(..)) => {}
            Err(error) => return Err(describe(error)),
        }
    }
    Ok(events)
}

/// Applies events to the log and stores the new cursor with them.
///
/// `cursors` are the expected and the new position in the outbox. If the stored position differs
/// from the expected one, another process has applied the events.
async fn apply_events(
    service: &Service,
    organization: &str,
    events: Vec<SourceEvent>,
    cursors: Option<(Option<String>, Option<String>)>,
) -> Result<BatchOutcome> {
    match apply_batch(service, organization, events.clone(), cursors.clone()).await {
        // An event that violates a constraint must not block the others.
        Err(EngineError::Store(StoreError::Constraint(violation))) => {
            tracing::warn!(
                organization,
                error = violation.message,
                "a batch of events failed; applying them singly"
            );
        }
        outcome => return outcome,
    }
    let mut batch = BatchOutcome::default();
    for event in events {
        let id = event.id.clone();
        match apply_batch(service, organization, vec![event], None).await {
            Ok(BatchOutcome { events: 0, .. }) => return Ok(batch),
            Ok(outcome) => {
                batch.changed |= outcome.changed;
                batch.refused.extend(outcome.refused);
            }
            Err(EngineError::Store(StoreError::Constraint(violation))) => {
                // The message of the database is for the log alone.
                tracing::warn!(
                    event = id,
                    error = violation.message,
                    "a row violates a constraint"
                );
                batch.refused.push(format!("event `{id}`: its row violates a constraint"));
            }
            Err(error) => return Err(error),
        }
        batch.events += 1;
    }
    apply_batch(service, organization, Vec::new(), cursors).await?;
    Ok(batch)
}

/// Applies events in one transaction.
async fn apply_batch(
    service: &Service,
    organization: &str,
    events: Vec<SourceEvent>,
    cursors: Option<(Option<String>, Option<String>)>,
) -> Result<BatchOutcome> {
    let owner = organization.to_owned();
    service
        .writing(organization, move |engine, tx| {
            if let Some((expected, _)) = &cursors
                && data_source_log::cursor(tx, &owner)?.0 != *expected
            {
                return Ok(BatchOutcome { events: events.len(), ..BatchOutcome::default() });
            }
            let outcome = data_source_log::apply_events(engine, tx, &owner, &events)?;
            if let Some((_, next)) = cursors.as_ref().filter(|_| outcome.events == events.len()) {
                data_source_log::save_cursor(tx, &owner, next.as_deref(), false)?;
            }
            Ok(outcome)
        })
        .await
}

/// The reason why pushed events were not applied.
pub(crate) enum PushError {
    /// Events that are not valid, with the reasons. The others were applied.
    Refused(String),
    /// The events may be valid; the sender has to repeat them.
    Failed(String),
}

/// Applies pushed events. If there is an outbox, they are applied in its order; only those that it
/// does not report are applied by themselves.
///
/// # Errors
/// Returns an error if an event is refused, if its row cannot be loaded, or if the store fails.
pub(crate) async fn apply_pushed(
    service: &Arc<Service>,
    client: &SourceClient,
    events: Vec<SourceEvent>,
) -> Result<(), PushError> {
    let failed = |failure: EngineError| PushError::Failed(failure.to_string());
    if client.has_events() {
        read_outbox(service, client).await.map_err(PushError::Failed)?;
        if are_recorded(service, &client.organization, &events).await.map_err(failed)? {
            return Ok(());
        }
    }
    let mut remaining = load_rows(client, events).await.map_err(PushError::Failed)?;
    let mut refused = Vec::new();
    for _ in 0..MAX_PENDING_COMMIT_WAITS {
        let outcome = apply_events(service, &client.organization, remaining.clone(), None)
            .await
            .map_err(failed)?;
        remaining.drain(..outcome.events.min(remaining.len()));
        refused.extend(outcome.refused);
        if remaining.is_empty() && refused.is_empty() {
            return Ok(());
        }
        if remaining.is_empty() {
            return Err(PushError::Refused(refused.join("; ")));
        }
        tokio::time::sleep(PENDING_COMMIT_DELAY).await;
    }
    Err(PushError::Failed(format!(
        "{} events could not be applied: commits of their rows are still in flight",
        remaining.len()
    )))
}

/// Reads the outbox to its end.
async fn read_outbox(service: &Arc<Service>, client: &SourceClient) -> Result<(), String> {
    let organization = client.organization.clone();
    let position = service
        .reading(&organization.clone(), move |_, tx| data_source_log::cursor(tx, &organization))
        .await;
    if !position.map_err(|failure| failure.to_string())?.1 {
        return Err("the rows of the data source are being loaded".to_owned());
    }
    for _ in 0..MAX_PUSH_PAGES {
        let wait = step(service, client).await?;
        if wait == client.poll {
            break;
        }
        tokio::time::sleep(wait).await;
    }
    Ok(())
}

async fn are_recorded(
    service: &Service,
    organization: &str,
    events: &[SourceEvent],
) -> Result<bool> {
    let (owner, events) = (organization.to_owned(), events.to_vec());
    service
        .reading(organization, move |_, tx| data_source_log::has_events(tx, &owner, &events))
        .await
}

/// Loads the existing rows of all models into the mirror.
async fn fill_mirror(service: &Arc<Service>, client: &SourceClient) -> Result<(), String> {
    // Advance the cursor to the end of the outbox before the rows are listed: the rows contain all
    // earlier changes, later ones have events.
    let mut cursor = None;
    loop {
        let page = match events(client, cursor.clone()).await {
            Err(CallError::Refused(failure, 404))
                if failure.error == ablo_wire::SourceErrorCode::EventsNotConfigured =>
            {
                client.disable_events();
                break;
            }
            page => page.map_err(describe)?,
        };
        if page.events.is_empty() || page.next_cursor.is_none() || page.next_cursor == cursor {
            break;
        }
        cursor = page.next_cursor;
    }
    let keys = service.engine.models.iter().map(|model| model.key.clone());
    for key in keys.filter(|key| client.owns(key)) {
        let mut from = None;
        loop {
            let mut request = SourceList::new(key.clone());
            let mut query = SourceQuery::new();
            (query.limit, query.cursor) = (Some(LIST_PAGE_SIZE), from);
            (request.query, request.scope) = (Some(query), Some(client.scope()));
            let page: ListAnswer = match client
                .send(&message_id(), &SourceRequest::List(request))
                .await
            {
                Err(CallError::Refused(failure, 404)) => {
                    tracing::warn!(
                        model = key,
                        code = failure.error.as_str(),
                        "the data source does not support listing a model; its rows are not loaded"
                    );
                    break;
                }
                page => page.map_err(describe)?,
            };
            let (organization, model) = (client.organization.clone(), key.clone());
            service
                .writing(&client.organization, move |engine, tx| {
                    data_source_log::backfill(engine, tx, &organization, &model, &page.rows)
                })
                .await
                .map_err(|failure| failure.to_string())?;
            from = page.next_cursor;
            if from.is_none() {
                break;
            }
        }
    }
    let organization = client.organization.clone();
    service
        .writing(&client.organization, move |_, tx| {
            data_source_log::save_cursor(tx, &organization, cursor.as_deref(), true)
        })
        .await
        .map_err(|failure| failure.to_string())
}
