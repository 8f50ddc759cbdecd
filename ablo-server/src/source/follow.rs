//! The outbox of a source, followed for as long as the coordinator runs: the rows that were there before, then every event in its order.

use super::client::{CallError, SourceClient};
use crate::app::App;
use crate::engine::data_source_log::{self, BatchOutcome};
use crate::error::{EngineError, Result, StoreError};
use ablo_wire::{
    EventsAnswer, ListAnswer, LoadAnswer, Maybe, SourceEvent, SourceEvents, SourceList, SourceLoad,
    SourceQuery, SourceRequest, SourceVerb,
};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Rows of a page.
const ROWS: u64 = 500;
/// Events of a page.
const EVENTS: u64 = 200;
/// How long to wait for an answer that is on its way.
const SOON: Duration = Duration::from_millis(50);
/// How long to wait for more commits of ours before the outbox is asked about them.
const ECHO: Duration = Duration::from_millis(100);
/// How long to wait where something failed, at first and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(30)];

/// Follows one outbox until the coordinator is gone.
pub(super) async fn follow(app: Weak<App>, origin: Arc<SourceClient>) {
    let [first, longest] = RETRY;
    let mut retry = first;
    loop {
        let Some(strong) = app.upgrade() else { return };
        let mut closing = strong.closing();
        let outcome = step(&strong, &origin).await;
        drop(strong);
        let wait = match outcome {
            Ok(wait) => {
                retry = first;
                wait
            }
            Err(error) => {
                tracing::warn!(
                    organization = origin.organization,
                    error,
                    "the outbox of a data source cannot be read"
                );
                retry = (retry * 2).min(longest);
                retry
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = origin.nudge.notified() => {}
            // One look for what many commits leave behind.
            () = async { origin.echo.notified().await; tokio::time::sleep(ECHO).await } => {}
            closed = closing.wait_for(|closed| *closed) => {
                drop(closed);
                return;
            }
        }
    }
}

fn message() -> String {
    format!("msg_{}", uuid::Uuid::new_v4().simple())
}

fn shown(trouble: CallError) -> String {
    match trouble {
        CallError::Refused(failure, status) => format!("{status} {}", failure.error.as_str()),
        CallError::Unknown(reason) | CallError::CircuitOpen(reason) => reason,
    }
}

/// Reads a page of the outbox and says when to look again.
async fn step(app: &Arc<App>, origin: &SourceClient) -> Result<Duration, String> {
    let stored = |failure: EngineError| failure.to_string();
    let organization = origin.organization.clone();
    let position = app
        .reading(&organization.clone(), move |_, tx| data_source_log::cursor(tx, &organization))
        .await;
    let (cursor, filled) = position.map_err(stored)?;
    if !filled {
        fill(app, origin).await?;
        return Ok(Duration::ZERO);
    }
    if !origin.has_events() {
        return Ok(origin.poll);
    }
    let page = match events(origin, cursor.clone()).await {
        Err(CallError::Refused(failure, 404))
            if failure.error == ablo_wire::SourceErrorCode::EventsNotConfigured =>
        {
            origin.without_events();
            return Ok(origin.poll);
        }
        page => page.map_err(shown)?,
    };
    origin.behind(page.events.last().and_then(|event| event.occurred_at).map(|at| at.0));
    if page.events.is_empty() {
        return Ok(origin.poll);
    }
    let all = page.events.len();
    let next = page.next_cursor.or_else(|| cursor.clone());
    let events = hydrated(origin, page.events).await?;
    let told =
        taken(app, &origin.organization, events, Some((cursor, next))).await.map_err(stored)?;
    Ok(if told.events == all { Duration::ZERO } else { SOON })
}

async fn events(origin: &SourceClient, cursor: Option<String>) -> Result<EventsAnswer, CallError> {
    let mut asked = SourceEvents::new();
    asked.cursor = Maybe::or_absent(cursor);
    asked.limit = Some(EVENTS);
    asked.scope = Some(origin.scope());
    origin.ask(&message(), &SourceRequest::Events(asked)).await
}

/// Events that say which row it was, and not what it is now.
pub(crate) async fn hydrated(
    origin: &SourceClient,
    mut events: Vec<SourceEvent>,
) -> Result<Vec<SourceEvent>, String> {
    for event in &mut events {
        if event.r#type == SourceVerb::Delete || event.data.value().is_some() {
            continue;
        }
        let mut asked = SourceLoad::new(event.model.clone(), event.entity_id.clone());
        asked.scope = Some(origin.scope());
        match origin.ask::<LoadAnswer>(&message(), &SourceRequest::Load(asked)).await {
            Ok(LoadAnswer { row: Some(row), .. }) => event.data = Maybe::Value(row),
            // It is gone since, and an event says so.
            Ok(_) | Err(CallError::Refused(..)) => {}
            Err(trouble) => return Err(shown(trouble)),
        }
    }
    Ok(events)
}

