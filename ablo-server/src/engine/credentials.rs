//! Credentials: API keys, and tokens that are exchanged for them (docs/protocol/http.md §2, §4 and
//! §6).
//!
//! Only hashes of tokens are stored. A token never permits more than its parent and expires with
//! it.

use super::log::{json_array, u64_to_cell};
use crate::error::{ApiError, Result, StoreError};
use crate::identity::{Identity, Operations};
use crate::store::{Notification, Row, SqlTemplate, Tx};
use crate::value::{Cell, stored_date};
use ablo_wire::ParticipantKind;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Minimum lifetime of a token, in seconds (docs/protocol/differences.md A12).
pub const MIN_TTL: u64 = 120;
/// Maximum lifetime of a token, in seconds.
pub const MAX_TTL: u64 = 86_400;
/// Default lifetime of a token, in seconds.
pub const DEFAULT_TTL: u64 = 900;

/// The stored reach of a credential that follows its participant's memberships.
const FULL_REACH: &str = "whole";

/// The environment of a database. The prefix of its keys names it; keys of the other environment
/// are rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Development.
    #[default]
    Test,
    /// Production.
    Live,
}

impl Mode {
    /// Returns the name in keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Test => "test",
            Mode::Live => "live",
        }
    }
}

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

    fn prefix(self) -> &'static str {
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
     participant_id = {2} AND kind <> 'secret' UNION SELECT child.id FROM ablo_capabilities AS \
     child JOIN own ON child.parent_id = own.id) SELECT id FROM own) ORDER BY id"
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
static REVOKE: SqlTemplate = SqlTemplate::new(
    "WITH RECURSIVE ended (id) AS (SELECT {1} UNION SELECT child.id FROM ablo_capabilities AS \
     child JOIN ended ON child.parent_id = ended.id) UPDATE ablo_capabilities SET revoked_at = \
     {2:date} WHERE revoked_at IS NULL AND id IN (SELECT id FROM ended) RETURNING id",
);
static DELETE_EXPIRED: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_capabilities WHERE id IN (SELECT id FROM ablo_capabilities AS old WHERE \
     expires_at < {1:date} AND NOT EXISTS (SELECT 1 FROM ablo_capabilities AS child WHERE \
     child.parent_id = old.id) ORDER BY expires_at LIMIT {2})",
);
static NEXT_ORGANIZATION: SqlTemplate = SqlTemplate::new(
    "SELECT organization_id FROM ablo_capabilities WHERE organization_id > {1} ORDER BY \
     organization_id LIMIT 1",
);
static EXPIRE: SqlTemplate =
    SqlTemplate::new("UPDATE ablo_capabilities SET expires_at = {2:date} WHERE id = {1}");

/// Issues a credential.
///
/// # Errors
///
/// Returns an error if no random bytes are available or a statement fails.
pub fn issue(tx: &mut dyn Tx, mode: Mode, grant: &NewCredential) -> Result<IssuedCredential> {
    let token = format!("{}_{}_{}", grant.kind.prefix(), mode.as_str(), random_hex()?);
    issue_as(tx, grant, token)
}

/// Issues a credential with a given token, for development.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn issue_as(tx: &mut dyn Tx, grant: &NewCredential, token: String) -> Result<IssuedCredential> {
    let id = format!("cap_{}", random_hex()?);
    let now = tx.now();
    let expires_at = grant.ttl.map(|ttl| stored_date(seconds_later(now, ttl)));
    let values = [
        id.as_str().into(),
        token_hash(&token).into(),
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
        stored_date(now).into(),
        expires_at.as_deref().into(),
        if grant.full_reach { FULL_REACH } else { "part" }.into(),
    ];
    tx.execute(INSERT.sql(tx.dialect()), &values)?;
    Ok(IssuedCredential { id, token, expires_at })
}

/// Returns the credential of a token.
///
/// # Errors
///
/// Returns `apikey_invalid`, `apikey_revoked` or `apikey_expired`, or an error if a statement
/// fails.
pub fn identify(tx: &mut dyn Tx, mode: Mode, token: &str) -> Result<Credential> {
    let known = token.split('_').nth(1).is_some_and(|word| word == mode.as_str());
    let found = match known {
        true => tx.query(BY_TOKEN.sql(tx.dialect()), &[token_hash(token).into()])?,
        false => Vec::new(),
    };
    let Some(credential) = found.into_iter().next().and_then(credential_from_row) else {
        return Err(ApiError::new("apikey_invalid", "unknown key").into());
    };
    if credential.revoked_at.is_some() {
        return Err(ApiError::new("apikey_revoked", "the key has been revoked").into());
    }
    if credential.identity.expires_at.as_ref().is_some_and(|end| *end <= stored_date(tx.now())) {
        return Err(ApiError::new(
            "apikey_expired",
            "the token has expired; exchange the key for a new one",
        )
        .into());
    }
    Ok(credential)
}

