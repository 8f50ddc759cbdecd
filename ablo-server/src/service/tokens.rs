//! Credentials and turns: who may issue, read, revoke and rotate them.

use super::Service;
use crate::engine::access::require_own_or_secret;
use crate::engine::credentials::{self, Credential, IssuedCredential};
use crate::engine::exchange::{self, TokenRequest};
use crate::engine::turns::{self, OpenedTurn};
use crate::error::Result;
use crate::identity::Identity;
use crate::value::stored_date;
use ablo_wire::{TaskClose, TaskOpen};

/// A credential that replaces another one.
pub(crate) struct Rotated {
    /// The new credential.
    pub(crate) issued: IssuedCredential,
    /// Its participant.
    pub(crate) identity: Identity,
    /// The id of the old one.
    pub(crate) old: String,
    /// When the old one expires, in the stored date format.
    pub(crate) old_expiry: String,
}

impl Service {
    /// Exchanges a credential for a token that permits no more.
    ///
    /// # Errors
    /// Returns `capability_scope_denied`, or the store's error.
    pub(crate) async fn exchange(
        &self,
        holder: &Credential,
        request: TokenRequest,
    ) -> Result<(IssuedCredential, Identity)> {
        let (mode, who) = (self.options.mode, holder.identity.clone());
        self.acting(&holder.identity, move |engine, tx| {
            // Its rights may have changed since it was looked up for the request.
            let holder = credentials::find(tx, &who.organization, &who.capability)?;
            exchange::exchange(engine, tx, mode, &holder, request.clone())
        })
        .await
    }

    /// Returns a credential, and the time in the stored date format.
    ///
    /// # Errors
    /// Returns `forbidden` or `capability_not_found`, or the store's error.
    pub(crate) async fn credential(
        &self,
        caller: &Credential,
        id: String,
    ) -> Result<(Credential, String)> {
        require_own_or_secret(caller, &id)?;
        let organization = caller.identity.organization.clone();
        self.viewing(&caller.identity, move |_, tx| {
            Ok((credentials::find(tx, &organization, &id)?, stored_date(tx.now())))
        })
        .await
    }

    /// Returns the stored state of a participant's credential, which has to be valid.
    ///
    /// # Errors
    /// Returns `apikey_revoked` or `apikey_expired`, or the store's error.
    pub(crate) async fn current(&self, who: &Identity) -> Result<Credential> {
        let (organization, id) = (who.organization.clone(), who.capability.clone());
        self.viewing(who, move |_, tx| credentials::find(tx, &organization, &id)).await
    }

    /// Revokes a credential with all derived ones, and returns how many.
    ///
    /// # Errors
    /// Returns `forbidden` or `capability_not_found`, or the store's error.
    pub(crate) async fn revoke(&self, caller: &Credential, id: String) -> Result<u64> {
        require_own_or_secret(caller, &id)?;
        let organization = caller.identity.organization.clone();
        self.acting(&caller.identity, move |_, tx| {
            credentials::find(tx, &organization, &id)?;
            Ok(credentials::revoke(tx, &id)?)
        })
        .await
    }

    /// Replaces a credential. The old one stays valid for `grace` seconds.
    ///
    /// # Errors
    /// Returns `forbidden`, `capability_not_found` or `capability_invalid`, or the store's error.
    pub(crate) async fn rotate(
        &self,
        caller: &Credential,
        id: String,
        ttl: Option<u64>,
        grace: u64,
    ) -> Result<Rotated> {
        require_own_or_secret(caller, &id)?;
        let (mode, organization) = (self.options.mode, caller.identity.organization.clone());
        self.acting(&caller.identity, move |_, tx| {
            let old = credentials::find(tx, &organization, &id)?;
            // Before the new one exists, which is not to end with the old one.
            let old_expiry = credentials::expire_in(tx, &old, grace)?;
            let (issued, identity) = exchange::rotate(tx, mode, &old, ttl)?;
            Ok(Rotated { issued, identity, old: old.id, old_expiry })
        })
        .await
    }

    /// Opens a turn of an agent.
    ///
    /// # Errors
    /// Returns an error if the request is invalid, or the store's error.
    pub(crate) async fn open_turn(&self, who: &Identity, request: TaskOpen) -> Result<OpenedTurn> {
        let (who, id) = (who.clone(), format!("turn_{}", uuid::Uuid::new_v4().simple()));
        self.acting(&who.clone(), move |_, tx| turns::open(tx, &who, &id, &request)).await
    }

    /// Closes a turn. Returns whether it was open, and when it ended.
    ///
    /// # Errors
    /// Returns `turn_not_found` or `turn_foreign_agent`, or the store's error.
    pub(crate) async fn close_turn(
        &self,
        who: &Identity,
        id: String,
        costs: TaskClose,
    ) -> Result<(bool, String)> {
        let who = who.clone();
        self.acting(&who.clone(), move |_, tx| turns::close(tx, &who, &id, &costs)).await
    }
}
