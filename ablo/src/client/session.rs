//! Sessions: tokens for other participants, with at most the rights of the key that creates them.

use super::Inner;
use super::error::Result;
use super::http::Request;
use super::policy;
use crate::Model;
use crate::wire::{
    CapabilityCreate, CapabilityCreated, CapabilityDeleted, Object, ParticipantKind, Scope, Seconds,
};
use futures_util::future::BoxFuture;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

/// A session: a token for a participant.
#[derive(Clone)]
pub struct Session {
    /// The id of the session, for [`Sessions::end`].
    pub id: String,
    /// The bearer token. It cannot be read again later.
    pub token: String,
    /// When the token expires, ISO 8601.
    pub expires_at: String,
    /// The rights of the token.
    pub scope: Scope,
}

impl std::fmt::Debug for Session {
    // Omits the token, so that it does not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Creates and ends sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

impl Sessions {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Starts a session for a user. Await the builder to create it.
    pub fn user(&self, id: impl Into<String>) -> NewSession {
        self.of(ParticipantKind::User, id.into())
    }

    /// Starts a session for an agent. Await the builder to create it.
    pub fn agent(&self, id: impl Into<String>) -> NewSession {
        self.of(ParticipantKind::Agent, id.into())
    }

    fn of(&self, kind: ParticipantKind, id: String) -> NewSession {
        let mut body = CapabilityCreate::new();
        body.participant_kind = Some(kind);
        body.participant_id = Some(id);
        NewSession { inner: Arc::clone(&self.inner), body }
    }

    /// Ends a session and closes its connections. Returns false if it had already ended.
    ///
    /// # Errors
    /// `capability_not_found` if there is no such session, or an error if the request fails.
    pub async fn end(&self, id: &str) -> Result<bool> {
        let answer: CapabilityDeleted =
            self.inner.http.send(&Request::delete(["v1", "capabilities", id])).await?;
        Ok(answer.deleted.unwrap_or(true))
    }
}

/// A builder of a session. Await it to create the session.
#[derive(Clone, Debug)]
#[must_use = "a session is created only when this is awaited"]
pub struct NewSession {
    inner: Arc<Inner>,
    body: CapabilityCreate,
}

impl NewSession {
    /// Permits operations on the rows of a model. Without a call of this method, the session has
    /// all permissions of the key.
    pub fn can<M: Model>(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        let allowed = self.body.operations.get_or_insert_default();
        allowed.extend(
            permissions.into_iter().map(|verb| format!("{}.{}", M::DESCRIPTOR.key, verb.as_str())),
        );
        self
    }

    /// Sets the sync groups of the session, each as `kind:id`. By default the schema determines
    /// them.
    pub fn sync_groups(mut self, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.body.sync_groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the TTL of the token. The default is 15 minutes.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.body.ttl_seconds = Some(Seconds(ttl.as_secs()));
        self
    }

    /// Sets a label for people to recognise the session by.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.body.label = Some(label.into());
        self
    }

    /// Sets the application's data about the participant, which the schema's roles read.
    pub fn user_meta(mut self, meta: Object) -> Self {
        self.body.user_meta = Some(meta);
        self
    }

    async fn run(mut self) -> Result<Session> {
        self.body.ttl_seconds =
            self.body.ttl_seconds.or(Some(Seconds(policy::SESSION_TTL.as_secs())));
        let created: CapabilityCreated =
            self.inner.http.send(&Request::post(["v1", "capabilities"], &self.body)?).await?;
        let CapabilityCreated { token, expires_at, scope, .. } = created;
        let id = created.id.or(created.capability_id).unwrap_or_default();
        Ok(Session { id, token, expires_at, scope })
    }
}

impl IntoFuture for NewSession {
    type Output = Result<Session>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// An operation that a session may perform on the rows of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read rows.
    Read,
    /// Create rows.
    Create,
    /// Update and archive rows.
    Update,
    /// Delete rows.
    Delete,
}

impl Permission {
    fn as_str(self) -> &'static str {
        match self {
            Permission::Read => "read",
            Permission::Create => "create",
            Permission::Update => "update",
            Permission::Delete => "delete",
        }
    }
}
