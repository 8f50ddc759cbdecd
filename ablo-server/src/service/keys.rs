//! Keys: which credential a token is, and the secret keys of an organisation.

use super::Service;
use crate::engine::access::require_secret_key;
use crate::engine::credentials::{self, Credential, Ending, IssuedCredential, Mode};
use crate::engine::keys::{self, KeyFault};
use crate::error::{ApiError, Result};
use crate::store::{Store, Tenant};
use crate::value::{shown_date, stored_date};
use ablo_wire::KeyState;
use std::sync::Arc;

/// The secret keys of a database, with or without a running coordinator.
#[derive(Clone)]
pub struct Keys {
    store: Arc<dyn Store>,
    mode: Mode,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("mode", &self.mode).finish_non_exhaustive()
    }
}

/// A secret key, without its token, which is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretKey {
    /// Its id.
    pub id: String,
    /// Its label.
    pub label: String,
    /// `active`, `expired` or `revoked`.
    pub status: &'static str,
    /// When it was created, RFC 3339.
    pub created_at: String,
    /// When a token was last exchanged for it or a socket opened with it.
    pub last_used_at: Option<String>,
    /// When it ends, or has ended.
    pub expires_at: Option<String>,
}

/// A new secret key, with the token that is shown only once.
#[derive(Clone)]
pub struct NewKey {
    /// Its id.
    pub id: String,
    /// The token.
    pub token: String,
}

impl std::fmt::Debug for NewKey {
    // Omits the token, so that it does not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl From<IssuedCredential> for NewKey {
    fn from(issued: IssuedCredential) -> Self {
        Self { id: issued.id, token: issued.token }
    }
}

impl SecretKey {
    fn of(key: Credential, now: &str) -> Self {
        let end = key.identity.expires_at;
        let status = match Ending::of(key.revoked_at.as_deref(), end.as_deref(), now) {
            None => "active",
            Some(Ending::Expired) => "expired",
            Some(Ending::Revoked) => "revoked",
        };
        Self {
            id: key.id,
            label: key.label.unwrap_or_default(),
            status,
            created_at: shown_date(&key.issued_at),
            last_used_at: key.last_used_at.as_deref().map(shown_date),
            expires_at: end.as_deref().map(shown_date),
        }
    }

    /// Returns the form in answers.
    #[must_use]
    pub fn shown(&self) -> KeyState {
        let (id, label) = (self.id.clone(), self.label.clone());
        let mut shown = KeyState::new(id, label, self.status, self.created_at.clone());
        shown.last_used_at = self.last_used_at.clone();
        shown.expires_at = self.expires_at.clone();
        shown
    }
}

impl Keys {
    /// Returns the keys of a store that holds the coordinator's tables.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, mode: Mode) -> Self {
        Self { store, mode }
    }

    /// Checks the form of a given secret key.
    ///
    /// # Errors
    /// Returns the fault.
    pub fn check_form(&self, token: &str) -> Result<(), KeyFault> {
        keys::check_form(self.mode, token)
    }

    /// Creates a secret key.
    ///
    /// # Errors
    /// Returns `invalid_request` for a label that cannot be used, or the store's error.
    pub async fn create(&self, organization: &str, label: &str) -> Result<NewKey> {
        let (mode, owner, label) = (self.mode, organization.to_owned(), label.to_owned());
        let create = move |tx: &mut crate::store::Tx<'_>| keys::create(tx, mode, &owner, &label);
        Ok(self.store.writing(tenant(organization), create).await?.into())
    }

    /// Returns the secret keys of an organisation, the oldest first.
    ///
    /// # Errors
    /// Returns the store's error.
    pub async fn list(&self, organization: &str) -> Result<Vec<SecretKey>> {
        let owner = organization.to_owned();
        self.store
            .reading(tenant(organization), move |tx| {
                let now = stored_date(tx.now());
                let all = keys::all(tx, &owner)?;
                Ok(all.into_iter().map(|key| SecretKey::of(key, &now)).collect())
            })
            .await
    }

    /// Replaces a secret key, which ends after `grace` seconds. Returns the new one and that end.
    ///
    /// # Errors
    /// Returns `capability_not_found` or `capability_invalid`, or the store's error.
    pub async fn rotate(
        &self,
        organization: &str,
        id: &str,
        grace: u64,
    ) -> Result<(NewKey, String)> {
        let (mode, owner, id) = (self.mode, organization.to_owned(), id.to_owned());
        let (issued, end) = self
            .store
            .writing(tenant(organization), move |tx| keys::replace(tx, mode, &owner, &id, grace))
            .await?;
        Ok((issued.into(), shown_date(&end)))
    }

    /// Takes a secret key back with everything that derives from it. Returns how many were valid.
    ///
    /// # Errors
    /// Returns `capability_not_found`, or the store's error.
    pub async fn revoke(&self, organization: &str, id: &str) -> Result<u64> {
        let (owner, id) = (organization.to_owned(), id.to_owned());
        self.store.writing(tenant(organization), move |tx| keys::revoke(tx, &owner, &id)).await
    }

    /// Accepts a given key as the only one of the environment: the ones before it end.
    ///
    /// # Errors
    /// Returns `apikey_invalid` for a key of another organisation, `apikey_revoked` or
    /// `apikey_expired` for one that was taken back or replaced, or the store's error.
    pub async fn accept(&self, organization: &str, token: &str) -> Result<()> {
        let (mode, owner, token) = (self.mode, organization.to_owned(), token.to_owned());
        self.store
            .writing(tenant(organization), move |tx| keys::accept(tx, mode, &owner, &token))
            .await
    }

    /// Returns whether any organisation has a valid secret key.
    ///
    /// # Errors
    /// Returns the store's error.
    pub async fn any(&self) -> Result<bool> {
        self.store.reading(Tenant::Global, keys::any).await
    }
}

