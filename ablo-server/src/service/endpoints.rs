//! Webhook endpoints of an organisation: managed with a secret key.

use super::Service;
use super::webhooks::check_url;
use crate::engine::access::require_secret_key;
use crate::engine::credentials::Credential;
use crate::engine::webhooks::{self, Endpoint};
use crate::error::{ApiError, Result};
use ablo_wire::DeadLetter;
use std::collections::BTreeSet;

/// The maximum length of a URL and of an event name, in bytes.
const MAX_TEXT_BYTES: usize = 2048;
/// The maximum number of event names per endpoint.
const MAX_EVENT_NAMES: usize = 256;

/// Changes of an endpoint; absent ones keep the value.
#[derive(Clone, Debug, Default)]
pub(crate) struct EndpointChange {
    pub(crate) url: Option<String>,
    pub(crate) events: Option<BTreeSet<String>>,
    pub(crate) enabled: Option<bool>,
}

impl Service {
    /// Creates an endpoint that receives events from now on.
    ///
    /// # Errors
    /// Returns `forbidden` or `invalid_body`, or the store's error.
    pub(crate) async fn create_endpoint(
        &self,
        caller: &Credential,
        url: String,
        events: BTreeSet<String>,
    ) -> Result<Endpoint> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.check_endpoint(Some(&url), Some(&events))?;
        let id = format!("we_{}", uuid::Uuid::new_v4().simple());
        let secret = ablo_source::webhook_secret(&random_bytes()?);
        self.acting(who, move |_, tx| {
            webhooks::add(tx, &organization, (&id, &url, &secret), &events)
        })
        .await
    }

    /// Returns the endpoints of the caller's organisation.
    ///
    /// # Errors
    /// Returns `forbidden`, or the store's error.
    pub(crate) async fn endpoints(&self, caller: &Credential) -> Result<Vec<Endpoint>> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.viewing(who, move |_, tx| webhooks::all(tx, &organization)).await
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    /// Returns `forbidden` or `entity_not_found`, or the store's error.
    pub(crate) async fn endpoint(&self, caller: &Credential, id: String) -> Result<Endpoint> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.viewing(who, move |_, tx| webhooks::find(tx, &organization, &id)).await
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// Returns `forbidden`, `invalid_body` or `entity_not_found`, or the store's error.
    pub(crate) async fn change_endpoint(
        &self,
        caller: &Credential,
        id: String,
        change: EndpointChange,
    ) -> Result<Endpoint> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.check_endpoint(change.url.as_deref(), change.events.as_ref())?;
        self.acting(who, move |_, tx| {
            let mut endpoint = webhooks::find(tx, &organization, &id)?;
            if let Some(url) = &change.url {
                endpoint.url.clone_from(url);
            }
            if let Some(events) = &change.events {
                endpoint.events.clone_from(events);
            }
            endpoint.enabled = change.enabled.unwrap_or(endpoint.enabled);
            webhooks::change(tx, &endpoint)
        })
        .await
    }

    /// Deletes an endpoint with its dead letters.
    ///
    /// # Errors
    /// Returns `forbidden` or `entity_not_found`, or the store's error.
    pub(crate) async fn delete_endpoint(&self, caller: &Credential, id: String) -> Result<()> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.acting(who, move |_, tx| webhooks::remove(tx, &organization, &id)).await
    }

    /// Returns the dead letters of an endpoint.
    ///
    /// # Errors
    /// Returns `forbidden` or `entity_not_found`, or the store's error.
    pub(crate) async fn dead_letters(
        &self,
        caller: &Credential,
        id: String,
    ) -> Result<Vec<DeadLetter>> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.viewing(who, move |_, tx| webhooks::dead_letters(tx, &organization, &id)).await
    }

    /// Sends the dead letters of an endpoint again, and returns how many there are.
    ///
    /// # Errors
    /// Returns `forbidden` or `entity_not_found`, or the store's error.
    pub(crate) async fn redrive(&self, caller: &Credential, id: String) -> Result<u64> {
        let who = require_secret_key(caller)?;
        let organization = who.organization.clone();
        self.acting(who, move |_, tx| webhooks::redrive(tx, &organization, &id)).await
    }

    fn check_endpoint(
        &self,
        url: Option<&str>,
        events: Option<&BTreeSet<String>>,
    ) -> Result<(), ApiError> {
        let refused =
            |message: String, param: &str| ApiError::new("invalid_body", message).param(param);
        if let Some(url) = url {
            if url.len() > MAX_TEXT_BYTES {
                return Err(refused(format!("`url` is longer than {MAX_TEXT_BYTES} bytes"), "url"));
            }
            check_url(url, self.options.webhooks.private_hosts)
                .map_err(|message| refused(message, "url"))?;
        }
        let invalid = |name: &String| name.is_empty() || name.len() > MAX_TEXT_BYTES;
        if events.is_some_and(|events| events.len() > MAX_EVENT_NAMES || events.iter().any(invalid))
        {
            let message = format!(
                "`enabledEvents` must have at most {MAX_EVENT_NAMES} names of 1 to \
                 {MAX_TEXT_BYTES} bytes"
            );
            return Err(refused(message, "enabledEvents"));
        }
        Ok(())
    }
}

fn random_bytes() -> Result<[u8; 32], ApiError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|_| ApiError::new("internal_error", "the system's random generator failed"))?;
    Ok(bytes)
}
