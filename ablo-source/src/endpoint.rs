//! Request handling: from the signature check to the answer.

use super::error::{Error, Result};
use super::signature::Verifier;
use ablo_wire::{
    EventsAnswer, ListAnswer, LoadAnswer, Object, RawRow, SourceCommit, SourceCommitAnswer,
    SourceErrorCode as Code, SourceEvents, SourceFailure, SourceList, SourceLoad, SourceMode,
    SourceRequest, SourceScope, Verb,
};
use serde::Serialize;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The largest request body in bytes.
const MAX_BODY_BYTES: usize = 4 << 20;

/// An application's rows, as a coordinator requests them. Methods that are not implemented refuse
/// their requests as not configured.
pub trait Source: Send + Sync + 'static {
    /// Returns the permissions of a request. By default it may do everything.
    ///
    /// # Errors
    /// An error is returned to the coordinator instead of an answer.
    fn authorize(&self, call: &Call) -> impl Future<Output = Result<Scopes>> + Send {
        let _ = call;
        async { Ok(Scopes::ALL) }
    }

    /// Loads a row by id.
    ///
    /// # Errors
    /// An error is returned to the coordinator. The default is `source_load_not_configured`.
    fn load(
        &self,
        call: &Call,
        asked: SourceLoad,
    ) -> impl Future<Output = Result<Option<RawRow>>> + Send {
        let _ = call;
        async move { Err(Error::about(Code::LoadNotConfigured, &asked.model)) }
    }

    /// Lists a page of rows.
    ///
    /// # Errors
    /// An error is returned to the coordinator. The default is `source_list_not_configured`.
    fn list(
        &self,
        call: &Call,
        asked: SourceList,
    ) -> impl Future<Output = Result<ListAnswer>> + Send {
        let _ = call;
        async move { Err(Error::about(Code::ListNotConfigured, &asked.model)) }
    }

    /// Applies operations as a whole or not at all, once for each `clientTxId`. A repeated commit
    /// gets the answer of the first.
    ///
    /// # Errors
    /// An error is returned to the coordinator. The default is `source_commit_not_configured`.
    fn commit(
        &self,
        call: &Call,
        asked: SourceCommit,
    ) -> impl Future<Output = Result<SourceCommitAnswer>> + Send {
        let _ = call;
        async move {
            let model = asked
                .operations
                .first()
                .map(|first| first.model.clone())
                .or(asked.model)
                .unwrap_or_default();
            Err(Error::about(Code::CommitNotConfigured, &model))
        }
    }

    /// Returns the events after a cursor. Their order is final: no later call returns an event that
    /// belongs before one that was returned.
    ///
    /// # Errors
    /// An error is returned to the coordinator. The default is `source_events_not_configured`.
    fn events(
        &self,
        call: &Call,
        asked: SourceEvents,
    ) -> impl Future<Output = Result<EventsAnswer>> + Send {
        let _ = (call, asked);
        async { Err(Code::EventsNotConfigured.into()) }
    }
}

/// The permissions of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// It may load a row.
    pub load: bool,
    /// It may list rows.
    pub list: bool,
    /// It may commit.
    pub commit: bool,
    /// It may read the outbox.
    pub events: bool,
}

impl Scopes {
    /// All permissions.
    pub const ALL: Self = Self { load: true, list: true, commit: true, events: true };
    /// All permissions except to commit.
    pub const READ: Self = Self { commit: false, ..Self::ALL };

    fn granted(self) -> Vec<String> {
        let all = [
            ("load", self.load),
            ("list", self.list),
            ("commit", self.commit),
            ("events", self.events),
        ];
        all.into_iter().filter(|(_, granted)| *granted).map(|(name, _)| name.to_owned()).collect()
    }
}

/// The context of a request: its message id, time and scope.
#[derive(Clone, Debug)]
pub struct Call {
    /// The id of the message, the same for each attempt.
    pub message_id: String,
    /// When the message was signed, in seconds since 1970.
    pub signed_at: u64,
    /// The participant and the organisation that the request is made for.
    pub scope: SourceScope,
    /// Whether the request is for test data.
    pub is_test: bool,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: String,
}

/// The endpoint of a source, which checks signatures. It is a tower service. Clones share the
/// message ids that protect against replays.
#[derive(Debug)]
pub struct Endpoint<S>(Arc<Inner<S>>);

#[derive(Debug)]
struct Inner<S> {
    source: S,
    verifier: Verifier,
}

impl<S> Clone for Endpoint<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: Source> Endpoint<S> {
    /// Creates an endpoint that accepts messages signed with any of these keys.
    pub fn new(source: S, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::with(source, Verifier::new(keys))
    }

    /// Creates an endpoint with a configured verifier.
    pub fn with(source: S, verifier: Verifier) -> Self {
        Self(Arc::new(Inner { source, verifier }))
    }

    /// Returns the largest request body in bytes.
    #[must_use]
    pub const fn max_body_bytes() -> usize {
        MAX_BODY_BYTES
    }

