//! Claims: one participant holds a row for a while, others wait in the order in which they came (docs/protocol/claims.md).
//!
//! The table is the only state there is: every process on a database sees the same holder and the same line. A claim whose time is
//! over ends when anyone looks at its row, and whoever waits first holds it from then on.

mod claim;

pub use claim::{Claim, ClaimDetail, ClaimOutcome, ClaimQueue, ClaimRequest};

use super::Engine;
use super::groups::{Visibility, sight};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::Identity;
use crate::models::Model;
use crate::store::{Notification, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use claim::claim;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How long a claim is held without a sign of life, in milliseconds, where nobody says (docs/protocol/differences.md B1).
pub const TTL: u64 = 60_000;
/// The longest, in milliseconds: what is longer is cut.
pub const MAX_TTL: u64 = 600_000;
/// How long one who waits, or has just been given the row, may be silent, in milliseconds.
pub const GRACE: u64 = 10_000;

macro_rules! select {
    ($rest:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, participant_id, participant_kind, model, row_id, action, description, path, {range:json}, field, \
             {meta:json}, status, {declared_at:date}, {expires_at:date} FROM ablo_claims WHERE organization_id = {1} AND ",
            $rest
        ))
    };
}

static OF_ROW: SqlTemplate = select!("model = {2} AND row_id = {3} ORDER BY arrival");
static HOLDER: SqlTemplate =
    select!("model = {2} AND row_id = {3} AND status = 'active' AND expires_at > {4:date}");
static BY_ID: SqlTemplate = select!("participant_id = {2} AND id = {3}");
static LIVE: SqlTemplate =
    select!("status IN ('active', 'queued') AND expires_at > {2:date} ORDER BY arrival");
static DUE: SqlTemplate =
    select!("status IN ('active', 'queued') AND expires_at <= {2:date} ORDER BY arrival LIMIT 256");
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_claims (organization_id, id, participant_id, participant_kind, model, row_id, action, description, \
     path, range, field, meta, status, declared_at, expires_at, ttl_ms) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, \
     {10:json}, {11}, {12:json}, {13}, {14:date}, {15:date}, {16})",
);
static STATUS: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET status = {4}, expires_at = {5:date} WHERE organization_id = {1} AND participant_id = {2} \
     AND id = {3}",
);
static EXTEND: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET expires_at = {4:date} WHERE organization_id = {1} AND participant_id = {2} AND id = {3} \
     AND status IN ('active', 'queued')",
);
static TTL_OF: SqlTemplate = SqlTemplate::new(
    "SELECT ttl_ms FROM ablo_claims WHERE organization_id = {1} AND participant_id = {2} AND id = {3}",
);
static REMOVE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND participant_id = {2} AND id = {3}",
);
static SWEEP: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND status NOT IN ('active', 'queued') AND expires_at < {2:date}",
);
static ARRIVE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = {4} WHERE organization_id = {1} AND participant_id = {2} AND id = {3}",
);
static STEP_OUT: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = -arrival WHERE organization_id = {1} AND model = {2} AND row_id = {3} \
     AND status = 'queued'",
);
static ARRIVALS: SqlTemplate = SqlTemplate::new(
    "SELECT arrival FROM ablo_claims WHERE organization_id = {1} AND model = {2} AND row_id = {3} AND status = 'queued' \
     ORDER BY arrival",
);
static WROTE: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) FROM sync_deltas WHERE organization_id = {1} AND model_name = {2} AND model_id = {3} AND actor_id = {4} \
     AND actor_kind = {5} AND created_at >= {6:date} AND action_type NOT IN ('C', 'G', 'S')",
);

/// Refuses a write to a row that another participant holds.
///
/// # Errors
/// `entity_claimed`, with who holds it and until when.
pub fn check(tx: &mut dyn Tx, who: &Identity, model: &Model, row: &str) -> Result<()> {
    let now = stored_date(tx.now());
    let values =
        [who.organization.as_str().into(), model.key.as_str().into(), row.into(), now.into()];
    let holder = tx.query(HOLDER.of(tx.dialect()), &values)?.into_iter().next().map(claim);
    match holder {
        Some(holder) if !holder.is_of(who) => Err(held("entity_claimed", &holder).into()),
        _ => Ok(()),
    }
}

fn missing(model: &Model, row: &str) -> ApiError {
    ApiError::new("entity_not_found", format!("there is no {}/{row}", model.key))
}

/// The refusal that names a holder.
#[must_use]
pub fn held(code: &'static str, holder: &Claim) -> ApiError {
    let message = format!(
        "{}/{} is held by {} ({})",
        holder.model,
        holder.row,
        holder.claimant(),
        holder.action
    );
    let expires = crate::value::shown_date(&holder.expires_at);
    ApiError::new(code, message)
        .detail("heldBy", holder.claimant())
        .detail("heldByIntentId", holder.id.as_str())
        .detail("heldByExpiresAt", expires)
}

