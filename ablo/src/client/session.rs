//! Sessions: tokens for others, that cover no more than the key they are made with.

use super::Inner;
use super::error::Result;
use super::http::Request;
use crate::Model;
use crate::wire::{
    CapabilityCreate, CapabilityCreated, CapabilityDeleted, Object, ParticipantKind, Scope, Seconds,
};
use futures_util::future::BoxFuture;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

/// A token for a participant.
#[derive(Clone)]
pub struct Session {
    /// The session's id, to end it with.
    pub id: String,
    /// The bearer token, shown once.
    pub token: String,
    /// Until when, ISO 8601.
    pub expires_at: String,
    /// What it covers.
    pub scope: Scope,
}

impl std::fmt::Debug for Session {
    // A log holds no token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Makes and ends sessions.
#[derive(Clone, Debug)]
pub struct Sessions {
    inner: Arc<Inner>,
}

impl Sessions {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// A session for a human. Await it.
    pub fn user(&self, id: impl Into<String>) -> NewSession {
        self.of(ParticipantKind::User, id.into())
    }

    /// A session for an agent. Await it.
    pub fn agent(&self, id: impl Into<String>) -> NewSession {
        self.of(ParticipantKind::Agent, id.into())
    }

    fn of(&self, kind: ParticipantKind, id: String) -> NewSession {
        let mut body = CapabilityCreate::new();
        body.participant_kind = Some(kind);
        body.participant_id = Some(id);
        NewSession { inner: Arc::clone(&self.inner), body }
    }

    /// Ends a session at once; its connections are closed. False where it had ended before.
    ///
    /// # Errors
    /// `capability_not_found`, and where the coordinator refuses or cannot be reached.
    pub async fn end(&self, id: &str) -> Result<bool> {
        let answer: CapabilityDeleted =
            self.inner.http.send(&Request::delete(["v1", "capabilities", id])).await?;
        Ok(answer.deleted.unwrap_or(true))
    }
}

/// A session that is about to be made. Await it.
#[derive(Clone, Debug)]
#[must_use = "nothing is made before it is awaited"]
pub struct NewSession {
    inner: Arc<Inner>,
    body: CapabilityCreate,
}

impl NewSession {
    /// Allows the session to do this with rows of a model; without any of these it may do what the key may.
    pub fn can<M: Model>(mut self, verbs: impl IntoIterator<Item = Can>) -> Self {
        let allowed = self.body.operations.get_or_insert_default();
        allowed.extend(
            verbs.into_iter().map(|verb| format!("{}.{}", M::DESCRIPTOR.key, verb.as_str())),
        );
        self
    }

    /// What the session sees, each `kind:id`; by default what the schema gives the participant.
    pub fn sync_groups(mut self, groups: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.body.sync_groups = Some(groups.into_iter().map(Into::into).collect());
        self
    }

    /// How long it lives; a quarter of an hour by default.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.body.ttl_seconds = Some(Seconds(ttl.as_secs()));
        self
    }

    /// A name for people.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.body.label = Some(label.into());
        self
    }

    /// What the application knows about the participant; roles of the schema read it.
    pub fn user_meta(mut self, meta: Object) -> Self {
        self.body.user_meta = Some(meta);
        self
    }

    async fn run(mut self) -> Result<Session> {
        self.body.ttl_seconds = self.body.ttl_seconds.or(Some(Seconds(900)));
        let made: CapabilityCreated =
            self.inner.http.send(&Request::post(["v1", "capabilities"], &self.body)?).await?;
        let id = made.id.or(made.capability_id).unwrap_or_default();
        Ok(Session { id, token: made.token, expires_at: made.expires_at, scope: made.scope })
    }
}

impl IntoFuture for NewSession {
    type Output = Result<Session>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What a session may do with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Can {
    /// Read them.
    Read,
    /// Create them.
    Create,
    /// Change and archive them.
    Update,
    /// Delete them.
    Delete,
}

impl Can {
    fn as_str(self) -> &'static str {
        match self {
            Can::Read => "read",
            Can::Create => "create",
            Can::Update => "update",
            Can::Delete => "delete",
        }
    }
}
