//! Commits to rows that live in an organisation's own database: what goes out is checked and written down here first, what comes back is put
//! into the log once, whether by its answer or by the outbox.
//!
//! A commit is `sent` before its source is called. Its answer makes it `appended`; where none came, the first of its events takes it over.
//! It is forgotten when the outbox has told of all of it. Until then older states of its rows may still come, and are passed by.

use super::Engine;
use super::commit::{Commit, commit, confirmed, keep, receipt};
use super::log;
use super::mirror::{Put, put};
use super::plan::OperationKind;
use crate::error::{ApiError, Result};
use crate::identity::{Identity, Operations, organization_group};
use crate::models::Model;
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::{CommitReceipt, Maybe, ParticipantKind, RawRow, SourceEvent, SourceVerb};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How long an answer may be on its way before the outbox has the word.
pub(crate) const ON_ITS_WAY: SignedDuration = SignedDuration::from_secs(15);
/// How long older states of a row are passed by that the outbox has not told the last of.
const AWAITED: SignedDuration = SignedDuration::from_mins(10);
/// How long an event is remembered that was taken.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long a commit is remembered that the outbox never told of.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

static OPEN: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_commits (organization_id, id, client_tx_id, body_hash, state, rows, writer, told, sent_at) \
     VALUES ({1}, {2}, {3}, {4}, 'sent', {5:json}, {6:json}, 0, {7:date}) ON CONFLICT (organization_id, id) DO UPDATE SET sent_at = {7:date}",
);
static ALL: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM ablo_source_commits WHERE organization_id = {1}",
);
static ON_THE_WAY: SqlTemplate = SqlTemplate::new(
    "SELECT id, state, {rows:json}, {writer:json}, told, {sent_at:date}, body_hash FROM ablo_source_commits \
     WHERE organization_id = {1} AND (id = {2} OR (state = 'sent' AND sent_at > {3:date}))",
);
static STATE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_source_commits SET state = {3}, told = {4} WHERE organization_id = {1} AND id = {2}",
);
static CLOSE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_source_commits WHERE organization_id = {1} AND id = {2}");
static STALE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_commits WHERE organization_id = {1} AND sent_at < {2:date}",
);
static TAKE: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_source_events (organization_id, id, taken_at) VALUES ({1}, {2}, {3:date}) \
     ON CONFLICT (organization_id, id) DO NOTHING",
);
static TAKEN: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_source_events WHERE organization_id = {1} AND taken_at < {2:date}",
);
static CURSOR: SqlTemplate = SqlTemplate::new(
    "SELECT cursor, {filled_at:date} FROM ablo_sources WHERE organization_id = {1}",
);
static MOVE: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_sources (organization_id, cursor, filled_at) VALUES ({1}, {2}, {3:date}) \
     ON CONFLICT (organization_id) DO UPDATE SET cursor = {2}, filled_at = coalesce({3:date}, ablo_sources.filled_at)",
);

/// A commit that is on its way, or was.
#[derive(Clone, Debug)]
struct Open {
    id: String,
    state: String,
    rows: BTreeSet<String>,
    writer: Writer,
    told: i64,
    sent_at: String,
    body_hash: String,
}

/// Who writes, as far as the log says it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Writer {
    participant: String,
    kind: String,
    on_behalf_of: Option<String>,
    capability: String,
    caused_by: Option<String>,
    operations: i64,
}

/// What is to be done with a commit.
#[derive(Clone, Debug)]
pub(crate) enum Begun {
    /// It was done before.
    Known(Box<CommitReceipt>),
    /// Another one that writes the same row is on its way.
    Busy,
    /// The source is to be called, but for the operations at these places, which are in the log already.
    Sent(BTreeSet<usize>),
}

/// A row among all of an organisation.
fn named(model: &Model, id: &str) -> String {
    format!("{}/{id}", model.key)
}

/// The commit as its source knows it: a client's id means something within its organisation alone.
pub(crate) fn sent_id(organization: &str, client_tx_id: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(organization.len() as u64).to_le_bytes()).update(organization.as_bytes());
    hasher.update(client_tx_id.as_bytes());
    format!("tx_{}", &hasher.finalize().to_hex()[..40])
}

/// Every commit that is not forgotten.
fn open(tx: &mut dyn Tx, organization: &str) -> Result<Vec<Open>> {
    let found = tx.query(ALL.of(tx.dialect()), &[organization.into()])?;
    read(found)
}