/// Asks for a row. It need not be there yet; but a row that the participant does not see is none of its business (docs/protocol/differences.md B12).
///
/// # Errors
/// `entity_not_found`, or what the database said.
pub fn begin(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    ask: &ClaimRequest,
) -> Result<ClaimOutcome> {
    if sight(engine, tx, who, model, &ask.row)? == Visibility::Hidden {
        return Err(missing(model, &ask.row).into());
    }
    settle(tx, &who.organization, model, &ask.row)?;
    let line = line(tx, &who.organization, &model.key, &ask.row)?;
    let (id, participant) = (ask.id.as_str(), who.participant.as_str());
    let key = [who.organization.as_str().into(), participant.into(), id.into()];
    let known = tx.query(BY_ID.of(tx.dialect()), &key)?;
    if let Some(known) = known.into_iter().next().map(claim) {
        let mine = known.model == model.key && known.row == ask.row;
        match known.status.as_str() {
            "active" | "queued" if mine => {
                extend(
                    tx,
                    who,
                    id,
                    if known.status == "active" { ask.ttl } else { ask.ttl.min(GRACE) },
                )?;
                let at =
                    line.queue.iter().position(|waiting| waiting.id == id && waiting.is_of(who));
                let until = tx.query(BY_ID.of(tx.dialect()), &key)?.into_iter().next().map(claim);
                let renewed = until.unwrap_or(known);
                return Ok(match at {
                    Some(at) => ClaimOutcome::Queued(renewed, at as u64),
                    None => ClaimOutcome::Held(renewed),
                });
            }
            // An id that was used for something else, or is over, starts anew.
            _ => {
                tx.execute(REMOVE.of(tx.dialect()), &key)?;
                if !mine {
                    promote(tx, &who.organization, &known.model, &known.row)?;
                    tell(tx, &who.organization, &known.model, &known.row)?;
                }
            }
        }
    }
    match &line.holder {
        Some(holder) if !holder.is_of(who) => {
            if !ask.queue {
                return Ok(ClaimOutcome::Refused(holder.clone()));
            }
            let claim = insert(tx, who, model, ask, "queued", ask.ttl.min(GRACE))?;
            tell(tx, &who.organization, &model.key, &ask.row)?;
            Ok(ClaimOutcome::Queued(claim, line.queue.len() as u64))
        }
        own => {
            // The same participant takes its own row again: the new claim replaces the old one (docs/protocol/differences.md B6).
            if let Some(own) = own {
                end(tx, &who.organization, own, "canceled")?;
            }
            let claim = insert(tx, who, model, ask, "active", ask.ttl)?;
            tell(tx, &who.organization, &model.key, &ask.row)?;
            Ok(ClaimOutcome::Held(claim))
        }
    }
}

fn insert(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    ask: &ClaimRequest,
    status: &'static str,
    lasts: u64,
) -> Result<Claim, StoreError> {
    let now = tx.now();
    let claim = Claim {
        id: ask.id.clone(),
        participant: who.participant.clone(),
        kind: who.kind.as_str().to_owned(),
        model: model.key.clone(),
        row: ask.row.clone(),
        action: ask.action.clone(),
        description: ask.description.clone(),
        place: ask.place.clone(),
        status: status.to_owned(),
        declared_at: stored_date(now),
        expires_at: stored_date(later(now, lasts)),
    };
    let text = |text: &Option<String>| Cell::from(text.as_deref());
    let values = [
        who.organization.as_str().into(),
        claim.id.as_str().into(),
        claim.participant.as_str().into(),
        claim.kind.as_str().into(),
        claim.model.as_str().into(),
        claim.row.as_str().into(),
        claim.action.as_str().into(),
        text(&claim.description),
        text(&claim.place.path),
        text(&claim.place.range),
        text(&claim.place.field),
        text(&claim.place.meta),
        status.into(),
        claim.declared_at.as_str().into(),
        claim.expires_at.as_str().into(),
        super::log::place(ask.ttl),
    ];
    tx.execute(INSERT.of(tx.dialect()), &values)?;
    Ok(claim)
}

/// Gives a claim up, or leaves the line; false where there is none.
///
/// # Errors
/// What the database said.
pub fn abandon(
    tx: &mut dyn Tx,
    who: &Identity,
    models: &crate::models::Models,
    id: &str,
) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(BY_ID.of(tx.dialect()), &values)?.into_iter().next().map(claim);
    let Some(claim) = found.filter(|claim| claim.is_live() && claim.is_of(who)) else {
        return Ok(false);
    };
    let wrote = match models.find(&claim.model) {
        Some(model) if claim.status == "active" => wrote(tx, who, model, &claim)?,
        _ => false,
    };
    end(tx, &who.organization, &claim, if wrote { "committed" } else { "canceled" })?;
    promote(tx, &who.organization, &claim.model, &claim.row)?;
    tell(tx, &who.organization, &claim.model, &claim.row)?;
    Ok(true)
}

