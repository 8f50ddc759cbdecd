//! Credentials: API keys, and tokens that are exchanged for them. Only hashes of tokens are stored.

use super::log::json_array;
use crate::error::StoreError;
use crate::identity::{Holder, Identity, Operations};
use crate::store::{ListTemplate, Notification, Record, SqlTemplate, Tx};
use crate::value::stored_date;
use ablo_wire::ParticipantKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The stored reach of a credential that follows its participant's memberships.
const FULL_REACH: &str = "whole";

/// The kind of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// Full access to an organisation; for servers only.
    Secret,
    /// A token of an agent or a system.
    Restricted,
    /// A token of a user.
    Ephemeral,
    /// Read access, for browsers.
    Publishable,
}

impl CredentialKind {
    const ALL: [(CredentialKind, &'static str, &'static str); 4] = [
        (CredentialKind::Secret, "secret", "sk"),
        (CredentialKind::Restricted, "restricted", "rk"),
        (CredentialKind::Ephemeral, "ephemeral", "ek"),
        (CredentialKind::Publishable, "publishable", "pk"),
    ];

    fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, word, _)| word)
    }

    pub(crate) fn prefix(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., prefix)| prefix)
    }

    fn read(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == word).map(|(kind, ..)| *kind)
    }
}

/// A credential to issue.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// Its kind.
    pub kind: CredentialKind,
    /// The organisation.
    pub organization: String,
    /// The participant.
    pub participant: String,
    /// The participant's kind.
    pub participant_kind: ParticipantKind,
    /// The human at the root of the delegation.
    pub on_behalf_of: Option<String>,
    /// The permitted operations.
    pub operations: Operations,
    /// The visible sync groups.
    pub groups: BTreeSet<String>,
    /// The application's data about the participant.
    pub user_meta: Map<String, Value>,
    /// A label for display.
    pub label: Option<String>,
    /// Whether it covers all groups of its participant, including those granted later.
    pub full_reach: bool,
    /// The credential that it is exchanged for.
    pub parent: Option<String>,
    /// Its lifetime in seconds; `None` means no expiry.
    pub ttl: Option<u64>,
    /// The end of the credential that it comes from, which it does not outlive, in the stored date
    /// format.
    pub not_after: Option<String>,
}

/// An issued credential, with the token that is shown only once.
#[derive(Clone, Debug)]
pub struct IssuedCredential {
    /// Its id.
    pub id: String,
    /// The token.
    pub token: String,
    /// When it expires, in the stored date format.
    pub expires_at: Option<String>,
}

/// How a credential has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was taken back.
    Revoked,
    /// Its time is over.
    Expired,
}

/// A stored credential.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: CredentialKind,
    /// The participant with its scope.
    pub identity: Identity,
    /// A label for display.
    pub label: Option<String>,
    /// When it was issued, in the stored date format.
    pub issued_at: String,
    /// When it was revoked.
    pub revoked_at: Option<String>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<String>,
    /// Whether it covers all groups of its participant, including those granted later.
    pub full_reach: bool,
    /// The credential that it was exchanged for.
    pub parent: Option<String>,
}

macro_rules! select {
    ($condition:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, kind, organization_id, participant_id, participant_kind, on_behalf_of_id, \
             {operations:texts}, {sync_groups:texts}, {user_meta:json}, label, {issued_at:date}, \
             {expires_at:date}, {revoked_at:date}, {last_used_at:date}, parent_id, reach FROM \
             ablo_capabilities WHERE ",
            $condition
        ))
    };
}