/// A commit, and those whose answers are on their way.
fn on_the_way(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Vec<Open>> {
    let late = ago(tx, ON_ITS_WAY);
    let found =
        tx.query(ON_THE_WAY.of(tx.dialect()), &[organization.into(), id.into(), late.into()])?;
    read(found)
}

fn read(found: Vec<Row>) -> Result<Vec<Open>> {
    let text =
        |row: &[Cell], at: usize| row.get(at).and_then(Cell::text).unwrap_or_default().to_owned();
    let read = |row: Vec<Cell>| {
        let fault = |error: serde_json::Error| {
            crate::error::StoreError::Fault(format!("a stored commit: {error}"))
        };
        Ok(Open {
            id: text(&row, 0),
            state: text(&row, 1),
            rows: serde_json::from_str(&text(&row, 2)).map_err(fault)?,
            writer: serde_json::from_str(&text(&row, 3)).map_err(fault)?,
            told: row.get(4).and_then(Cell::integer).unwrap_or_default(),
            sent_at: text(&row, 5),
            body_hash: text(&row, 6),
        })
    };
    found.into_iter().map(read).collect()
}

/// A point in time before now, as databases hold it.
fn ago(tx: &dyn Tx, span: SignedDuration) -> String {
    stored_date(tx.now().checked_sub(span).unwrap_or(jiff::Timestamp::MIN))
}

/// Checks a commit as if its rows were here, and writes down that it goes out.
pub(crate) fn begin(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    made: &Commit,
) -> Result<Begun> {
    if let Some(receipt) = receipt(tx, who, made)? {
        return Ok(Begun::Known(Box::new(receipt)));
    }
    let id = sent_id(&who.organization, &made.client_tx_id);
    let rows: BTreeSet<String> = made
        .changes
        .iter()
        .map(|change| named(engine.models.get(change.model), &change.id))
        .collect();
    for other in on_the_way(tx, &who.organization, &id)? {
        if other.id == id && other.body_hash != made.body_hash {
            let message = format!("`{}` was used for another commit", made.client_tx_id);
            return Err(ApiError::new("idempotency_conflict", message)
                .param("idempotencyKey")
                .into());
        }
        // Answers may overtake each other; the source decides an order for one row at a time.
        if other.id != id && !other.rows.is_disjoint(&rows) {
            return Ok(Begun::Busy);
        }
    }
    let mut known = BTreeSet::new();
    for (at, change) in made.changes.iter().enumerate() {
        if let Some(transaction) = &change.transaction
            && log::of_transaction(tx, &who.organization, transaction)?.is_some()
        {
            known.insert(at);
        }
    }
    if known.len() == made.changes.len() {
        return Ok(Begun::Known(Box::new(commit(engine, tx, who, made)?)));
    }
    // Whatever would be refused here is: scope, claims, stale reads, rules of the schema.
    tx.execute("SAVEPOINT ablo_try", &[])?;
    commit(engine, tx, who, made)?;
    tx.execute("ROLLBACK TO SAVEPOINT ablo_try", &[])?;
    tx.execute("RELEASE SAVEPOINT ablo_try", &[])?;
    if let Some(claim) = &made.claim {
        super::claims::renew(tx, who, claim)?;
    }
    let writer = Writer {
        participant: who.participant.clone(),
        kind: who.kind.as_str().to_owned(),
        on_behalf_of: who.on_behalf_of.clone(),
        capability: who.capability.clone(),
        caused_by: made.caused_by.clone(),
        operations: (made.changes.len() - known.len()).try_into().unwrap_or(i64::MAX),
    };
    let values = [
        who.organization.as_str().into(),
        id.into(),
        made.client_tx_id.as_str().into(),
        made.body_hash.as_str().into(),
        serde_json::to_string(&rows).unwrap_or_default().into(),
        serde_json::to_string(&writer).unwrap_or_default().into(),
        stored_date(tx.now()).into(),
    ];
    tx.execute(OPEN.of(tx.dialect()), &values)?;
    Ok(Begun::Sent(known))
}

/// The source has refused: nothing happened.
pub(crate) fn refused(tx: &mut dyn Tx, organization: &str, client_tx_id: &str) -> Result<()> {
    let id = sent_id(organization, client_tx_id);
    tx.execute(CLOSE.of(tx.dialect()), &[organization.into(), id.into()])?;
    Ok(())
}

/// The source has done it: its rows go into the log, unless the outbox was faster.
pub(crate) fn finish(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    made: &Commit,
    rows: &[RawRow],
    events: bool,
) -> Result<CommitReceipt> {
    if let Some(receipt) = receipt(tx, who, made)? {
        return Ok(receipt);
    }
    let id = sent_id(&who.organization, &made.client_tx_id);
    let known = on_the_way(tx, &who.organization, &id)?.into_iter().find(|open| open.id == id);
    let taken_over = known.as_ref().is_none_or(|open| open.state != "sent");
    let mut last = log::head(tx, &who.organization)?;
    if !taken_over {
        let mut answered: Vec<(String, &RawRow)> =
            rows.iter().map(|row| (id_of(row), row)).collect();
        for change in &made.changes {
            let model = engine.models.get(change.model);
            if let Some(transaction) = &change.transaction
                && log::of_transaction(tx, &who.organization, transaction)?.is_some()
            {
                continue;
            }
            let found = answered.iter().position(|(id, _)| *id == change.id);
            let row = found.map(|at| answered.remove(at).1);
            let gone = change.act == OperationKind::Delete;
            if row.is_none() && !gone {
                tracing::error!(
                    model = model.key,
                    id = change.id,
                    "a source has not answered with the row that was written"
                );
                continue;
            }
            let put_in = Put {
                id: &change.id,
                act: change.act,
                row: row.filter(|_| !gone),
                transaction: change.transaction.as_deref(),
                caused_by: made.caused_by.as_deref(),
            };
            last = last.max(put(engine, tx, who, model, put_in)?);
        }
    }
    let receipt = confirmed(made, last);
    keep(tx, who, made, &receipt)?;
    let values = [who.organization.as_str().into(), id.into()];
    match known {
        Some(open) if !taken_over && events => {
            let [organization, id] = values;
            tx.execute(
                STATE.of(tx.dialect()),
                &[organization, id, "appended".into(), open.told.into()],
            )?;
        }
        Some(_) if !taken_over => {
            tx.execute(CLOSE.of(tx.dialect()), &values)?;
        }
        _ => {}
    }
    Ok(receipt)
}

fn id_of(row: &RawRow) -> String {
    #[derive(Deserialize)]
    struct Id {
        id: String,
    }
    row.decode().map_or_else(|_| String::new(), |row: Id| row.id)
}

/// Where the outbox was read to, and whether what was there before it is here.
pub(crate) fn position(tx: &mut dyn Tx, organization: &str) -> Result<(Option<String>, bool)> {
    let found = tx.query(CURSOR.of(tx.dialect()), &[organization.into()])?;
    let row = found.into_iter().next().unwrap_or_default();
    let text = |at: usize| row.get(at).and_then(Cell::text).map(str::to_owned);
    Ok((text(0), text(1).is_some()))
}

/// Where the outbox was read to.
pub(crate) fn moved(
    tx: &mut dyn Tx,
    organization: &str,
    cursor: Option<&str>,
    filled: bool,
) -> Result<()> {
    let at = filled.then(|| stored_date(tx.now()));
    tx.execute(MOVE.of(tx.dialect()), &[organization.into(), cursor.into(), at.into()])?;
    Ok(())
}

/// For whom a source writes where nobody says it.
pub(crate) fn system(organization: &str) -> Identity {
    Identity {
        organization: organization.to_owned(),
        participant: "source".to_owned(),
        kind: ParticipantKind::System,
        on_behalf_of: None,
        capability: "source".to_owned(),
        operations: Operations::All,
        groups: BTreeSet::from([organization_group(organization)]),
        user_meta: "{}".to_owned(),
        expires_at: None,
    }
}

/// What became of a page of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchOutcome {
    /// How many of them are done with.
    pub(crate) events: usize,
    /// Whether something is different now.
    pub(crate) changed: bool,
}