fn tenant(organization: &str) -> Tenant {
    Tenant::Organization(organization.to_owned())
}

impl Service {
    /// Returns the credential of a bearer token.
    ///
    /// # Errors
    /// Returns an error with status 401 if the token is not valid, or the store's error.
    pub async fn identify(&self, token: &str) -> Result<Credential> {
        let (mode, token) = (self.options.mode, token.to_owned());
        self.store.reading(Tenant::Global, move |tx| credentials::identify(tx, mode, &token)).await
    }

    /// Returns the secret keys of the caller's organisation.
    ///
    /// # Errors
    /// Returns `forbidden`, or the store's error.
    pub(crate) async fn secret_keys(&self, caller: &Credential) -> Result<Vec<SecretKey>> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.viewing(who, move |_, tx| {
            let now = stored_date(tx.now());
            let all = keys::all(tx, &organization)?;
            Ok(all.into_iter().map(|key| SecretKey::of(key, &now)).collect())
        })
        .await
    }

    /// Creates a secret key of the caller's organisation.
    ///
    /// # Errors
    /// Returns `forbidden` or `invalid_request`, or the store's error.
    pub(crate) async fn create_key(&self, caller: &Credential, label: String) -> Result<NewKey> {
        let who = require_secret_key(caller)?;
        let (mode, organization) = (self.options.mode, who.organization.clone());
        let issued =
            self.acting(who, move |_, tx| keys::create(tx, mode, &organization, &label)).await?;
        Ok(issued.into())
    }

    /// Issues a new secret key for an organisation.
    ///
    /// # Errors
    /// Returns an error if the key cannot be stored.
    pub async fn issue_secret_key(&self, organization: &str, label: &str) -> Result<String> {
        let (mode, grant) = (self.options.mode, keys::grant(organization, label));
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue(tx, mode, &grant))
            .await?;
        Ok(issued.token)
    }

    /// Registers an existing token as a secret key (idempotent).
    ///
    /// Intended for development, where a key outlives its database.
    ///
    /// # Errors
    /// Returns `apikey_invalid` if the token has another mode's prefix, or the store's error.
    pub async fn adopt_key(&self, organization: &str, label: &str, token: &str) -> Result<()> {
        if keys::check_form(self.options.mode, token) == Err(KeyFault::Prefix) {
            return Err(ApiError::new(
                "apikey_invalid",
                "a secret key starts with `sk_test_` or `sk_live_`",
            )
            .into());
        }
        if self.identify(token).await.is_ok() {
            return Ok(());
        }
        let (grant, token) = (keys::grant(organization, label), token.to_owned());
        let adopted = token.clone();
        let issued = self
            .store
            .writing(Tenant::Global, move |tx| credentials::issue_as(tx, &grant, adopted.clone()))
            .await;
        // Another process may have registered it at the same time.
        match issued {
            Err(_) if self.identify(&token).await.is_ok() => Ok(()),
            issued => issued.map(|_| ()),
        }
    }
}