static BY_TOKEN: SqlTemplate = select!("token_hash = {1}");
static OF_PARTICIPANT: SqlTemplate = select!(
    "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > {3:date}) AND id IN (WITH \
     RECURSIVE own (id) AS (SELECT id FROM ablo_capabilities WHERE organization_id = {1} AND \
     participant_id = {2} AND participant_kind = 'user' AND kind <> 'secret' UNION SELECT \
     child.id FROM ablo_capabilities AS child JOIN own ON child.parent_id = own.id) SELECT id \
     FROM own) ORDER BY id"
);
static FOREIGN_NAME: SqlTemplate = SqlTemplate::new(
    "SELECT id FROM ablo_capabilities WHERE organization_id = {1} AND participant_id = {2} AND \
     (participant_kind = 'user' AND participant_id <> {3} OR participant_kind = 'agent' AND \
     (on_behalf_of_id IS NULL OR on_behalf_of_id <> {3})) LIMIT 1",
);
static SET_GROUPS: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET sync_groups = {2:texts} WHERE id = {1}");
static BY_ID: SqlTemplate = select!("id = {1} AND organization_id = {2}");
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_capabilities (id, token_hash, kind, organization_id, participant_id, \
     participant_kind, on_behalf_of_id, operations, sync_groups, user_meta, label, parent_id, \
     issued_at, expires_at, reach) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8:texts}, \
     {9:texts}, {10:json}, {11}, {12}, {13:date}, {14:date}, {15})",
);
static USED: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET last_used_at = {2:date} WHERE id = {1}");
static SECRET_KEYS: SqlTemplate = select!("organization_id = {1} AND kind = 'secret'");
static KEYS_OF: SqlTemplate =
    select!("organization_id = {1} AND participant_id = {2} AND kind = 'secret'");
static HAS_SECRET_KEY: SqlTemplate = SqlTemplate::new(
    "SELECT id FROM ablo_capabilities WHERE kind = 'secret' AND revoked_at IS NULL AND (expires_at \
     IS NULL OR expires_at > {1:date}) LIMIT 1",
);
static STATES: ListTemplate = ListTemplate::new(
    "SELECT id, {revoked_at:date}, {expires_at:date} FROM ablo_capabilities WHERE id {1:in}",
);
// A revoked credential expires, too, so that one index finds everything that has ended.
static REVOKE: SqlTemplate = SqlTemplate::new(
    "WITH RECURSIVE ended (id) AS (SELECT {1} UNION SELECT child.id FROM ablo_capabilities AS \
     child JOIN ended ON child.parent_id = ended.id) UPDATE ablo_capabilities SET revoked_at = \
     {2:date}, expires_at = CASE WHEN expires_at < {2:date} THEN expires_at ELSE {2:date} END \
     WHERE revoked_at IS NULL AND id IN (SELECT id FROM ended)",
);
static ENDED: SqlTemplate = SqlTemplate::new(
    "SELECT id, {revoked_at:date}, {expires_at:date} FROM ablo_capabilities WHERE \
     ablo_capabilities.expires_at > {1:date} AND ablo_capabilities.expires_at <= {2:date}",
);
static DELETE_EXPIRED: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_capabilities WHERE id IN (SELECT id FROM ablo_capabilities AS old WHERE \
     expires_at < {1:date} AND kind <> 'secret' AND NOT EXISTS (SELECT 1 FROM ablo_capabilities \
     AS child WHERE child.parent_id = old.id) ORDER BY expires_at LIMIT {2})",
);
static NEXT_ORGANIZATION: SqlTemplate = SqlTemplate::new(
    "SELECT organization_id FROM ablo_capabilities WHERE organization_id > {1} ORDER BY \
     organization_id LIMIT 1",
);
static EXPIRE: SqlTemplate = SqlTemplate::new(
    "WITH RECURSIVE ended (id) AS (SELECT {1} UNION SELECT child.id FROM ablo_capabilities AS \
     child JOIN ended ON child.parent_id = ended.id) UPDATE ablo_capabilities SET expires_at = \
     {2:date} WHERE (expires_at IS NULL OR expires_at > {2:date}) AND id IN (SELECT id FROM ended)",
);

/// Stores a credential with the hash of its token.
pub(crate) fn insert(
    tx: &mut Tx<'_>,
    id: &str,
    token_hash: &str,
    grant: &NewCredential,
    expires_at: Option<&str>,
) -> Result<(), StoreError> {
    let values = [
        id.into(),
        token_hash.into(),
        grant.kind.as_str().into(),
        grant.organization.as_str().into(),
        grant.participant.as_str().into(),
        grant.participant_kind.as_str().into(),
        grant.on_behalf_of.as_deref().into(),
        json_array(&grant.operations.to_list()).into(),
        json_array(&grant.groups).into(),
        Value::Object(grant.user_meta.clone()).to_string().into(),
        grant.label.as_deref().into(),
        grant.parent.as_deref().into(),
        stored_date(tx.now()).into(),
        expires_at.into(),
        if grant.full_reach { FULL_REACH } else { "part" }.into(),
    ];
    tx.run(&INSERT, &values).map(drop)
}

