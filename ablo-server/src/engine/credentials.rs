//! Issues and checks credentials: API keys, and tokens that are exchanged for them
//! (docs/protocol/http.md §2, §4 and §6).
//!
//! Only hashes of tokens are stored. A token never permits more than its parent and expires with
//! it.

pub use crate::store::tables::credentials::{
    Credential, CredentialKind, Ending, IssuedCredential, NewCredential, ended_since, mark_used,
    revoke,
};

use crate::error::{ApiError, Result, StoreError};
use crate::store::Tx;
use crate::store::tables::credentials as table;
use crate::value::stored_date;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Minimum lifetime of a token, in seconds (docs/protocol/differences.md A12).
pub const MIN_TTL: u64 = 120;
/// Maximum lifetime of a token, in seconds.
pub const MAX_TTL: u64 = 86_400;
/// Default lifetime of a token, in seconds.
pub const DEFAULT_TTL: u64 = 900;

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

/// Issues a credential.
///
/// # Errors
///
/// Returns an error if no random bytes are available or a statement fails.
pub fn issue(tx: &mut Tx<'_>, mode: Mode, grant: &NewCredential) -> Result<IssuedCredential> {
    let token = format!("{}_{}_{}", grant.kind.prefix(), mode.as_str(), random_hex()?);
    issue_as(tx, grant, token)
}

/// Issues a credential with a given token, for development.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn issue_as(tx: &mut Tx<'_>, grant: &NewCredential, token: String) -> Result<IssuedCredential> {
    let id = format!("cap_{}", random_hex()?);
    let end = grant.ttl.map(|ttl| stored_date(seconds_later(tx.now(), ttl)));
    let expires_at = [end, grant.not_after.clone()].into_iter().flatten().min();
    table::insert(tx, &id, &token_hash(&token), grant, expires_at.as_deref())?;
    Ok(IssuedCredential { id, token, expires_at })
}

/// Returns the credential of a token.
///
/// # Errors
///
/// Returns `apikey_invalid`, `apikey_revoked` or `apikey_expired`, or an error if a statement
/// fails.
pub fn identify(tx: &mut Tx<'_>, mode: Mode, token: &str) -> Result<Credential> {
    let known = token.split('_').nth(1).is_some_and(|word| word == mode.as_str());
    let found = if known { table::by_token_hash(tx, &token_hash(token))? } else { None };
    let Some(credential) = found else {
        return Err(ApiError::new("apikey_invalid", "unknown key").into());
    };
    refuse(table::Ending::of(
        credential.revoked_at.as_deref(),
        credential.identity.expires_at.as_deref(),
        &stored_date(tx.now()),
    ))?;
    Ok(credential)
}

/// Returns the credential of a token, also one that has ended.
pub(super) fn find_token(tx: &mut Tx<'_>, token: &str) -> Result<Option<Credential>> {
    Ok(table::by_token_hash(tx, &token_hash(token))?)
}

/// Checks that a credential is valid in this transaction.
///
/// # Errors
///
/// Returns `apikey_invalid`, `apikey_revoked` or `apikey_expired`, or an error if a statement
/// fails.
pub fn check(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    Ok(allow(table::state(tx, id)?)?)
}

/// Allows a credential in a state, which is `None` if it is not stored.
fn allow(state: Option<Option<Ending>>) -> Result<(), ApiError> {
    match state {
        Some(ending) => refuse(ending),
        None => Err(ApiError::new("apikey_invalid", "unknown key")),
    }
}

/// Checks credentials as [`check`] does and returns the refusals of those that are not valid.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub(crate) fn refusals(
    tx: &mut Tx<'_>,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, ApiError>, StoreError> {
    let found = table::states(tx, &ids.iter().copied().collect::<Vec<_>>())?;
    let refusal = |id: &&str| {
        let ending = found.get(*id).copied();
        Some(((*id).to_owned(), allow(ending).err()?))
    };
    Ok(ids.iter().filter_map(refusal).collect())
}

/// Returns how a credential has ended, if it has; one that is no longer stored has expired.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn ending(tx: &mut Tx<'_>, id: &str) -> Result<Option<Ending>> {
    Ok(table::state(tx, id)?.unwrap_or(Some(Ending::Expired)))
}

fn refuse(ending: Option<Ending>) -> Result<(), ApiError> {
    match ending {
        None => Ok(()),
        Some(Ending::Revoked) => Err(ApiError::new("apikey_revoked", "the key has been revoked")),
        Some(Ending::Expired) => {
            let message = "the key or token has expired; obtain a new one";
            Err(ApiError::new("apikey_expired", message))
        }
    }
}

/// Returns a credential of an organisation.
///
/// # Errors
///
/// Returns `capability_not_found`, or an error if a statement fails.
pub fn find(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Credential> {
    let missing = || ApiError::new("capability_not_found", format!("unknown credential `{id}`"));
    Ok(table::find(tx, organization, id)?.ok_or_else(missing)?)
}

/// Shortens the life of a credential and of everything derived from it to at most `seconds`, and
/// returns its expiry.
///
/// # Errors
///
/// Returns `capability_invalid` if the credential has ended, or an error if a statement fails.
pub fn expire_in(tx: &mut Tx<'_>, credential: &Credential, seconds: u64) -> Result<String> {
    if table::state(tx, &credential.id)? != Some(None) {
        let message = "the credential was revoked or has expired";
        return Err(ApiError::new("capability_invalid", message).into());
    }
    let latest = stored_date(seconds_later(tx.now(), seconds));
    let end = credential.identity.expires_at.clone().filter(|end| *end < latest).unwrap_or(latest);
    table::expire(tx, &credential.id, &end)?;
    Ok(end)
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

fn seconds_later(now: Timestamp, seconds: u64) -> Timestamp {
    let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
