//! Claims: who holds a row, who waits for it, and claims that ended a moment ago.

use crate::error::StoreError;
use crate::identity::{Holder, Identity, claimant};
use crate::store::{ListTemplate, Record, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use std::borrow::Cow;

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its id, chosen by the participant.
    pub id: String,
    /// The participant.
    pub participant: String,
    /// The participant's kind.
    pub kind: String,
    /// The key of the model.
    pub model: String,
    /// The row.
    pub row: String,
    /// The kind of work, in one word.
    pub action: String,
    /// The work, in one sentence.
    pub description: Option<String>,
    /// The part of the row that the work is about, for display.
    pub detail: ClaimDetail,
    /// `active`, `queued`, or how the claim ended.
    pub status: String,
    /// When the claim was requested, in the stored date format.
    pub declared_at: String,
    /// When the claim expires unless it is renewed, in the stored date format.
    pub expires_at: String,
    /// The length of the lease, in milliseconds.
    pub ttl: u64,
    /// Whether its participant could not see the row: it may create the row, and nothing else
    /// depends on the claim.
    pub unseen: bool,
    /// The program that requested it.
    pub holder: Holder,
    /// The connection on which it was last requested.
    pub connection: Option<String>,
    /// Whether another claim of its holder replaced it.
    pub replaced: bool,
}

/// The stored reason of a claim that another one of its holder replaced.
const REPLACED: &str = r#"{"code":"replaced"}"#;

/// The part of a row that a claim is about, for display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimDetail {
    /// A path inside the row.
    pub path: Option<String>,
    /// A range of lines inside the row, as JSON.
    pub range: Option<String>,
    /// A field of the row.
    pub field: Option<String>,
    /// Further facts, a JSON object.
    pub meta: Option<String>,
}

impl Claim {
    /// Returns whether the claim belongs to a participant.
    #[must_use]
    pub fn belongs_to(&self, who: &Identity) -> bool {
        who.is(&self.kind, &self.participant)
    }

    /// Returns whether the claim is one of the program that acts, without doubt.
    #[must_use]
    pub fn is_held_by(&self, who: &Identity) -> bool {
        self.holder != Holder::Unnamed && self.may_be_of(who)
    }

    /// Returns whether the claim can be one of the program that acts. Programs of a participant
    /// that do not name themselves over HTTP cannot be distinguished.
    #[must_use]
    pub fn may_be_of(&self, who: &Identity) -> bool {
        self.belongs_to(who) && self.holder == who.holder
    }

    /// Returns whether the program that acts may release the claim by its id
    /// (docs/protocol/differences.md B19).
    #[must_use]
    pub fn can_be_released_by(&self, who: &Identity) -> bool {
        self.belongs_to(who) && (who.holder.name().is_none() || self.holder == who.holder)
    }

    /// Returns whether the participant holds the row or waits for it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "active" | "queued")
    }

    /// Returns whether the claim is open and its lease lasts, at a time in the stored date format.
    /// A claim whose lease is over has ended, also if nothing has noticed it yet.
    #[must_use]
    pub fn is_live(&self, now: &str) -> bool {
        self.is_open() && self.expires_at.as_str() > now
    }

    /// Returns the name under which the claim queue of the row is stored: the model's key, or for
    /// an unseen claim one of the participant's own.
    #[must_use]
    pub fn queue_name(&self) -> Cow<'_, str> {
        match self.unseen {
            true => Cow::Owned(unseen_name(&self.kind, &self.participant, &self.model)),
            false => Cow::Borrowed(&self.model),
        }
    }

    /// Returns the participant's name on claims; agents have a prefix (docs/protocol/commits.md
    /// §11).
    #[must_use]
    pub fn claimant(&self) -> String {
        claimant(&self.kind, &self.participant)
    }
}

