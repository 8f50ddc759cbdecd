//! Keys: which credential a token is, and secret keys for an organisation.

use super::Service;
use crate::engine::credentials::{self, Credential, CredentialKind, NewCredential};
use crate::error::{ApiError, Result};
use crate::identity::{Operations, organization_group};
use crate::store::Tenant;
use ablo_wire::ParticipantKind;
use std::collections::BTreeSet;

impl Service {
    /// Returns the credential of a bearer token.
    ///
    /// # Errors
    /// Returns an error with status 401 if the token is not valid, or the store's error.
    pub async fn identify(&self, token: &str) -> Result<Credential> {
        let (mode, token) = (self.options.mode, token.to_owned());
        self.store.reading(Tenant::Global, move |tx| credentials::identify(tx, mode, &token)).await
    }

    /// Issues a new secret key for an organisation.
    ///
    /// # Errors
    /// Returns an error if the key cannot be stored.
    pub async fn issue_secret_key(&self, organization: &str, label: &str) -> Result<String> {
        let (mode, grant) = (self.options.mode, secret_key_grant(organization, label));
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
        if !token.starts_with(&format!("sk_{}_", self.options.mode.as_str())) {
            return Err(ApiError::new(
                "apikey_invalid",
                "a secret key starts with `sk_test_` or `sk_live_`",
            )
            .into());
        }
        if self.identify(token).await.is_ok() {
            return Ok(());
        }
        let (grant, token) = (secret_key_grant(organization, label), token.to_owned());
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

/// Returns the grant of a secret key: all operations on all rows of the organisation.
fn secret_key_grant(organization: &str, label: &str) -> NewCredential {
    NewCredential {
        kind: CredentialKind::Secret,
        organization: organization.to_owned(),
        participant: format!("key_{label}"),
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