/// Deletes at most `limit` tokens that expired more than a day ago and have no derived tokens.
pub(crate) fn delete_expired(tx: &mut dyn Tx, limit: u64) -> Result<u64> {
    let old =
        stored_date(tx.now().checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN));
    Ok(tx.execute(DELETE_EXPIRED.sql(tx.dialect()), &[old.into(), u64_to_cell(limit)])?)
}

/// Returns the organisations that have credentials, in order. One look-up per organisation finds
/// the next one, so that the number of their credentials does not matter.
pub(crate) fn organizations(tx: &mut dyn Tx) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    loop {
        let after = found.last().map_or("", String::as_str).into();
        let next = tx.query(NEXT_ORGANIZATION.sql(tx.dialect()), &[after])?;
        match next.into_iter().next().and_then(|row| row.into_iter().next()?.into_text()) {
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
pub fn mark_used(tx: &mut dyn Tx, id: &str) -> Result<()> {
    let now = stored_date(tx.now());
    tx.execute(USED.sql(tx.dialect()), &[id.into(), now.into()])?;
    Ok(())
}

/// Returns a credential of an organisation.
///
/// # Errors
///
/// Returns `capability_not_found`, or an error if a statement fails.
pub fn find(tx: &mut dyn Tx, organization: &str, id: &str) -> Result<Credential> {
    let found = tx.query(BY_ID.sql(tx.dialect()), &[id.into(), organization.into()])?;
    let missing = || ApiError::new("capability_not_found", format!("unknown credential `{id}`"));
    Ok(found.into_iter().next().and_then(credential_from_row).ok_or_else(missing)?)
}

/// Returns the valid tokens of a participant and all valid tokens derived from them.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn issued_to(
    tx: &mut dyn Tx,
    organization: &str,
    participant: &str,
) -> Result<Vec<Credential>> {
    let values = [organization.into(), participant.into(), stored_date(tx.now()).into()];
    Ok(tx
        .query(OF_PARTICIPANT.sql(tx.dialect()), &values)?
        .into_iter()
        .filter_map(credential_from_row)
        .collect())
}

/// Sets the sync groups of a credential.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn set_groups(tx: &mut dyn Tx, id: &str, groups: &BTreeSet<String>) -> Result<()> {
    tx.execute(SET_GROUPS.sql(tx.dialect()), &[id.into(), json_array(groups).into()])?;
    Ok(())
}

/// Revokes a credential and all credentials derived from it. Returns how many.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn revoke(tx: &mut dyn Tx, id: &str) -> Result<u64> {
    let now = stored_date(tx.now());
    let ended = tx.query(REVOKE.sql(tx.dialect()), &[id.into(), now.into()])?;
    for row in &ended {
        if let Some(capability) = row.first().and_then(Cell::text) {
            tx.notify(Notification::CredentialRevoked { capability: capability.to_owned() })?;
        }
    }
    Ok(ended.len() as u64)
}

/// Shortens the life of a credential to at most `seconds`, and returns its expiry.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn expire_in(tx: &mut dyn Tx, credential: &Credential, seconds: u64) -> Result<String> {
    let latest = stored_date(seconds_later(tx.now(), seconds));
    let end = credential.identity.expires_at.clone().filter(|end| *end < latest).unwrap_or(latest);
    tx.execute(EXPIRE.sql(tx.dialect()), &[credential.id.as_str().into(), end.as_str().into()])?;
    Ok(end)
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

    /// Returns those of the requested operations that are permitted.
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

    /// Returns the operation names for display.
    #[must_use]
    pub fn to_names(&self) -> Vec<String> {
        self.to_list().into_iter().collect()
    }
}

fn credential_from_row(row: Row) -> Option<Credential> {
    let mut cells = row.into_iter();
    let mut text = || cells.next().and_then(Cell::into_text);
    let (id, kind, organization, participant, participant_kind) =
        (text()?, text()?, text()?, text()?, text()?);
    let on_behalf_of = text();
    let (operations, groups, user_meta) = (text()?, text()?, text()?);
    let (label, issued_at, expires_at) = (text(), text()?, text());
    let (revoked_at, last_used_at, parent) = (text(), text(), text());
    let full_reach = text().as_deref() == Some(FULL_REACH);
    let operations = serde_json::from_str(&operations).map(Operations::read).ok()?;
    let kind = CredentialKind::read(&kind)?;
    let identity = Identity {
        organization,
        participant,
        kind: ParticipantKind::from(participant_kind),
        on_behalf_of,
        capability: id.clone(),
        operations: if kind == CredentialKind::Publishable { Operations::Read } else { operations },
        groups: serde_json::from_str(&groups).ok()?,
        user_meta,
        expires_at,
    };
    Some(Credential {
        id,
        kind,
        identity,
        label,
        issued_at,
        revoked_at,
        last_used_at,
        full_reach,
        parent,
    })
}

fn token_hash(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

/// Returns 160 random bits in hexadecimal.
fn random_hex() -> Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)
        .map_err(|error| StoreError::Fault(format!("no random bytes available: {error}")))?;
    Ok(bytes.iter().fold(String::with_capacity(40), |mut out, byte| {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    }))
}

pub(super) fn seconds_later(now: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