/// Whether the holder wrote its row while it held it.
fn wrote(
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    claim: &Claim,
) -> Result<bool, StoreError> {
    let values = [
        who.organization.as_str().into(),
        model.type_name.as_str().into(),
        claim.row.as_str().into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        claim.declared_at.as_str().into(),
    ];
    let found = tx.query(WROTE.of(tx.dialect()), &values)?;
    Ok(super::log::number(found.first().and_then(|row| row.first()))? > 0)
}

/// Gives up what a participant holds or waits for on a row.
///
/// # Errors
/// What the database said.
pub fn release(
    tx: &mut dyn Tx,
    who: &Identity,
    models: &crate::models::Models,
    model: &Model,
    row: &str,
) -> Result<bool, StoreError> {
    let line = line(tx, &who.organization, &model.key, row)?;
    let own: Vec<Claim> =
        line.holder.into_iter().chain(line.queue).filter(|claim| claim.is_of(who)).collect();
    for claim in &own {
        abandon(tx, who, models, &claim.id)?;
    }
    Ok(!own.is_empty())
}

/// Puts those who wait into another order: the listed first, the others behind them as they were (docs/protocol/claims.md §4).
///
/// # Errors
/// `entity_not_found` where the participant does not see the row, or what the database said.
pub fn reorder(
    engine: &Engine,
    tx: &mut dyn Tx,
    who: &Identity,
    model: &Model,
    row: &str,
    order: &[(String, String)],
) -> Result<()> {
    if sight(engine, tx, who, model, row)? == Visibility::Hidden {
        return Err(missing(model, row).into());
    }
    let organization = who.organization.as_str();
    let queue = line(tx, organization, &model.key, row)?.queue;
    let rank = |claim: &Claim| {
        let listed = order.iter().position(|(by, id)| {
            *id == claim.id && (*by == claim.claimant() || *by == claim.participant)
        });
        listed.unwrap_or(order.len())
    };
    let mut wanted: Vec<&Claim> = queue.iter().collect();
    wanted.sort_by_key(|claim| rank(claim));
    let values = [organization.into(), model.key.as_str().into(), row.into()];
    let arrivals = tx.query(ARRIVALS.of(tx.dialect()), &values)?;
    // No two have one place, not even on the way to another.
    tx.execute(STEP_OUT.of(tx.dialect()), &values)?;
    for (claim, arrival) in wanted.into_iter().zip(arrivals) {
        let Some(arrival) = arrival.into_iter().next() else { continue };
        let values = [
            organization.into(),
            claim.participant.as_str().into(),
            claim.id.as_str().into(),
            arrival,
        ];
        tx.execute(ARRIVE.of(tx.dialect()), &values)?;
    }
    Ok(tell(tx, organization, &model.key, row)?)
}

/// Whether a participant's claim holds or waits.
///
/// # Errors
/// What the database said.
pub fn lives(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(BY_ID.of(tx.dialect()), &values)?.into_iter().next().map(claim);
    Ok(found.is_some_and(|claim| claim.is_live() && claim.is_of(who)))
}

/// Pushes the end of a participant's claim forward, since it gave a sign of life.
///
/// # Errors
/// What the database said.
pub fn renew(tx: &mut dyn Tx, who: &Identity, id: &str) -> Result<bool, StoreError> {
    let values = [who.organization.as_str().into(), who.participant.as_str().into(), id.into()];
    let found = tx.query(TTL_OF.of(tx.dialect()), &values)?;
    let Some(ttl) = found.first() else { return Ok(false) };
    extend(tx, who, id, super::log::number(ttl.first())?)
}

fn extend(tx: &mut dyn Tx, who: &Identity, id: &str, by: u64) -> Result<bool, StoreError> {
    let until = stored_date(later(tx.now(), by));
    let values = [
        who.organization.as_str().into(),
        who.participant.as_str().into(),
        id.into(),
        until.into(),
    ];
    Ok(tx.execute(EXTEND.of(tx.dialect()), &values)? > 0)
}

