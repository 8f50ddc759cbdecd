//! HTTP requests: bearer token, retries with jitter, and responses that become values or an
//! [`Error`].

use super::dial::{Dialer, HttpResponse, Stream, tcp};
use super::error::{Error, Result};
use super::fresh_id::fresh_id;
use super::policy;
use super::token::{Exchange, Tokens};
use crate::wire::{ExchangeRequest, ExchangeResponse};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// The HTTP client of one coordinator.
pub(super) struct Http {
    base: Url,
    client: reqwest::Client,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) tokens: Arc<Tokens>,
    attempts: u32,
    timeout: Duration,
    dialer: Option<Dialer>,
    /// The name of this client among those of its participant, which its claims belong to.
    holder: String,
}

/// A request that may be sent more than once: it only reads, or it has an idempotency key.
pub(super) struct Request {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
    key: Option<String>,
}

impl Request {
    pub(super) fn get<'p>(path: impl IntoIterator<Item = &'p str>) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn delete<'p>(path: impl IntoIterator<Item = &'p str>) -> Self {
        Self::new(Method::DELETE, path)
    }

    pub(super) fn post<'p>(
        path: impl IntoIterator<Item = &'p str>,
        body: &impl Serialize,
    ) -> Result<Self> {
        let mut request = Self::new(Method::POST, path);
        let body = serde_json::to_vec(body).map_err(|error| Error::not_serializable(&error))?;
        request.body = Some(body);
        Ok(request)
    }

    fn new<'p>(method: Method, path: impl IntoIterator<Item = &'p str>) -> Self {
        let path = path.into_iter().map(str::to_owned).collect();
        Self { method, path, query: Vec::new(), body: None, key: None }
    }

    pub(super) fn query(mut self, query: Vec<(&'static str, String)>) -> Self {
        self.query = query;
        self
    }

    /// Sets the idempotency key.
    pub(super) fn idempotency_key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }
}

impl Http {
    pub(super) fn new(
        base: &str,
        tokens: Tokens,
        attempts: u32,
        timeout: Duration,
        dialer: Option<Dialer>,
    ) -> Result<Self> {
        let base = parse_base(base)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::network(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .build()
            .map_err(|error| Error::network(&error))?;
        Ok(Self {
            base,
            client,
            tls: Arc::new(tls),
            tokens: Arc::new(tokens),
            attempts,
            timeout,
            dialer,
            holder: fresh_id(),
        })
    }

    /// Returns the current token.
    pub(super) async fn token(&self) -> Result<Arc<str>> {
        self.tokens.get(self).await
    }

    /// Sends a request with the current token, retries transient failures and reads the response.
    /// A write with a key whose answer was lost is repeated until the outcome is known or the
    /// timeout has passed.
    pub(super) async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut renewed = false;
        let mut backoff = policy::BACKOFF;
        let mut lost_at: Option<Instant> = None;
        loop {
            let error = match self.token().await {
                Err(error) => error,
                Ok(token) => match self.send_once(request, &token).await {
                    Ok(body) => {
                        return serde_json::from_slice(&body)
                            .map_err(|error| Error::unreadable(&error));
                    }
                    Err(error)
                        if error.status() == Some(401)
                            && !renewed
                            && self.tokens.invalidate(&token).await =>
                    {
                        renewed = true;
                        continue;
                    }
                    Err(error) => {
                        if request.key.is_some() && policy::is_lost(error.code()) {
                            lost_at.get_or_insert_with(Instant::now);
                        }
                        error
                    }
                },
            };
            let delay = backoff.fail().max(error.retry_after().unwrap_or_default());
            let is_over = match lost_at {
                Some(lost_at) => lost_at.elapsed() + delay > self.timeout,
                None => backoff.failures() >= self.attempts,
            };
            if is_over || !error.retryable() {
                return Err(match &request.key {
                    Some(key) if lost_at.is_some() && policy::stays_unknown(error.status()) => {
                        Error::outcome_unknown(key, &error)
                    }
                    _ => error,
                });
            }
            tokio::time::sleep(delay).await;
        }
    }

