//! Secret keys: created, listed, replaced and taken back by administrators.

use super::credentials::{
    self, Credential, CredentialKind, Ending, IssuedCredential, Mode, NewCredential, issue,
    issue_as,
};
use super::exchange::rotate;
use crate::error::{ApiError, Result};
use crate::identity::{Operations, organization_group};
use crate::store::Tx;
use crate::store::tables::credentials as table;
use crate::value::stored_date;
use ablo_wire::ParticipantKind;
use std::collections::BTreeSet;

/// The label of the key that a coordinator is started with.
pub const ENVIRONMENT: &str = "environment";
/// The minimum strength of a given key, in bits.
const MIN_BITS: usize = 128;
/// The maximum length of a label, in bytes.
const MAX_LABEL_BYTES: usize = 100;

/// Why a given key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// It does not begin with `sk_` and the mode.
    Prefix,
    /// It has too few characters to be random.
    Short,
}

/// Checks the form of a given secret key.
///
/// # Errors
///
/// Returns the fault.
pub fn check_form(mode: Mode, token: &str) -> Result<(), KeyFault> {
    let random = token.strip_prefix(&format!("sk_{}_", mode.as_str())).ok_or(KeyFault::Prefix)?;
    // A hexadecimal digit has 4 bits, a letter of other encodings at most 6.
    let is_hex = random.chars().all(|letter| letter.is_ascii_hexdigit());
    match random.chars().count() * if is_hex { 4 } else { 6 } >= MIN_BITS {
        true => Ok(()),
        false => Err(KeyFault::Short),
    }
}

/// Creates a secret key.
///
/// # Errors
///
/// Returns `invalid_request` for a label that cannot be used, or an error if a statement fails.
pub fn create(
    tx: &mut Tx<'_>,
    mode: Mode,
    organization: &str,
    label: &str,
) -> Result<IssuedCredential> {
    if label == ENVIRONMENT {
        let message = "the label `environment` is that of the key in ABLO_SECRET_KEY";
        return Err(ApiError::new("invalid_request", message).param("label").into());
    }
    let is_plain = !label.is_empty() && !label.chars().any(char::is_control);
    if !is_plain || label.len() > MAX_LABEL_BYTES {
        let message = format!("a label has 1 to {MAX_LABEL_BYTES} bytes and no control characters");
        return Err(ApiError::new("invalid_request", message).param("label").into());
    }
    issue(tx, mode, &grant(organization, label))
}

/// Returns the secret keys of an organisation, in the order in which they were created.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn all(tx: &mut Tx<'_>, organization: &str) -> Result<Vec<Credential>> {
    let mut keys = table::secret_keys(tx, organization)?;
    keys.sort_by(|one, other| (&one.issued_at, &one.id).cmp(&(&other.issued_at, &other.id)));
    Ok(keys)
}

/// Returns whether any organisation has a valid secret key.
///
/// # Errors
///
/// Returns an error if a statement fails.
pub fn any(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(table::has_secret_key(tx)?)
}

/// Returns a secret key of an organisation.
///
/// # Errors
///
/// Returns `capability_not_found`, or an error if a statement fails.
fn find(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<Credential> {
    let found = credentials::find(tx, organization, id)?;
    match found.kind {
        CredentialKind::Secret => Ok(found),
        _ => {
            let message = format!("`{id}` is not a secret key");
            Err(ApiError::new("capability_not_found", message).into())
        }
    }
}

/// Replaces a secret key. Returns the new one and the end of the old one.
///
/// # Errors
///
/// Returns `capability_not_found` or `capability_invalid`, or an error if a statement fails.
pub fn replace(
    tx: &mut Tx<'_>,
    mode: Mode,
    organization: &str,
    id: &str,
    grace: u64,
) -> Result<(IssuedCredential, String)> {
    let old = find(tx, organization, id)?;
    let end = credentials::expire_in(tx, &old, grace)?;
    Ok((rotate(tx, mode, &old, None)?.0, end))
}

/// Takes a secret key back with everything that derives from it. Returns how many were valid.
///
/// # Errors
///
/// Returns `capability_not_found`, or an error if a statement fails.
pub fn revoke(tx: &mut Tx<'_>, organization: &str, id: &str) -> Result<u64> {
    find(tx, organization, id)?;
    Ok(table::revoke(tx, id)?)
}

/// Accepts a given key as the only one of the environment: the ones before it end.
///
/// Nothing ends for a key that is about to end itself, because it was rotated.
///
/// # Errors
///
/// Returns `apikey_invalid` if the key is another one's, `apikey_revoked` or `apikey_expired` if
/// it was taken back or replaced, or an error if a statement fails.
pub fn accept(tx: &mut Tx<'_>, mode: Mode, organization: &str, token: &str) -> Result<()> {
    let own = match credentials::find_token(tx, token)? {
        Some(own) if own.identity.organization == organization => {
            credentials::identify(tx, mode, token)?
        }
        Some(_) => {
            let message = "the key belongs to another organisation";
            return Err(ApiError::new("apikey_invalid", message).into());
        }
        None => {
            let issued = issue_as(tx, &grant(organization, ENVIRONMENT), token.to_owned())?;
            credentials::find(tx, organization, &issued.id)?
        }
    };
    if own.identity.expires_at.is_some() {
        return Ok(());
    }
    let now = stored_date(tx.now());
    for other in table::keys_of(tx, organization, &participant(ENVIRONMENT))? {
        let ending =
            Ending::of(other.revoked_at.as_deref(), other.identity.expires_at.as_deref(), &now);
        if other.id != own.id && ending.is_none() {
            credentials::expire_in(tx, &other, 0)?;
        }
    }
    Ok(())
}

/// Returns the grant of a secret key: all operations on all rows of the organisation.
pub(crate) fn grant(organization: &str, label: &str) -> NewCredential {
    NewCredential {
        kind: CredentialKind::Secret,
        organization: organization.to_owned(),
        participant: participant(label),
        participant_kind: ParticipantKind::System,
        on_behalf_of: None,
        operations: Operations::All,
        groups: BTreeSet::from([organization_group(organization)]),
        user_meta: serde_json::Map::new(),
        label: Some(label.to_owned()),
        full_reach: false,
        parent: None,
        ttl: None,
        not_after: None,
    }
}

fn participant(label: &str) -> String {
    format!("key_{label}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_key_has_128_bits() {
        for (token, expected) in [
            ("sk_live_0123456789abcdef0123456789abcdef", Err(KeyFault::Prefix)),
            ("pk_test_0123456789abcdef0123456789abcdef", Err(KeyFault::Prefix)),
            ("", Err(KeyFault::Prefix)),
            ("sk_test_", Err(KeyFault::Short)),
            ("sk_test_aaaaaaaaaaaaaaaa", Err(KeyFault::Short)),
            ("sk_test_0123456789abcdef0123456789abcde", Err(KeyFault::Short)),
            ("sk_test_0123456789abcdef0123456789abcdef", Ok(())),
            ("sk_test_sGVsbG8td29ybGQtMTIz", Err(KeyFault::Short)),
            ("sk_test_sGVsbG8td29ybGQtMTIzNA", Ok(())),
        ] {
            assert_eq!(check_form(Mode::Test, token), expected, "{token}");
        }
    }
}
