//! Credentials: API keys, and the tokens exchanged for them (docs/protocol/http.md §2, §4 and §6).
//!
//! A token is found by its hash; what is stored cannot be used to ask anything. What is exchanged never covers more than what it
//! was exchanged for, and ends with it.

use super::log::texts;
use crate::error::{ApiError, Result, StoreError};
use crate::identity::{Identity, Operations};
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::ParticipantKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The shortest life of a token, in seconds: with less, clients would do nothing but exchange (docs/protocol/differences.md A12).
pub const MIN_TTL: u64 = 120;
/// The longest life of a token, in seconds.
pub const MAX_TTL: u64 = 86_400;
/// The life of a token where nobody says, in seconds.
pub const DEFAULT_TTL: u64 = 900;

/// The reach of a credential that grows with what its participant is given.
const WHOLE: &str = "whole";

/// Which data a database holds: the prefix of its keys says so, and keys of the other kind are strangers to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// For development.
    #[default]
    Test,
    /// The real thing.
    Live,
}

impl Mode {
    /// The word in keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Test => "test",
            Mode::Live => "live",
        }
    }
}

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in an organisation; for servers only.
    Secret,
    /// An agent.
    Restricted,
    /// A user, for a while.
    Ephemeral,
    /// Reading, in browsers.
    Publishable,
}

impl Kind {
    const ALL: [(Kind, &'static str, &'static str); 4] = [
        (Kind::Secret, "secret", "sk"),
        (Kind::Restricted, "restricted", "rk"),
        (Kind::Ephemeral, "ephemeral", "ek"),
        (Kind::Publishable, "publishable", "pk"),
    ];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| word)
    }

    fn prefix(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., prefix)| prefix)
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }
}

/// A credential that is to be made.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What it is for.
    pub kind: Kind,
    /// Whose rows.
    pub organization: String,
    /// Whom it speaks for.
    pub participant: String,
    /// The participant's kind.
    pub participant_kind: ParticipantKind,
    /// The human at the root of the delegation.
    pub on_behalf_of: Option<String>,
    /// What it may do.
    pub operations: Operations,
    /// What it may see.
    pub groups: BTreeSet<String>,
    /// What the application knows about the participant.
    pub user_meta: Map<String, Value>,
    /// A name for people.
    pub label: Option<String>,
    /// Whether it covers all that its participant sees, also what that is given later.
    pub whole: bool,
    /// What it is exchanged for.
    pub parent: Option<String>,
    /// Its life, in seconds; without an end otherwise.
    pub ttl: Option<u64>,
}

/// A credential that was made. The token is shown this once.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its id.
    pub id: String,
    /// The token.
    pub token: String,
    /// When it ends, in the form in which databases hold dates.
    pub expires_at: Option<String>,
}

/// A credential as it stands.
#[derive(Clone, Debug)]
pub struct State {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// Whom it speaks for.
    pub identity: Identity,
    /// A name for people.
    pub label: Option<String>,
    /// When it was made, in the form in which databases hold dates.
    pub issued_at: String,
    /// When it was taken back.
    pub revoked_at: Option<String>,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<String>,
    /// Whether it covers all that its participant sees, also what that is given later.
    pub whole: bool,
    /// What it was exchanged for.
    pub parent: Option<String>,
}

macro_rules! select {
    ($condition:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, kind, organization_id, participant_id, participant_kind, on_behalf_of_id, {operations:texts}, \
             {sync_groups:texts}, {user_meta:json}, label, {issued_at:date}, {expires_at:date}, {revoked_at:date}, \
             {last_used_at:date}, parent_id, reach FROM ablo_capabilities WHERE ",
            $condition
        ))
    };
}

