//! The bearer token: a key as it is, or what it was exchanged for, renewed before its end and when it is refused.

use super::error::{Error, Result};
use super::http::{Http, Request};
use crate::wire::{ExchangeRequest, ExchangeResponse, ParticipantKind, Seconds};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long an exchanged token is asked for, in seconds.
const LIFE: u64 = 3600;

type Fetched = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// What a client proves itself with.
///
/// ```
/// use ablo::client::Credential;
/// let key = Credential::from("sk_test_…");
/// // A token of the application's own server, asked for again whenever it is refused.
/// let fetched = Credential::fetched(|| async { Ok("ek_test_…".to_owned()) });
/// ```
#[derive(Clone)]
pub struct Credential(pub(super) Source);

#[derive(Clone)]
pub(super) enum Source {
    Fixed(Arc<str>),
    Fetched(Arc<dyn Fn() -> Fetched + Send + Sync>),
}

impl Credential {
    /// A token that a function gets. It is asked again when the token is refused.
    pub fn fetched<F, T>(fetch: F) -> Self
    where
        F: Fn() -> T + Send + Sync + 'static,
        T: Future<Output = Result<String>> + Send + 'static,
    {
        Self(Source::Fetched(Arc::new(move || Box::pin(fetch()))))
    }
}

impl From<&str> for Credential {
    fn from(key: &str) -> Self {
        Self(Source::Fixed(key.into()))
    }
}

impl From<String> for Credential {
    fn from(key: String) -> Self {
        Self(Source::Fixed(key.into()))
    }
}

impl std::fmt::Debug for Credential {
    // A log holds no key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

/// The token in use.
pub(super) struct Tokens {
    source: Source,
    /// For whom the key is exchanged; nobody leaves it as it is.
    participant: Option<(ParticipantKind, String)>,
    held: Mutex<Option<Held>>,
}

struct Held {
    token: Arc<str>,
    renew_at: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(
        credential: Credential,
        participant: Option<(ParticipantKind, String)>,
    ) -> Self {
        Self { source: credential.0, participant, held: Mutex::new(None) }
    }

    /// The token to send now.
    pub(super) async fn get(&self, http: &Http) -> Result<Arc<str>> {
        let mut held = self.held.lock().await;
        if let Some(known) =
            held.as_ref().filter(|known| known.renew_at.is_none_or(|at| Instant::now() < at))
        {
            return Ok(Arc::clone(&known.token));
        }
        let key: Arc<str> = match &self.source {
            Source::Fixed(key) => Arc::clone(key),
            Source::Fetched(fetch) => fetch().await?.into(),
        };
        if key.is_empty() || key.chars().any(|letter| !letter.is_ascii_graphic()) {
            return Err(Error::here(
                "api_key_required",
                "there is no key, or it holds what no header can carry",
            ));
        }
        let made = match &self.participant {
            None => Held { token: key, renew_at: None },
            Some((kind, id)) => exchange(http, &key, kind, id).await?,
        };
        let token = Arc::clone(&made.token);
        *held = Some(made);
        Ok(token)
    }

    /// Forgets a token that was refused; whether another can be had.
    pub(super) async fn refused(&self, token: &str) -> bool {
        let mut held = self.held.lock().await;
        if held.as_ref().is_some_and(|known| &*known.token == token) {
            *held = None;
        }
        matches!(self.source, Source::Fetched(_)) || self.participant.is_some()
    }
}

/// Exchanges a key for a token of a participant.
async fn exchange(http: &Http, key: &str, kind: &ParticipantKind, id: &str) -> Result<Held> {
    let mut body = ExchangeRequest::new(kind.clone());
    body.participant_id = Some(id.to_owned());
    body.ttl_seconds = Some(Seconds(LIFE));
    body.wide_scope = (*kind == ParticipantKind::System).then_some(true);
    let asked = Instant::now();
    let answer = http.once(&Request::post(["auth", "capability"], &body)?, key).await?;
    let answer: ExchangeResponse =
        serde_json::from_slice(&answer).map_err(|error| Error::unreadable(&error))?;
    // Two thirds, so that one that failed has time to try again. A life that was cut shorter ends in a refusal, which renews.
    let renew_at = asked + Duration::from_secs(LIFE * 2 / 3);
    Ok(Held { token: answer.token.into(), renew_at: Some(renew_at) })
}