/// Returns the credential whose token has this hash.
pub(crate) fn by_token_hash(tx: &mut Tx<'_>, hash: &str) -> Result<Option<Credential>, StoreError> {
    tx.first(&BY_TOKEN, &[hash.into()], decode)
}

/// Returns a credential of an organisation.
pub(crate) fn find(
    tx: &mut Tx<'_>,
    organization: &str,
    id: &str,
) -> Result<Option<Credential>, StoreError> {
    tx.first(&BY_ID, &[id.into(), organization.into()], decode)
}

/// Returns the secret keys of an organisation.
pub(crate) fn secret_keys(
    tx: &mut Tx<'_>,
    organization: &str,
) -> Result<Vec<Credential>, StoreError> {
    tx.all(&SECRET_KEYS, &[organization.into()], decode)
}

/// Returns the secret keys of a participant.
pub(crate) fn keys_of(
    tx: &mut Tx<'_>,
    organization: &str,
    participant: &str,
) -> Result<Vec<Credential>, StoreError> {
    tx.all(&KEYS_OF, &[organization.into(), participant.into()], decode)
}

/// Returns whether there is a valid secret key.
pub(crate) fn has_secret_key(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let now = stored_date(tx.now()).into();
    Ok(tx.first(&HAS_SECRET_KEY, &[now], |mut record| record.text("id"))?.is_some())
}

/// Deletes at most `limit` tokens that expired more than a day ago and have no derived tokens.
pub(crate) fn delete_expired(tx: &mut Tx<'_>, limit: u64) -> Result<u64, StoreError> {
    let day = SignedDuration::from_hours(24);
    let old = stored_date(tx.now().checked_sub(day).unwrap_or(Timestamp::MIN));
    tx.run(&DELETE_EXPIRED, &[old.into(), limit.into()])
}

/// Returns the organisations that have credentials, in order. One look-up per organisation finds
/// the next one, so that the number of their credentials does not matter.
pub(crate) fn organizations(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().map_or("", String::as_str).into();
        match tx.first(&NEXT_ORGANIZATION, &[after], |mut record| record.text("organization_id"))? {
            Some(organization) => found.push(organization),
            None => return Ok(found),
        }
    }
}

/// Stores that a credential was used for an exchange or to open a socket.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn mark_used(tx: &mut Tx<'_>, id: &str) -> Result<(), StoreError> {
    let now = stored_date(tx.now());
    tx.run(&USED, &[id.into(), now.into()]).map(drop)
}

/// Returns whether a name is that of another user than this one, or that of an agent which is not
/// this user's.
pub(crate) fn is_foreign_name(
    tx: &mut Tx<'_>,
    user: &Identity,
    name: &str,
) -> Result<bool, StoreError> {
    let values = [user.organization.as_str().into(), name.into(), user.participant.as_str().into()];
    Ok(tx.first(&FOREIGN_NAME, &values, |mut record| record.text("id"))?.is_some())
}

/// Returns the valid tokens of a user and all valid tokens derived from them.
pub(crate) fn issued_to(
    tx: &mut Tx<'_>,
    organization: &str,
    user: &str,
) -> Result<Vec<Credential>, StoreError> {
    let values = [organization.into(), user.into(), stored_date(tx.now()).into()];
    tx.all(&OF_PARTICIPANT, &values, decode)
}

/// Sets the sync groups of a credential.
pub(crate) fn set_groups(
    tx: &mut Tx<'_>,
    id: &str,
    groups: &BTreeSet<String>,
) -> Result<(), StoreError> {
    tx.run(&SET_GROUPS, &[id.into(), json_array(groups).into()]).map(drop)
}

/// Revokes a credential and all credentials derived from it. Returns how many.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn revoke(tx: &mut Tx<'_>, id: &str) -> Result<u64, StoreError> {
    let now = stored_date(tx.now());
    let many = tx.run(&REVOKE, &[id.into(), now.into()])?;
    tx.notify(Notification::CredentialRevoked { capability: id.to_owned() })?;
    Ok(many)
}

