//! Sessions: one row per open connection, so that every process knows who is connected
//! (docs/protocol/websocket.md §7).

use super::log::json_array;
use crate::error::StoreError;
use crate::identity::{Holder, Identity};
use crate::store::{ListTemplate, Notification, Record, SqlTemplate, Tx};
use crate::value::stored_date;
use ablo_wire::{Millis, PresenceReport, PresenceStatus};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// How long a session remains without renewal by its process, in seconds.
pub const SESSION_TTL_SECONDS: i64 = 45;

/// The beginning of the ids of sessions without a connection: reports of presence over HTTP.
pub(crate) const HTTP_REPORT: &str = "http:";

/// An open connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// The participant.
    pub participant: String,
    /// The participant's kind.
    pub kind: String,
    /// The sync groups that it receives.
    pub groups: BTreeSet<String>,
    /// The last presence report.
    pub report: PresenceReport,
    /// The time of that report, in milliseconds since 1970.
    pub active_at: Millis,
    /// The program of the participant.
    pub holder: Holder,
    /// Whether the connection is closed.
    pub closed: bool,
    /// The groups of the row that the reported activity is about; empty if the row does not exist,
    /// `None` if the activity is not about a row.
    pub activity_groups: Option<BTreeSet<String>>,
}

static UPSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_sessions (organization_id, id, participant_id, participant_kind, \
     sync_groups, presence, active_at, expires_at, holder) VALUES ({1}, {2}, {3}, {4}, {5:texts}, \
     {6:json}, {7:date}, {8:date}, {9}) ON CONFLICT (organization_id, id) DO UPDATE SET \
     sync_groups = excluded.sync_groups, presence = excluded.presence, active_at = \
     excluded.active_at, expires_at = excluded.expires_at",
);
static RENEW: ListTemplate = ListTemplate::new(
    "UPDATE ablo_sessions SET expires_at = {2:date} WHERE organization_id = {1} AND id {3:in}",
);
static REMOVE: SqlTemplate =
    SqlTemplate::new("DELETE FROM ablo_sessions WHERE organization_id = {1} AND id = {2}");
static DELETE_EXPIRED: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_sessions WHERE organization_id = {1} AND id IN (SELECT id FROM ablo_sessions \
     WHERE organization_id = {1} AND expires_at <= {2:date} ORDER BY expires_at LIMIT {3}) \
     RETURNING id",
);

macro_rules! select {
    ($rest:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, participant_id, participant_kind, {sync_groups:texts}, {presence:json}, \
             {active_at:date}, holder FROM ablo_sessions WHERE organization_id = {1} AND \
             expires_at > {2:date}",
            $rest
        ))
    };
}

static COUNT_REPORTS: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) AS number FROM (SELECT 1 FROM ablo_sessions WHERE organization_id = {1} AND \
     expires_at > {2:date} AND participant_id = {3} AND participant_kind = {4} AND id LIKE {5} \
     LIMIT {6}) AS reports",
);
static FIND: SqlTemplate = select!(" AND id = {3}");
static ALL: SqlTemplate = select!(" ORDER BY id");

/// Stores that a connection is open, with its presence report.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn upsert(
    tx: &mut Tx<'_>,
    who: &Identity,
    id: &str,
    report: &PresenceReport,
) -> Result<(), StoreError> {
    let now = tx.now();
    let until = now.checked_add(SignedDuration::from_secs(SESSION_TTL_SECONDS)).unwrap_or(now);
    let values = [
        who.organization.as_str().into(),
        id.into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        json_array(&who.groups).into(),
        serde_json::to_string(report).unwrap_or_default().into(),
        stored_date(now).into(),
        stored_date(until).into(),
        who.holder.name().into(),
    ];
    tx.run(&UPSERT, &values)?;
    notify(tx, &who.organization, id)
}

/// Number of expired connections that a renewal deletes.
const MAX_EXPIRED: u64 = 256;

/// Renews open connections and deletes expired ones, so that peers learn of them soon.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn renew(tx: &mut Tx<'_>, organization: &str, ids: &[String]) -> Result<(), StoreError> {
    let now = tx.now();
    let until = now.checked_add(SignedDuration::from_secs(SESSION_TTL_SECONDS)).unwrap_or(now);
    let (statement, ids) = RENEW.of(ids);
    tx.run(statement, &[organization.into(), stored_date(until).into(), ids])?;
    delete_expired(tx, organization, MAX_EXPIRED).map(drop)
}

/// Deletes at most `limit` connections that their process no longer renews, and returns how many.
pub(crate) fn delete_expired(
    tx: &mut Tx<'_>,
    organization: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    let values = [organization.into(), stored_date(tx.now()).into(), limit.into()];
    let expired = tx.all(&DELETE_EXPIRED, &values, |mut record| record.text("id"))?;
    expired.iter().try_for_each(|id| notify(tx, organization, id))?;
    Ok(expired.len() as u64)
}

/// Deletes a closed connection.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn remove(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.run(&REMOVE, &[organization.into(), id.into()])?;
    notify(tx, organization, id)
}

/// Returns a connection if it is open.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn find(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Option<Session>, StoreError> {
    let values = [organization.into(), stored_date(tx.now()).into(), id.into()];
    tx.first(&FIND, &values, session)
}

/// Counts the programs of a participant that report presence without a connection, up to a maximum.
pub(crate) fn count_reports(
    tx: &mut Tx<'_>,
    who: &Identity,
    maximum: u64,
) -> Result<u64, StoreError> {
    let values = [
        who.organization.as_str().into(),
        stored_date(tx.now()).into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        format!("{HTTP_REPORT}%").into(),
        maximum.into(),
    ];
    Ok(tx.first(&COUNT_REPORTS, &values, |mut record| record.number("number"))?.unwrap_or(0))
}

/// Returns all open connections of an organisation.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Session>, StoreError> {
    let values = [organization.into(), stored_date(tx.now()).into()];
    tx.all(&ALL, &values, session)
}

fn notify(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<(), StoreError> {
    tx.notify(Notification::PresenceChanged {
        organization: organization.to_owned(),
        session: id.to_owned(),
    })
}

fn session(mut record: Record) -> Result<Session, StoreError> {
    let active_at: Option<jiff::Timestamp> =
        record.optional_text("active_at")?.and_then(|at| at.parse().ok());
    let millis = active_at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let id = record.text("id")?;
    let connection = Some(id.as_str()).filter(|id| !id.starts_with(HTTP_REPORT));
    Ok(Session {
        holder: Holder::stored(record.optional_text("holder")?, connection),
        id,
        participant: record.text("participant_id")?,
        kind: record.text("participant_kind")?,
        groups: record.json("sync_groups")?,
        // A report that this version cannot read must not hide the others.
        report: record
            .optional_json("presence")
            .unwrap_or_default()
            .unwrap_or_else(|| PresenceReport::new(PresenceStatus::Online)),
        active_at: Millis(millis.unwrap_or_default()),
        closed: false,
        activity_groups: None,
    })
}