    /// Sends a request once with this token.
    pub(super) async fn send_once(&self, request: &Request, token: &str) -> Result<Vec<u8>> {
        let url = self.url(&request.path, &request.query)?;
        let mut builder = self
            .client
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header("Ablo-Holder", &self.holder);
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(key) = &request.key {
            builder = builder.header("Idempotency-Key", key);
        }
        let request = builder.build().map_err(|error| Error::network(&error.without_url()))?;
        let response = async {
            match &self.dialer {
                Some(dialer) => dialer.send(request).await,
                None => self.execute(request).await,
            }
        };
        let (status, headers, body) = timeout(self.timeout, response)
            .await
            .unwrap_or_else(|_| Err(Error::local("network_error", "the request timed out")))?;
        let header = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let request_id = header("x-request-id");
        let wait = header(RETRY_AFTER.as_str()).and_then(|text| policy::retry_after(&text));
        match status.is_success() {
            true => Ok(body),
            false => {
                Err(Error::from_response(status.as_u16(), &body, request_id).with_retry_after(wait))
            }
        }
    }

    /// Sends a request over the network.
    async fn execute(&self, request: reqwest::Request) -> Result<HttpResponse> {
        let failed = |error: reqwest::Error| Error::network(&error.without_url());
        let response = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, response.bytes().await.map_err(failed)?.to_vec()))
    }

    /// Opens a connection for a WebSocket.
    pub(super) async fn open_stream(&self, url: &Url) -> Result<Stream> {
        match &self.dialer {
            Some(dialer) => dialer.open().await,
            None => tcp(url).await,
        }
    }

    fn url(&self, path: &[String], query: &[(&'static str, String)]) -> Result<Url> {
        let mut url = self.base.clone();
        // URL normalisation removes these segments, which would select another route.
        if let Some(part) = path.iter().find(|part| matches!(part.as_str(), "" | "." | "..")) {
            let message = format!("`{part}` cannot be used as an id, since a URL path omits it");
            return Err(Error::local("invalid_request", message));
        }
        url.path_segments_mut()
            .map_err(|()| invalid_base(self.base.as_str()))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Returns the URL of the WebSocket.
    pub(super) fn socket_url(&self) -> Result<Url> {
        let query = [("cursor", String::new()), ("holder", self.holder.clone())];
        let mut url = self.url(&["sync".to_owned(), "ws".to_owned()], &query)?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).map_err(|()| invalid_base(self.base.as_str()))?;
        Ok(url)
    }
}

impl Exchange for Http {
    async fn exchange(&self, body: &ExchangeRequest, key: &str) -> Result<ExchangeResponse> {
        let response = self.send_once(&Request::post(["auth", "capability"], body)?, key).await?;
        serde_json::from_slice(&response).map_err(|error| Error::unreadable(&error))
    }
}

/// Parses the address of a coordinator and appends `/api` unless it is there.
fn parse_base(base: &str) -> Result<Url> {
    let mut url = Url::parse(base).map_err(|_| invalid_base(base))?;
    let scheme = match url.scheme() {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return Err(invalid_base(base)),
    };
    // Cannot fail: both schemes are special schemes of the URL standard.
    url.set_scheme(scheme).map_err(|()| invalid_base(base))?;
    url.set_query(None);
    url.set_fragment(None);
    let mut path = url.path_segments_mut().map_err(|()| invalid_base(base))?;
    path.pop_if_empty();
    drop(path);
    if !url.path().ends_with("/api") {
        url.path_segments_mut().map_err(|()| invalid_base(base))?.pop_if_empty().push("api");
    }
    Ok(url)
}

fn invalid_base(base: &str) -> Error {
    let message = format!("`{base}` is not the address of a coordinator; use `https://…`");
    Error::local("base_url_missing", message)
}