macro_rules! select {
    ($rest:literal) => {
        select!(SqlTemplate, $rest)
    };
    ($template:ident, $rest:literal) => {
        $template::new(concat!(
            "SELECT id, participant_id, participant_kind, model, row_id, action, description, \
             path, {range:json}, field, {meta:json}, status, {declared_at:date}, \
             {expires_at:date}, ttl_ms, holder, session_id, {error:json} FROM ablo_claims WHERE \
             organization_id = {1} AND ",
            $rest
        ))
    };
}

static OF_ROW: SqlTemplate = select!("model = {2} AND row_id = {3} ORDER BY arrival");

static HOLDERS: ListTemplate = select!(
    ListTemplate,
    "model = {2} AND row_id {3:in} AND status = 'active' AND expires_at > {4:date}"
);

static BY_ID: SqlTemplate = select!("participant_id = {2} AND id = {3}");

static COUNT_OWN: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) AS number FROM (SELECT 1 FROM ablo_claims WHERE organization_id = {1} AND \
     participant_id = {2} AND participant_kind = {3} AND status = {4} AND expires_at > {5:date} \
     LIMIT {6}) AS own",
);

static COUNT_WAITERS: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) AS number FROM (SELECT 1 FROM ablo_claims WHERE organization_id = {1} AND \
     model = {2} AND row_id = {3} AND status = 'queued' LIMIT {4}) AS waiting",
);

static OPEN: SqlTemplate =
    select!("status IN ('active', 'queued') AND expires_at > {2:date} ORDER BY arrival");

static DUE: SqlTemplate = select!(
    // Qualified, because the bare name is that of the formatted result.
    "status IN ('active', 'queued') AND expires_at <= {2:date} ORDER BY ablo_claims.expires_at \
     LIMIT {3}"
);

static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_claims (organization_id, id, participant_id, participant_kind, model, \
     row_id, action, description, path, range, field, meta, status, declared_at, expires_at, \
     ttl_ms, holder, session_id) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10:json}, \
     {11}, {12:json}, {13}, {14:date}, {15:date}, {16}, {17}, {18})",
);

static STATUS: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET status = {4}, expires_at = {5:date} WHERE organization_id = {1} AND \
     participant_id = {2} AND id = {3}",
);

static REPLACE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET error = {4:json} WHERE organization_id = {1} AND participant_id = {2} \
     AND id = {3}",
);

static MOVE: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET holder = {4}, session_id = {5} WHERE organization_id = {1} AND \
     participant_id = {2} AND id = {3}",
);

static EXTEND: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET expires_at = {4:date} WHERE organization_id = {1} AND participant_id = \
     {2} AND id = {3} AND status IN ('active', 'queued')",
);

static DELETE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND participant_id = {2} AND id = {3}",
);

static DELETE_ENDED: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND (participant_id, id) IN (SELECT \
     participant_id, id FROM ablo_claims WHERE organization_id = {1} AND status NOT IN ('active', \
     'queued') AND expires_at < {2:date} ORDER BY expires_at LIMIT {3})",
);

static SET_ARRIVAL: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = {4} WHERE organization_id = {1} AND participant_id = {2} AND \
     id = {3}",
);

static NEGATE_ARRIVALS: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = -arrival WHERE organization_id = {1} AND model = {2} AND \
     row_id = {3} AND status = 'queued'",
);

static ARRIVALS: SqlTemplate = SqlTemplate::new(
    "SELECT arrival FROM ablo_claims WHERE organization_id = {1} AND model = {2} AND row_id = {3} \
     AND status = 'queued' ORDER BY arrival",
);

/// Separates the model from the participant in the stored name of an unseen claim.
const UNSEEN: char = '\u{1f}';

/// Returns the name under which the claims of a participant on rows that it does not see are
/// stored, apart from those of others.
pub(crate) fn unseen_name(kind: &str, participant: &str, model: &str) -> String {
    format!("{model}{UNSEEN}{kind}:{participant}")
}