/// Takes events in their order, as far as they can be taken now: before one whose answer is on its way it stops.
pub(crate) fn tell(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    events: &[SourceEvent],
) -> Result<BatchOutcome> {
    let mut told = BatchOutcome { events: 0, changed: false };
    let mut commits = open(tx, organization)?;
    let (late, awaited) = (ago(tx, ON_ITS_WAY), ago(tx, AWAITED));
    let now = stored_date(tx.now());
    for event in events {
        let Some(model) = engine.models.find(&event.model) else {
            told.events += 1;
            continue;
        };
        let own = event
            .client_tx_id
            .as_ref()
            .and_then(|id| commits.iter().position(|open| open.id == *id));
        if own.is_some_and(|at| commits[at].state == "sent" && commits[at].sent_at > late) {
            break;
        }
        told.events += 1;
        let taken = [organization.into(), event.id.as_str().into(), now.as_str().into()];
        if tx.execute(TAKE.of(tx.dialect()), &taken)? == 0 {
            continue;
        }
        if event.organization_id.as_deref().is_some_and(|of| of != organization) {
            tracing::warn!(event = event.id, "an event of another organisation was passed by");
            continue;
        }
        let row = named(model, &event.entity_id);
        let newer = |(at, open): (usize, &Open)| {
            Some(at) != own
                && open.state == "appended"
                && open.sent_at > awaited
                && open.rows.contains(&row)
        };
        // What a later commit made of the row is here already; its own event has the last word.
        let is_inner =
            |open: &Open| open.state == "appended" && open.told + 1 < open.writer.operations;
        let is_old =
            commits.iter().enumerate().any(newer) || own.is_some_and(|at| is_inner(&commits[at]));
        let transaction = format!("source:{}", event.id);
        let who = match own {
            Some(at) => writer(organization, &commits[at].writer),
            None => system(organization),
        };
        let done = log::of_transaction(tx, organization, &transaction)?.is_some();
        if !is_old && !done {
            told.changed |= take(engine, tx, &who, model, event, &transaction)? > 0;
        }
        if let Some(at) = own {
            let commit = &mut commits[at];
            commit.told += 1;
            let values = [organization.into(), commit.id.as_str().into()];
            if commit.told >= commit.writer.operations {
                tx.execute(CLOSE.of(tx.dialect()), &values)?;
                commits.remove(at);
            } else {
                let state =
                    if commit.state == "sent" { "taken over" } else { commit.state.as_str() }
                        .to_owned();
                commit.state.clone_from(&state);
                let [organization, id] = values;
                tx.execute(
                    STATE.of(tx.dialect()),
                    &[organization, id, state.into(), commit.told.into()],
                )?;
            }
        }
    }
    for (old, span) in [(&STALE, FORGOTTEN), (&TAKEN, REMEMBERED)] {
        let long_ago = ago(tx, span);
        tx.execute(old.of(tx.dialect()), &[organization.into(), long_ago.into()])?;
    }
    if told.changed {
        tx.tell(Notification::Log { organization: organization.to_owned() })?;
    }
    Ok(told)
}