static BY_TOKEN: SqlTemplate = select!("token_hash = {1}");
static OF_PARTICIPANT: SqlTemplate = select!(
    "organization_id = {1} AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {3:date}) AND id IN (WITH RECURSIVE \
     own (id) AS (SELECT id FROM ablo_capabilities WHERE organization_id = {1} AND participant_id = {2} AND kind <> 'secret' \
     UNION SELECT child.id FROM ablo_capabilities AS child JOIN own ON child.parent_id = own.id) SELECT id FROM own) ORDER BY id"
);
static COVER: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET sync_groups = {2:texts} WHERE id = {1}");
static BY_ID: SqlTemplate = select!("id = {1} AND organization_id = {2}");
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_capabilities (id, token_hash, kind, organization_id, participant_id, participant_kind, on_behalf_of_id, \
     operations, sync_groups, user_meta, label, parent_id, issued_at, expires_at, reach) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, \
     {7}, {8:texts}, {9:texts}, {10:json}, {11}, {12}, {13:date}, {14:date}, {15})",
);
static USED: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET last_used_at = {2:date} WHERE id = {1}");
static REVOKE: SqlTemplate = SqlTemplate::new(
    "WITH RECURSIVE ended (id) AS (SELECT {1} UNION SELECT child.id FROM ablo_capabilities AS child JOIN ended ON \
     child.parent_id = ended.id) UPDATE ablo_capabilities SET revoked_at = {2:date} WHERE revoked_at IS NULL AND id IN \
     (SELECT id FROM ended) RETURNING id",
);
static FORGET: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_capabilities WHERE id IN (SELECT id FROM ablo_capabilities AS old WHERE expires_at < {1:date} AND NOT EXISTS \
     (SELECT 1 FROM ablo_capabilities AS child WHERE child.parent_id = old.id) ORDER BY expires_at LIMIT 16)",
);
static EXPIRE: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET expires_at = {2:date} WHERE id = {1}");

/// Makes a credential.
///
/// # Errors
/// What the database said.
pub fn issue(tx: &mut dyn Tx, mode: Mode, grant: &Grant) -> Result<Issued> {
    let token = format!("{}_{}_{}", grant.kind.prefix(), mode.as_str(), random()?);
    issue_as(tx, grant, token)
}

/// Makes a credential with a token that is known beforehand, as development does.
///
/// # Errors
/// What the database said.
pub fn issue_as(tx: &mut dyn Tx, grant: &Grant, token: String) -> Result<Issued> {
    let id = format!("cap_{}", random()?);
    let now = tx.now();
    let expires_at = grant.ttl.map(|ttl| stored_date(later(now, ttl)));
    let values = [
        id.as_str().into(),
        hash(&token).into(),
        grant.kind.word().into(),
        grant.organization.as_str().into(),
        grant.participant.as_str().into(),
        grant.participant_kind.as_str().into(),
        grant.on_behalf_of.as_deref().into(),
        texts(&grant.operations.list()).into(),
        texts(&grant.groups).into(),
        Value::Object(grant.user_meta.clone()).to_string().into(),
        grant.label.as_deref().into(),
        grant.parent.as_deref().into(),
        stored_date(now).into(),
        expires_at.as_deref().into(),
        if grant.whole { WHOLE } else { "part" }.into(),
    ];
    tx.execute(INSERT.of(tx.dialect()), &values)?;
    Ok(Issued { id, token, expires_at })
}

/// Whom a token speaks for.
///
/// # Errors
/// `apikey_invalid`, `apikey_revoked` or `apikey_expired`, or what the database said.
pub fn identify(tx: &mut dyn Tx, mode: Mode, token: &str) -> Result<State> {
    let known = token.split('_').nth(1).is_some_and(|word| word == mode.as_str());
    let found = match known {
        true => tx.query(BY_TOKEN.of(tx.dialect()), &[hash(token).into()])?,
        false => Vec::new(),
    };
    let Some(state) = found.into_iter().next().and_then(state) else {
        return Err(ApiError::new("apikey_invalid", "the key is not known here").into());
    };
    if state.revoked_at.is_some() {
        return Err(ApiError::new("apikey_revoked", "the key was taken back").into());
    }
    if state.identity.expires_at.as_ref().is_some_and(|end| *end <= stored_date(tx.now())) {
        return Err(ApiError::new(
            "apikey_expired",
            "the token's time is over; exchange the key for another",
        )
        .into());
    }
    Ok(state)
}

/// Forgets some tokens that ended a day ago or earlier; nothing was exchanged for them that is still there.
///
/// # Errors
/// What the database said.
pub fn forget(tx: &mut dyn Tx) -> Result<u64> {
    let old =
        stored_date(tx.now().checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN));
    Ok(tx.execute(FORGET.of(tx.dialect()), &[old.into()])?)
}

/// Writes down that a credential was used: exchanged, or a socket opened with it.
///
/// # Errors
/// What the database said.
pub fn used(tx: &mut dyn Tx, id: &str) -> Result<()> {
    let now = stored_date(tx.now());
    tx.execute(USED.of(tx.dialect()), &[id.into(), now.into()])?;
    Ok(())
}