fn decode(mut record: Record) -> Result<Claim, StoreError> {
    let mut model = record.text("model")?;
    let unseen = model.find(UNSEEN);
    model.truncate(unseen.unwrap_or(model.len()));
    let connection = record.optional_text("session_id")?;
    let error: Option<serde_json::Value> = record.optional_json("error")?;
    Ok(Claim {
        id: record.text("id")?,
        participant: record.text("participant_id")?,
        kind: record.text("participant_kind")?,
        model,
        row: record.text("row_id")?,
        action: record.text("action")?,
        description: record.optional_text("description")?,
        detail: ClaimDetail {
            path: record.optional_text("path")?,
            range: record.optional_text("range")?,
            field: record.optional_text("field")?,
            meta: record.optional_text("meta")?,
        },
        status: record.text("status")?,
        declared_at: record.text("declared_at")?,
        expires_at: record.text("expires_at")?,
        ttl: record.number("ttl_ms")?,
        unseen: unseen.is_some(),
        holder: Holder::stored(record.optional_text("holder")?, connection.as_deref()),
        connection,
        replaced: error.is_some_and(|error| error["code"] == "replaced"),
    })
}

/// Counts the open claims of a participant in a status, up to a maximum.
pub(crate) fn count_own(
    tx: &mut Tx<'_>,
    who: &Identity,
    status: &str,
    maximum: u64,
) -> Result<u64, StoreError> {
    let values = [
        who.organization.as_str().into(),
        who.participant.as_str().into(),
        who.kind.as_str().into(),
        status.into(),
        stored_date(tx.now()).into(),
        maximum.into(),
    ];
    Ok(tx.first(&COUNT_OWN, &values, |mut record| record.number("number"))?.unwrap_or(0))
}

/// Counts the waiters of a row, up to a maximum.
pub(crate) fn count_waiters(
    tx: &mut Tx<'_>,
    organization: &str,
    (model, row): (&str, &str),
    maximum: u64,
) -> Result<u64, StoreError> {
    let values = [organization.into(), model.into(), row.into(), maximum.into()];
    Ok(tx.first(&COUNT_WAITERS, &values, |mut record| record.number("number"))?.unwrap_or(0))
}

/// Returns the claims on a row, ended ones too, in order of arrival.
pub(crate) fn of_row(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
) -> Result<Vec<Claim>, StoreError> {
    tx.all(&OF_ROW, &[organization.into(), model.into(), row.into()], decode)
}

/// Returns the claims that hold some of these rows at a time in the stored date format.
pub(crate) fn holders(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    rows: &[&str],
    now: &str,
) -> Result<Vec<Claim>, StoreError> {
    let (statement, rows) = HOLDERS.of(rows);
    tx.all(statement, &[organization.into(), model.into(), rows, now.into()], decode)
}

/// Returns a claim of a participant.
pub(crate) fn find(tx: &mut Tx<'_>, who: &Identity, id: &str) -> Result<Option<Claim>, StoreError> {
    Ok(with_id(tx, who, id)?.filter(|claim| claim.belongs_to(who)))
}

/// Returns the claim with an id of a participant, or of one of another kind with the same name.
pub(crate) fn with_id(
    tx: &mut Tx<'_>,
    who: &Identity,
    id: &str,
) -> Result<Option<Claim>, StoreError> {
    let key = key(&who.organization, &who.participant, id);
    tx.first(&BY_ID, &key, decode)
}

/// Returns the open claims of an organisation that have not expired, in order of arrival.
pub(crate) fn open(
    tx: &mut Tx<'_>,
    organization: &str,
    now: &str,
) -> Result<Vec<Claim>, StoreError> {
    tx.all(&OPEN, &[organization.into(), now.into()], decode)
}

/// Returns at most `limit` open claims of an organisation that have expired, the oldest first.
pub(crate) fn due(
    tx: &mut Tx<'_>,
    organization: &str,
    now: &str,
    limit: u64,
) -> Result<Vec<Claim>, StoreError> {
    tx.all(&DUE, &[organization.into(), now.into(), limit.into()], decode)
}