    /// Answers a request, given its method, a lookup of its headers and the raw bytes of its body.
    pub async fn answer(
        &self,
        method: &str,
        header: impl Fn(&str) -> Option<String> + Send,
        body: &[u8],
    ) -> Answer {
        match self.try_answer(method, header, body).await {
            Ok(answer) => answer,
            Err(Error::Refused(failure, status)) => answer(status, &failure),
            // The reason is only logged, since it may contain secrets.
            Err(Error::Failed(reason)) => {
                tracing::error!(%reason, "the source failed");
                let mut failure = SourceFailure::new(Code::from("source_failed".to_owned()));
                failure.message = Some("the source failed".to_owned());
                answer(500, &failure)
            }
        }
    }

    async fn try_answer(
        &self,
        method: &str,
        header: impl Fn(&str) -> Option<String> + Send,
        body: &[u8],
    ) -> Result<Answer> {
        if method != "POST" {
            return Err(Code::MethodNotAllowed.into());
        }
        if body.len() > MAX_BODY_BYTES {
            return Err(Code::from("source_body_too_large".to_owned()).into());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let Inner { source, verifier } = &*self.0;
        let (key, message_id, signed_at) = verifier.verify(header, body, now)?;
        let key_mode = key
            .starts_with("sk_test_")
            .then_some(true)
            .or(key.starts_with("sk_live_").then_some(false));
        let request: SourceRequest =
            serde_json::from_slice(body).map_err(|error| unreadable_body(body, &error))?;
        let scope = match &request {
            SourceRequest::Load(request) => request.scope.clone(),
            SourceRequest::List(request) => request.scope.clone(),
            SourceRequest::Commit(request) => request.scope.clone(),
            SourceRequest::Events(request) => request.scope.clone(),
            _ => return Err(Code::UnknownRequest.into()),
        };
        let scope = scope.unwrap_or_default();
        let is_test =
            scope.mode.as_ref().map_or(key_mode.unwrap_or(false), |mode| *mode == SourceMode::Test);
        // A test key never reaches live rows, and a live key never reaches test rows.
        if key_mode.is_some_and(|key_is_test| key_is_test != is_test) {
            let message = "the mode of the key differs from the mode of the request";
            return Err(Error::refused(Code::Forbidden, message));
        }
        let call = Call { message_id, signed_at, scope, is_test };
        let scopes = source.authorize(&call).await?;
        let require = |granted: bool, required: &str| match granted {
            true => Ok(()),
            false => {
                let mut failure = SourceFailure::new(Code::Forbidden);
                (failure.required, failure.granted) =
                    (Some(required.to_owned()), Some(scopes.granted()));
                Err(Error::Refused(Box::new(failure), 403))
            }
        };
        Ok(match request {
            SourceRequest::Load(request) => {
                require(scopes.load, "load")?;
                let row = source.load(&call, request).await?;
                answer(200, &LoadAnswer { row, other: Object::new() })
            }
            SourceRequest::List(request) => {
                require(scopes.list, "list")?;
                answer(200, &source.list(&call, request).await?)
            }
            SourceRequest::Commit(request) => {
                require(scopes.commit, "commit")?;
                answer(200, &source.commit(&call, validate_commit(request)?).await?)
            }
            SourceRequest::Events(request) => {
                require(scopes.events, "events")?;
                answer(200, &source.events(&call, request).await?)
            }
            _ => return Err(Code::UnknownRequest.into()),
        })
    }
}

/// Returns the refusal of a body that is not a valid request.
fn unreadable_body(body: &[u8], error: &serde_json::Error) -> Error {
    #[derive(serde::Deserialize)]
    struct Kind {
        r#type: Option<String>,
    }
    match serde_json::from_slice::<Kind>(body) {
        Ok(Kind { r#type: None }) => Code::UnknownRequest.into(),
        Ok(Kind { r#type: Some(kind) }) if kind == "commit" => {
            Error::refused(Code::CommitInvalid, error.to_string())
        }
        _ => Error::refused(Code::InvalidJson, error.to_string()),
    }
}

/// Checks that a commit has a `clientTxId` and complete operations.
fn validate_commit(commit: SourceCommit) -> Result<SourceCommit> {
    if commit.client_tx_id.as_ref().is_none_or(String::is_empty) {
        return Err(Code::CommitRequiresClientTxId.into());
    }
    if commit.operations.is_empty() {
        return Err(Error::refused(Code::CommitInvalid, "the commit has no operations"));
    }
    for (index, operation) in commit.operations.iter().enumerate() {
        let fault = match &operation.verb {
            Verb::Other(verb) => format!("unknown verb `{verb}`"),
            _ if operation.model.is_empty() => "the model is empty".to_owned(),
            _ if operation.id.value().is_some_and(String::is_empty) => "the id is empty".to_owned(),
            Verb::Create => continue,
            _ if operation.id.value().is_none() => "the id is missing".to_owned(),
            _ => continue,
        };
        return Err(Error::refused(Code::CommitInvalid, format!("operation {index}: {fault}")));
    }
    Ok(commit)
}

fn answer(status: u16, body: &impl Serialize) -> Answer {
    // Serializing text and raw rows cannot fail.
    Answer { status, body: serde_json::to_string(body).unwrap_or_default() }
}
