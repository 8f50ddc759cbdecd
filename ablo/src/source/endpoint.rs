//! A request, from its signature to its answer.

use super::error::{Error, Result};
use super::signature::Verifier;
use crate::wire::{
    EventsAnswer, ListAnswer, LoadAnswer, Object, RawRow, SourceCommit, SourceCommitAnswer,
    SourceErrorCode as Code, SourceEvents, SourceFailure, SourceList, SourceLoad, SourceMode,
    SourceRequest, SourceScope, Verb,
};
use serde::Serialize;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a request at most.
const LARGEST: usize = 4 << 20;

/// The rows of an application, as a coordinator asks for them. What is not written is refused as not configured.
pub trait Source: Send + Sync + 'static {
    /// Says what a request may do; everything without this.
    ///
    /// # Errors
    /// Whatever is to be answered instead.
    fn authorize(&self, call: &Call) -> impl Future<Output = Result<Scopes>> + Send {
        let _ = call;
        async { Ok(Scopes::ALL) }
    }

    /// A row by its id.
    ///
    /// # Errors
    /// `source_load_not_configured`, unless it is written.
    fn load(
        &self,
        call: &Call,
        asked: SourceLoad,
    ) -> impl Future<Output = Result<Option<RawRow>>> + Send {
        let _ = call;
        async move { Err(Error::about(Code::LoadNotConfigured, &asked.model)) }
    }

    /// A page of rows.
    ///
    /// # Errors
    /// `source_list_not_configured`, unless it is written.
    fn list(
        &self,
        call: &Call,
        asked: SourceList,
    ) -> impl Future<Output = Result<ListAnswer>> + Send {
        let _ = call;
        async move { Err(Error::about(Code::ListNotConfigured, &asked.model)) }
    }

    /// Applies operations together or not at all, once for each `clientTxId`: a commit that comes again is answered as the first time.
    ///
    /// # Errors
    /// `source_commit_not_configured`, unless it is written.
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

    /// What changed after a cursor, in an order in which nothing comes in before what was given.
    ///
    /// # Errors
    /// `source_events_not_configured`, unless it is written.
    fn events(
        &self,
        call: &Call,
        asked: SourceEvents,
    ) -> impl Future<Output = Result<EventsAnswer>> + Send {
        let _ = (call, asked);
        async { Err(Code::EventsNotConfigured.into()) }
    }
}

/// What a request may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes {
    /// Load a row.
    pub load: bool,
    /// List rows.
    pub list: bool,
    /// Commit.
    pub commit: bool,
    /// Read the outbox.
    pub events: bool,
}

impl Scopes {
    /// Everything.
    pub const ALL: Self = Self { load: true, list: true, commit: true, events: true };
    /// Nothing that writes.
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

/// A request, as its signature and its scope say.
#[derive(Clone, Debug)]
pub struct Call {
    /// The message; the same for each attempt at it.
    pub message_id: String,
    /// When it was signed, in seconds since 1970.
    pub signed_at: u64,
    /// For whom it is made.
    pub scope: SourceScope,
    /// Whether it is about data of development.
    pub is_test: bool,
}

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// An endpoint that a coordinator calls: a source behind signatures. It is a service of tower, and clones share what they remember.
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
    /// An endpoint with these keys, of which each is good.
    pub fn new(source: S, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self::with(source, Verifier::new(keys))
    }

    /// An endpoint that checks signatures like this.
    pub fn with(source: S, verifier: Verifier) -> Self {
        Self(Arc::new(Inner { source, verifier }))
    }

    /// Bytes of a request at most.
    #[must_use]
    pub const fn largest() -> usize {
        LARGEST
    }

    /// Answers a request: its method, a way to its headers, and the bytes of its body as they came.
    pub async fn answer(
        &self,
        method: &str,
        header: impl Fn(&str) -> Option<String> + Send,
        body: &[u8],
    ) -> Answer {
        match self.try_answer(method, header, body).await {
            Ok(answer) => answer,
            Err(Error::Refused(failure, status)) => said(status, &failure),
            // Why is for this program's own log: the reason may hold anything.
            Err(Error::Failed(reason)) => {
                tracing::error!(%reason, "a source failed");
                let mut failure = SourceFailure::new(Code::from("source_failed".to_owned()));
                failure.message = Some("the source failed".to_owned());
                said(500, &failure)
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
        if body.len() > LARGEST {
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
            serde_json::from_slice(body).map_err(|error| unread(body, &error))?;
        let scope = match &request {
            SourceRequest::Load(asked) => asked.scope.clone(),
            SourceRequest::List(asked) => asked.scope.clone(),
            SourceRequest::Commit(asked) => asked.scope.clone(),
            SourceRequest::Events(asked) => asked.scope.clone(),
            _ => return Err(Code::UnknownRequest.into()),
        };
        let scope = scope.unwrap_or_default();
        let is_test =
            scope.mode.as_ref().map_or(key_mode.unwrap_or(false), |mode| *mode == SourceMode::Test);
        // A key of development never reaches real rows, nor the other way round.
        if key_mode.is_some_and(|key_is_test| key_is_test != is_test) {
            return Err(Error::refused(Code::Forbidden, "the key is of the other mode"));
        }
        let call = Call { message_id, signed_at, scope, is_test };
        let scopes = source.authorize(&call).await?;
        let needs = |granted: bool, required: &str| match granted {
            true => Ok(()),
            false => {
                let mut failure = SourceFailure::new(Code::Forbidden);
                (failure.required, failure.granted) =
                    (Some(required.to_owned()), Some(scopes.granted()));
                Err(Error::Refused(Box::new(failure), 403))
            }
        };
        Ok(match request {
            SourceRequest::Load(asked) => {
                needs(scopes.load, "load")?;
                said(
                    200,
                    &LoadAnswer { row: source.load(&call, asked).await?, other: Object::new() },
                )
            }
            SourceRequest::List(asked) => {
                needs(scopes.list, "list")?;
                said(200, &source.list(&call, asked).await?)
            }
            SourceRequest::Commit(asked) => {
                needs(scopes.commit, "commit")?;
                said(200, &source.commit(&call, valid(asked)?).await?)
            }
            SourceRequest::Events(asked) => {
                needs(scopes.events, "events")?;
                said(200, &source.events(&call, asked).await?)
            }
            _ => return Err(Code::UnknownRequest.into()),
        })
    }
}

/// Why a body is no request.
fn unread(body: &[u8], error: &serde_json::Error) -> Error {
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

/// A commit that can be told apart from others, and whose operations are whole.
fn valid(asked: SourceCommit) -> Result<SourceCommit> {
    if asked.client_tx_id.as_ref().is_none_or(String::is_empty) {
        return Err(Code::CommitRequiresClientTxId.into());
    }
    if asked.operations.is_empty() {
        return Err(Error::refused(Code::CommitInvalid, "a commit has operations"));
    }
    for (at, operation) in asked.operations.iter().enumerate() {
        let why = match &operation.verb {
            Verb::Other(verb) => format!("`{verb}` is no verb"),
            _ if operation.model.is_empty() => "the model is empty".to_owned(),
            _ if operation.id.value().is_some_and(String::is_empty) => "the id is empty".to_owned(),
            Verb::Create => continue,
            _ if operation.id.value().is_none() => "the id is missing".to_owned(),
            _ => continue,
        };
        return Err(Error::refused(Code::CommitInvalid, format!("operation {at}: {why}")));
    }
    Ok(asked)
}

fn said(status: u16, body: &impl Serialize) -> Answer {
    // These are records of text and rows, which always are JSON.
    Answer { status, body: serde_json::to_string(body).unwrap_or_default() }
}