/// Inserts a claim at the end of the claim queue of its row.
pub(crate) fn insert(tx: &mut Tx<'_>, organization: &str, claim: &Claim) -> Result<(), StoreError> {
    let text = |text: &Option<String>| Cell::from(text.as_deref());
    let values = [
        organization.into(),
        claim.id.as_str().into(),
        claim.participant.as_str().into(),
        claim.kind.as_str().into(),
        claim.queue_name().as_ref().into(),
        claim.row.as_str().into(),
        claim.action.as_str().into(),
        text(&claim.description),
        text(&claim.detail.path),
        text(&claim.detail.range),
        text(&claim.detail.field),
        text(&claim.detail.meta),
        claim.status.as_str().into(),
        claim.declared_at.as_str().into(),
        claim.expires_at.as_str().into(),
        claim.ttl.into(),
        claim.holder.name().into(),
        claim.connection.as_deref().into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Notes that a claim ended because another one of its holder replaced it.
pub(crate) fn set_replaced(
    tx: &mut Tx<'_>,
    organization: &str,
    claim: &Claim,
) -> Result<(), StoreError> {
    let [organization, participant, id] = key(organization, &claim.participant, &claim.id);
    tx.run(&REPLACE, &[organization, participant, id, REPLACED.into()]).map(drop)
}

/// Moves a claim to the program that acts.
pub(crate) fn set_holder(
    tx: &mut Tx<'_>,
    who: &Identity,
    id: &str,
    connection: Option<&str>,
) -> Result<(), StoreError> {
    let [organization, participant, id] = key(&who.organization, &who.participant, id);
    let values = [organization, participant, id, who.holder.name().into(), connection.into()];
    tx.run(&MOVE, &values).map(drop)
}

/// Sets the status and the expiry of a claim.
pub(crate) fn set_status(
    tx: &mut Tx<'_>,
    organization: &str,
    claim: &Claim,
    status: &str,
    until: &str,
) -> Result<(), StoreError> {
    let [organization, participant, id] = key(organization, &claim.participant, &claim.id);
    tx.run(&STATUS, &[organization, participant, id, status.into(), until.into()]).map(drop)
}

/// Sets the expiry of a claim. Returns whether it was open.
pub(crate) fn extend(
    tx: &mut Tx<'_>,
    organization: &str,
    participant: &str,
    id: &str,
    until: &str,
) -> Result<bool, StoreError> {
    let [organization, participant, id] = key(organization, participant, id);
    Ok(tx.run(&EXTEND, &[organization, participant, id, until.into()])? > 0)
}

/// Deletes a claim.
pub(crate) fn delete(
    tx: &mut Tx<'_>,
    organization: &str,
    participant: &str,
    id: &str,
) -> Result<(), StoreError> {
    tx.run(&DELETE, &key(organization, participant, id)).map(drop)
}

/// Deletes at most `limit` claims that ended before a time, and returns how many.
pub(crate) fn delete_ended(
    tx: &mut Tx<'_>,
    organization: &str,
    before: &str,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE_ENDED, &[organization.into(), before.into(), limit.into()])
}

/// Gives the waiters of a row their arrival numbers in this order.
pub(crate) fn set_order(
    tx: &mut Tx<'_>,
    organization: &str,
    model: &str,
    row: &str,
    waiters: &[&Claim],
) -> Result<(), StoreError> {
    let values = [organization.into(), model.into(), row.into()];
    let arrivals = tx.all(&ARRIVALS, &values, |mut record| record.take("arrival"))?;
    // Negated first, because arrival numbers are unique at every moment.
    tx.run(&NEGATE_ARRIVALS, &values)?;
    for (claim, arrival) in waiters.iter().zip(arrivals) {
        let [organization, participant, id] = key(organization, &claim.participant, &claim.id);
        tx.run(&SET_ARRIVAL, &[organization, participant, id, arrival])?;
    }
    Ok(())
}

fn key(organization: &str, participant: &str, id: &str) -> [Cell; 3] {
    [organization.into(), participant.into(), id.into()]
}