/// Shortens the life of a credential and of everything derived from it.
pub(crate) fn expire(tx: &mut Tx<'_>, id: &str, end: &str) -> Result<(), StoreError> {
    tx.run(&EXPIRE, &[id.into(), end.into()])?;
    tx.notify(Notification::CredentialRevoked { capability: id.to_owned() })
}

/// Returns how a credential has ended, if it has; `None` if it is not stored.
pub(crate) fn state(tx: &mut Tx<'_>, id: &str) -> Result<Option<Option<Ending>>, StoreError> {
    Ok(states(tx, &[id])?.remove(id))
}

/// As [`state`], for several credentials; those that are not stored are missing.
pub(crate) fn states(
    tx: &mut Tx<'_>,
    ids: &[&str],
) -> Result<BTreeMap<String, Option<Ending>>, StoreError> {
    let now = stored_date(tx.now());
    let (statement, ids) = STATES.of(ids);
    let states = tx.all(statement, &[ids], |mut record| {
        Ok((record.text("id")?, ending(&mut record, &now)?))
    })?;
    Ok(states.into_iter().collect())
}

/// Returns the credentials that have ended after a time.
///
/// # Errors
///
/// Returns an error if the statement fails.
pub fn ended_since(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<(String, Ending)>, StoreError> {
    let now = stored_date(tx.now());
    let values = [stored_date(since).into(), now.as_str().into()];
    let ended = tx.all(&ENDED, &values, |mut record| {
        let id = record.text("id")?;
        Ok(ending(&mut record, &now)?.map(|ending| (id, ending)))
    })?;
    Ok(ended.into_iter().flatten().collect())
}

fn ending(record: &mut Record, now: &str) -> Result<Option<Ending>, StoreError> {
    let (revoked, expires) =
        (record.optional_text("revoked_at")?, record.optional_text("expires_at")?);
    Ok(Ending::of(revoked.as_deref(), expires.as_deref(), now))
}

impl Ending {
    /// Returns how a credential has ended, if it has. Times are in the stored date format.
    #[must_use]
    pub fn of(revoked_at: Option<&str>, expires_at: Option<&str>, now: &str) -> Option<Self> {
        match (revoked_at, expires_at) {
            (Some(_), _) => Some(Ending::Revoked),
            (None, Some(end)) if end <= now => Some(Ending::Expired),
            _ => None,
        }
    }
}

impl Operations {
    /// Returns the stored form.
    fn to_list(&self) -> BTreeSet<String> {
        match self {
            Operations::All => BTreeSet::from(["*".to_owned()]),
            Operations::Read => BTreeSet::from(["*.read".to_owned()]),
            Operations::Listed(listed) => listed.clone(),
        }
    }

    fn read(list: BTreeSet<String>) -> Self {
        if list.contains("*") { Operations::All } else { Operations::Listed(list) }
    }

    /// Returns the operation names for display.
    #[must_use]
    pub fn to_names(&self) -> Vec<String> {
        self.to_list().into_iter().collect()
    }
}

fn decode(mut record: Record) -> Result<Credential, StoreError> {
    let (id, word) = (record.text("id")?, record.text("kind")?);
    let kind = CredentialKind::read(&word)
        .ok_or_else(|| StoreError::Fault(format!("unknown kind `{word}` of a credential")))?;
    let operations = match kind {
        CredentialKind::Publishable => Operations::Read,
        _ => Operations::read(record.json("operations")?),
    };
    let identity = Identity {
        organization: record.text("organization_id")?,
        participant: record.text("participant_id")?,
        kind: ParticipantKind::from(record.text("participant_kind")?),
        on_behalf_of: record.optional_text("on_behalf_of_id")?,
        capability: id.clone(),
        operations,
        groups: record.json("sync_groups")?,
        user_meta: record.text("user_meta")?,
        expires_at: record.optional_text("expires_at")?,
        holder: Holder::Unnamed,
    };
    Ok(Credential {
        id,
        kind,
        identity,
        label: record.optional_text("label")?,
        issued_at: record.text("issued_at")?,
        revoked_at: record.optional_text("revoked_at")?,
        last_used_at: record.optional_text("last_used_at")?,
        full_reach: record.optional_text("reach")?.as_deref() == Some(FULL_REACH),
        parent: record.optional_text("parent_id")?,
    })
}