/// Takes events into the log, and remembers the place in the outbox with them. Where the place is another one meanwhile, another
/// process has taken them.
async fn taken(
    app: &App,
    organization: &str,
    events: Vec<SourceEvent>,
    place: Option<(Option<String>, Option<String>)>,
) -> Result<BatchOutcome> {
    let all = events.len();
    match together(app, organization, events.clone(), place.clone()).await {
        // A rule of the database that one of them offends stops none of the others.
        Err(EngineError::Store(StoreError::Constraint(violation))) => {
            tracing::warn!(organization, error = violation.message, "events are taken one by one");
        }
        told => return told,
    }
    let mut changed = false;
    for (at, event) in events.into_iter().enumerate() {
        let id = event.id.clone();
        match together(app, organization, vec![event], None).await {
            Ok(BatchOutcome { events: 0, .. }) => return Ok(BatchOutcome { events: at, changed }),
            Ok(told) => changed |= told.changed,
            Err(EngineError::Store(StoreError::Constraint(violation))) => {
                tracing::error!(
                    organization,
                    event = id,
                    error = violation.message,
                    "a row of a source does not fit the tables"
                );
            }
            Err(error) => return Err(error),
        }
    }
    together(app, organization, Vec::new(), place).await?;
    Ok(BatchOutcome { events: all, changed })
}

async fn together(
    app: &App,
    organization: &str,
    events: Vec<SourceEvent>,
    place: Option<(Option<String>, Option<String>)>,
) -> Result<BatchOutcome> {
    let of = organization.to_owned();
    app.writing(organization, move |engine, tx| {
        if let Some((from, _)) = &place
            && data_source_log::cursor(tx, &of)?.0 != *from
        {
            return Ok(BatchOutcome { events: events.len(), changed: false });
        }
        let told = data_source_log::apply_events(engine, tx, &of, &events)?;
        if let Some((_, next)) = place.as_ref().filter(|_| told.events == events.len()) {
            data_source_log::save_cursor(tx, &of, next.as_deref(), false)?;
        }
        Ok(told)
    })
    .await
}

/// Takes what was pushed: where there is an outbox, that is read now; where not, this is all there is.
pub(crate) async fn pushed(
    app: &App,
    origin: &SourceClient,
    events: Vec<SourceEvent>,
) -> Result<(), String> {
    if origin.has_events() {
        origin.nudge.notify_one();
        return Ok(());
    }
    let events = hydrated(origin, events).await?;
    let (all, mut rest) = (events.len(), events);
    for _ in 0..400 {
        let told = taken(app, &origin.organization, rest.clone(), None)
            .await
            .map_err(|failure| failure.to_string())?;
        rest.drain(..told.events.min(rest.len()));
        if rest.is_empty() {
            return Ok(());
        }
        tokio::time::sleep(SOON).await;
    }
    Err(format!("{} of {all} events wait for answers that do not come", rest.len()))
}

/// Reads the rows that were there before anything was told of them.
async fn fill(app: &Arc<App>, origin: &SourceClient) -> Result<(), String> {
    // What happens from here on is in the outbox; what happened before is in the rows.
    let mut cursor = None;
    loop {
        let page = match events(origin, cursor.clone()).await {
            Err(CallError::Refused(failure, 404))
                if failure.error == ablo_wire::SourceErrorCode::EventsNotConfigured =>
            {
                origin.without_events();
                break;
            }
            page => page.map_err(shown)?,
        };
        if page.events.is_empty() || page.next_cursor.is_none() || page.next_cursor == cursor {
            break;
        }
        cursor = page.next_cursor;
    }
    for key in app.engine.models.iter().map(|model| model.key.clone()).filter(|key| origin.has(key))
    {
        let mut from = None;
        loop {
            let mut asked = SourceList::new(key.clone());
            let mut query = SourceQuery::new();
            (query.limit, query.cursor) = (Some(ROWS), from);
            (asked.query, asked.scope) = (Some(query), Some(origin.scope()));
            let page: ListAnswer = match origin.ask(&message(), &SourceRequest::List(asked)).await {
                Err(CallError::Refused(failure, 404)) => {
                    tracing::warn!(
                        model = key,
                        code = failure.error.as_str(),
                        "a data source does not list a model"
                    );
                    break;
                }
                page => page.map_err(shown)?,
            };
            let (organization, model) = (origin.organization.clone(), key.clone());
            app.writing(&origin.organization, move |engine, tx| {
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
    let organization = origin.organization.clone();
    app.writing(&origin.organization, move |_, tx| {
        data_source_log::save_cursor(tx, &organization, cursor.as_deref(), true)
    })
    .await
    .map_err(|failure| failure.to_string())
}