/// A credential of an organisation.
///
/// # Errors
/// `capability_not_found`, or what the database said.
pub fn find(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<State> {
    let found = tx.query(BY_ID.of(tx.dialect()), &[id.into(), organization.into()])?;
    let missing =
        || ApiError::new("capability_not_found", format!("there is no credential `{id}`"));
    Ok(found.into_iter().next().and_then(state).ok_or_else(missing)?)
}

/// The tokens that speak for a participant, and those that were exchanged for them, as far as they are good.
///
/// # Errors
/// What the database said.
pub fn of_participant(
    tx: &mut dyn Tx,
    organization: &str,
    participant: &str,
) -> Result<Vec<State>> {
    let values = [organization.into(), participant.into(), stored_date(tx.now()).into()];
    Ok(tx.query(OF_PARTICIPANT.of(tx.dialect()), &values)?.into_iter().filter_map(state).collect())
}

/// Lets a credential cover these groups from now on.
///
/// # Errors
/// What the database said.
pub fn cover(tx: &mut dyn Tx, id: &str, groups: &BTreeSet<String>) -> Result<()> {
    tx.execute(COVER.of(tx.dialect()), &[id.into(), texts(groups).into()])?;
    Ok(())
}

/// Takes a credential back, and all that were exchanged for it.
///
/// # Errors
/// What the database said.
pub fn revoke(tx: &mut dyn Tx, id: &str) -> Result<u64> {
    let now = stored_date(tx.now());
    let ended = tx.query(REVOKE.of(tx.dialect()), &[id.into(), now.into()])?;
    for row in &ended {
        if let Some(capability) = row.first().and_then(Cell::text) {
            tx.tell(Notification::Revoked { capability: capability.to_owned() })?;
        }
    }
    Ok(ended.len() as u64)
}

/// Lets a credential end at the latest in so many seconds.
///
/// # Errors
/// What the database said.
pub fn expire_in(tx: &mut dyn Tx, state: &State, seconds: u64) -> Result<String> {
    let then = stored_date(later(tx.now(), seconds));
    let end = state.identity.expires_at.clone().filter(|end| *end < then).unwrap_or(then);
    tx.execute(EXPIRE.of(tx.dialect()), &[state.id.as_str().into(), end.as_str().into()])?;
    Ok(end)
}

impl Operations {
    /// As it is stored.
    fn list(&self) -> BTreeSet<String> {
        match self {
            Operations::All => BTreeSet::from(["*".to_owned()]),
            Operations::Read => BTreeSet::from(["*.read".to_owned()]),
            Operations::Listed(listed) => listed.clone(),
        }
    }

    fn read(list: BTreeSet<String>) -> Self {
        if list.contains("*") { Operations::All } else { Operations::Listed(list) }
    }

    /// What is wanted, as far as it is allowed.
    pub(super) fn narrowed(&self, wanted: Option<&[String]>) -> Self {
        let Some(wanted) = wanted.filter(|wanted| !wanted.iter().any(|operation| operation == "*"))
        else {
            return self.clone();
        };
        let lower = |operation: &String| operation.to_lowercase();
        let allowed = |operation: &String| match self {
            Operations::All => true,
            Operations::Read => operation.ends_with(".read"),
            Operations::Listed(listed) => listed.iter().map(lower).any(|known| known == *operation),
        };
        Operations::Listed(wanted.iter().map(lower).filter(allowed).collect())
    }

    /// As answers show it.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        self.list().into_iter().collect()
    }
}

fn state(row: Row) -> Option<State> {
    let mut cells = row.into_iter();
    let mut text = || cells.next().and_then(Cell::into_text);
    let (id, kind, organization, participant, participant_kind) =
        (text()?, text()?, text()?, text()?, text()?);
    let on_behalf_of = text();
    let (operations, groups, user_meta) = (text()?, text()?, text()?);
    let (label, issued_at, expires_at) = (text(), text()?, text());
    let (revoked_at, last_used_at, parent) = (text(), text(), text());
    let whole = text().as_deref() == Some(WHOLE);
    let operations = serde_json::from_str(&operations).map(Operations::read).ok()?;
    let kind = Kind::read(&kind)?;
    let identity = Identity {
        organization,
        participant,
        kind: ParticipantKind::from(participant_kind),
        on_behalf_of,
        capability: id.clone(),
        operations: if kind == Kind::Publishable { Operations::Read } else { operations },
        groups: serde_json::from_str(&groups).ok()?,
        user_meta,
        expires_at,
    };
    Some(State { id, kind, identity, label, issued_at, revoked_at, last_used_at, whole, parent })
}

fn hash(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// 160 random bits as hexadecimal digits.
fn random() -> Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Fault(format!("no randomness: {error}")))?;
    Ok(bytes.iter().fold(String::with_capacity(40), |mut out, byte| {
        // Writing into a string fails never.
        let _ = write!(out, "{byte:02x}");
        out
    }))
}

pub(super) fn later(now: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