/// Ends every claim of an organisation whose time is over, gives rows to who waits for them, and forgets what ended long ago.
///
/// # Errors
/// What the database said.
pub fn sweep(tx: &mut dyn Tx, organization: &str) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let due: Vec<Claim> = tx
        .query(DUE.of(tx.dialect()), &[organization.into(), now.into()])?
        .into_iter()
        .map(claim)
        .collect();
    let rows: std::collections::BTreeSet<(&str, &str)> =
        due.iter().map(|claim| (claim.model.as_str(), claim.row.as_str())).collect();
    for claim in &due {
        end(tx, organization, claim, "expired")?;
    }
    for (model, row) in rows {
        promote(tx, organization, model, row)?;
        tell(tx, organization, model, row)?;
    }
    let old = stored_date(earlier(tx.now(), GRACE));
    tx.execute(SWEEP.of(tx.dialect()), &[organization.into(), old.into()])?;
    Ok(())
}

/// Ends what is over on one row.
fn settle(tx: &mut dyn Tx, organization: &str, model: &Model, row: &str) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    let line = line(tx, organization, &model.key, row)?;
    let due: Vec<&Claim> =
        line.holder.iter().chain(&line.queue).filter(|claim| claim.expires_at <= now).collect();
    for claim in &due {
        end(tx, organization, claim, "expired")?;
    }
    if !due.is_empty() {
        promote(tx, organization, &model.key, row)?;
        tell(tx, organization, &model.key, row)?;
    }
    Ok(())
}

/// Gives a free row to whoever waits first.
fn promote(tx: &mut dyn Tx, organization: &str, model: &str, row: &str) -> Result<(), StoreError> {
    let line = line(tx, organization, model, row)?;
    let now = stored_date(tx.now());
    // Who was silent for too long is passed by, and swept away later.
    let next = line.queue.iter().find(|waiting| waiting.expires_at > now);
    let (None, Some(next)) = (&line.holder, next) else { return Ok(()) };
    // Whoever it is has to show up now; its first sign of life makes the lease as long as it asked for.
    let until = stored_date(later(tx.now(), GRACE));
    set(tx, organization, next, "active", until)
}

fn end(
    tx: &mut dyn Tx,
    organization: &str,
    claim: &Claim,
    how: &'static str,
) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    set(tx, organization, claim, how, now)
}

fn set(
    tx: &mut dyn Tx,
    organization: &str,
    claim: &Claim,
    status: &'static str,
    until: String,
) -> Result<(), StoreError> {
    let values = [
        organization.into(),
        claim.participant.as_str().into(),
        claim.id.as_str().into(),
        status.into(),
        until.into(),
    ];
    tx.execute(STATUS.of(tx.dialect()), &values)?;
    Ok(())
}

/// Who holds a row, who waits, and whose claim ended a short while ago.
///
/// # Errors
/// What the database said.
pub fn line(
    tx: &mut dyn Tx,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<ClaimQueue, StoreError> {
    let found =
        tx.query(OF_ROW.of(tx.dialect()), &[organization.into(), model.into(), row.into()])?;
    let mut line = ClaimQueue::default();
    for claim in found.into_iter().map(claim) {
        match claim.status.as_str() {
            "active" => line.holder = Some(claim),
            "queued" => line.queue.push(claim),
            _ => line.ended.push(claim),
        }
    }
    Ok(line)
}

/// The claims that hold or wait on rows that a participant sees, and its own, in the order of arrival.
///
/// # Errors
/// What the database said.
pub fn seen(engine: &Engine, tx: &mut dyn Tx, who: &Identity) -> Result<Vec<Claim>, StoreError> {
    let mut claims = live(tx, &who.organization)?;
    let mut sights = BTreeMap::new();
    for claim in claims.iter().filter(|claim| !who.sees_all() && !claim.is_of(who)) {
        let row = (claim.model.clone(), claim.row.clone());
        if let (false, Some(model)) = (sights.contains_key(&row), engine.models.find(&claim.model))
        {
            sights.insert(row, sight(engine, tx, who, model, &claim.row)?);
        }
    }
    claims.retain(|claim| {
        let row = (claim.model.clone(), claim.row.clone());
        who.sees_all() || claim.is_of(who) || sights.get(&row) == Some(&Visibility::Seen)
    });
    Ok(claims)
}

/// Every claim of an organisation that holds or waits, in the order of arrival.
///
/// # Errors
/// What the database said.
pub fn live(tx: &mut dyn Tx, organization: &str) -> Result<Vec<Claim>, StoreError> {
    let now = stored_date(tx.now());
    Ok(tx
        .query(LIVE.of(tx.dialect()), &[organization.into(), now.into()])?
        .into_iter()
        .map(claim)
        .collect())
}

fn tell(tx: &mut dyn Tx, organization: &str, model: &str, row: &str) -> Result<(), StoreError> {
    tx.tell(Notification::Claims {
        organization: organization.to_owned(),
        model: model.to_owned(),
        row: row.to_owned(),
    })
}

fn later(now: Timestamp, millis: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn earlier(now: Timestamp, millis: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    now.checked_sub(span).unwrap_or(Timestamp::MIN)
}