fn writer(organization: &str, writer: &Writer) -> Identity {
    Identity {
        participant: writer.participant.clone(),
        kind: ParticipantKind::from(writer.kind.clone()),
        on_behalf_of: writer.on_behalf_of.clone(),
        capability: writer.capability.clone(),
        ..system(organization)
    }
}

/// Makes one event so; a row that does not fit the schema is told of in the log of this program, and stays as it was.
fn take(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    event: &SourceEvent,
    transaction: &str,
) -> Result<u64> {
    let act = match &event.r#type {
        SourceVerb::Create => OperationKind::Create,
        SourceVerb::Delete => OperationKind::Delete,
        SourceVerb::Archive => OperationKind::Archive(true),
        SourceVerb::Unarchive => OperationKind::Archive(false),
        _ => OperationKind::Update,
    };
    let row = match &event.data {
        Maybe::Value(row) if act != OperationKind::Delete => Some(row),
        _ if act == OperationKind::Delete => None,
        _ => return Ok(0),
    };
    let change =
        Put { id: &event.entity_id, act, row, transaction: Some(transaction), caused_by: None };
    match put(engine, tx, who, model, change) {
        Err(crate::error::EngineError::Refused(refusal)) => {
            tracing::error!(event = event.id, %refusal, "a row of a source does not fit the schema");
            Ok(0)
        }
        done => done,
    }
}

/// Puts rows that were there before: those of a list.
pub(crate) fn fill(
    engine: &Engine,
    tx: &mut dyn Tx,
    organization: &str,
    key: &str,
    rows: &[RawRow],
) -> Result<()> {
    let (who, model) = (system(organization), super::plan::find(&engine.models, key)?);
    let commits = open(tx, organization)?;
    for row in rows {
        let id = id_of(row);
        if commits.iter().any(|open| open.rows.contains(&named(model, &id))) {
            continue;
        }
        let there = Put {
            id: &id,
            act: OperationKind::Update,
            row: Some(row),
            transaction: None,
            caused_by: None,
        };
        if let Err(crate::error::EngineError::Refused(refusal)) =
            put(engine, tx, &who, model, there)
        {
            tracing::error!(model = key, id, %refusal, "a row of a source does not fit the schema");
        }
    }
    Ok(tx.tell(Notification::Log { organization: organization.to_owned() })?)
}
