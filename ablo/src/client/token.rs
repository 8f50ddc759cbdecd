//! The bearer token: the key itself or a token it was exchanged for, renewed before it expires and
//! when it is refused.

use super::error::{Error, Result};
use super::policy;
use crate::wire::{ExchangeRequest, ExchangeResponse, ParticipantKind, Seconds};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::Instant;

type Fetched = Pin<Box<dyn Future<Output = Result<String>> + Send>>;

/// A key or token, or a function that fetches one.
///
/// ```
/// use ablo::client::Credential;
/// let key = Credential::from("sk_test_…");
/// // A token from the application's own server, fetched again whenever it is refused.
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
    /// Fetches a token with a function, which is called again when the token is refused.
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
    // Omits the key, so that it does not reach a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credential")
    }
}

/// Sends the request that exchanges a key.
pub(super) trait Exchange {
    async fn exchange(&self, body: &ExchangeRequest, key: &str) -> Result<ExchangeResponse>;
}

/// Provides the token in use.
pub(super) struct Tokens {
    source: Source,
    /// The participant to exchange the key for. `None` uses the key itself.
    participant: Option<(ParticipantKind, String)>,
    cached: Mutex<Option<CachedToken>>,
}

struct CachedToken {
    token: Arc<str>,
    renew_at: Option<Instant>,
}

impl Tokens {
    pub(super) fn new(
        credential: Credential,
        participant: Option<(ParticipantKind, String)>,
    ) -> Self {
        Self { source: credential.0, participant, cached: Mutex::new(None) }
    }

    /// Returns the current token. Fetches or exchanges it if necessary.
    pub(super) async fn get(&self, coordinator: &impl Exchange) -> Result<Arc<str>> {
        let mut cached = self.cached.lock().await;
        let is_fresh = |cached: &&CachedToken| cached.renew_at.is_none_or(|at| Instant::now() < at);
        if let Some(fresh) = cached.as_ref().filter(is_fresh) {
            return Ok(Arc::clone(&fresh.token));
        }
        let key: Arc<str> = match &self.source {
            Source::Fixed(key) => Arc::clone(key),
            Source::Fetched(fetch) => fetch().await?.into(),
        };
        if key.is_empty() || key.chars().any(|letter| !letter.is_ascii_graphic()) {
            return Err(Error::local(
                "api_key_required",
                "the key is empty or has characters that a header cannot contain",
            ));
        }
        let new = match &self.participant {
            None => CachedToken { token: key, renew_at: None },
            Some((kind, id)) => exchange(coordinator, &key, kind, id).await?,
        };
        let token = Arc::clone(&new.token);
        *cached = Some(new);
        Ok(token)
    }

    /// Discards a refused token. Returns whether a new one can be obtained.
    pub(super) async fn invalidate(&self, token: &str) -> bool {
        let mut cached = self.cached.lock().await;
        if cached.as_ref().is_some_and(|cached| &*cached.token == token) {
            *cached = None;
        }
        matches!(self.source, Source::Fetched(_)) || self.participant.is_some()
    }
}

/// Exchanges a key for a token of a participant.
async fn exchange(
    coordinator: &impl Exchange,
    key: &str,
    kind: &ParticipantKind,
    id: &str,
) -> Result<CachedToken> {
    let mut body = ExchangeRequest::new(kind.clone());
    body.participant_id = Some(id.to_owned());
    body.ttl_seconds = Some(Seconds(policy::TOKEN_TTL.as_secs()));
    body.wide_scope = (*kind == ParticipantKind::System).then_some(true);
    let requested = Instant::now();
    let response = coordinator.exchange(&body, key).await?;
    // If the coordinator grants a shorter TTL, the token is refused and renewed then.
    let renew_at = requested + policy::renew_after(policy::TOKEN_TTL);
    Ok(CachedToken { token: response.token.into(), renew_at: Some(renew_at) })
}
