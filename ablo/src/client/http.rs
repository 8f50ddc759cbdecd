//! Requests over HTTP: the bearer token, retries with jitter, and answers that are read or become an [`Error`].

use super::dial::{Answer, Dial, Wire, tcp};
use super::error::{Error, Result};
use super::token::Tokens;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(30);
/// The first pause between attempts; every further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The way to one coordinator.
pub(super) struct Http {
    base: Url,
    client: reqwest::Client,
    pub(super) tls: Arc<rustls::ClientConfig>,
    pub(super) tokens: Tokens,
    attempts: u32,
    dial: Option<Dial>,
}

/// A request that may be sent more than once: it reads, or it has a key by which the coordinator knows it again.
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
        request.body = Some(
            serde_json::to_vec(body)
                .map_err(|error| Error::here("invalid_request", format!("no JSON: {error}")))?,
        );
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

    /// The key under which the coordinator applies the write once.
    pub(super) fn key(mut self, key: String) -> Self {
        self.key = Some(key);
        self
    }
}

impl Http {
    pub(super) fn new(
        base: &str,
        tokens: Tokens,
        attempts: u32,
        dial: Option<Dial>,
    ) -> Result<Self> {
        let base = read_base(base)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::network(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .timeout(ANSWER)
            .build()
            .map_err(|error| Error::network(&error))?;
        Ok(Self { base, client, tls: Arc::new(tls), tokens, attempts: attempts.max(1), dial })
    }

    /// The token to send now.
    pub(super) async fn token(&self) -> Result<Arc<str>> {
        self.tokens.get(self).await
    }

    /// Sends a request with the current token, again where that can help, and reads the answer.
    pub(super) async fn send<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let error = match self.token().await {
                Err(error) => error,
                Ok(token) => match self.once(request, &token).await {
                    Ok(body) => {
                        return serde_json::from_slice(&body)
                            .map_err(|error| Error::unreadable(&error));
                    }
                    Err(error)
                        if error.status() == Some(401)
                            && !renewed
                            && self.tokens.refused(&token).await =>
                    {
                        renewed = true;
                        continue;
                    }
                    Err(error) => error,
                },
            };
            if attempt >= self.attempts || !error.is_passing() {
                return Err(error);
            }
            tokio::time::sleep(pause(attempt).max(error.retry_after().unwrap_or_default())).await;
        }
    }

    /// Sends a request once, with this token.
    pub(super) async fn once(&self, request: &Request, token: &str) -> Result<Vec<u8>> {
        let url = self.url(&request.path, &request.query)?;
        let mut sent = self
            .client
            .request(request.method.clone(), url)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        if let Some(body) = &request.body {
            sent = sent.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(key) = &request.key {
            sent = sent.header("Idempotency-Key", key);
        }
        let sent = sent.build().map_err(|error| Error::network(&error.without_url()))?;
        let (status, headers, body) = match &self.dial {
            Some(dial) => dial.ask(sent, ANSWER).await?,
            None => self.ask(sent).await?,
        };
        let header = |name: &str| headers.get(name)?.to_str().ok().map(str::to_owned);
        let request_id = header("x-request-id");
        let wait = header(RETRY_AFTER.as_str())
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs);
        match status.is_success() {
            true => Ok(body),
            false => Err(Error::answered(status.as_u16(), &body, request_id)
                .after(wait.map(|wait| wait.min(ANSWER)))),
        }
    }

    /// Asks over the network.
    async fn ask(&self, request: reqwest::Request) -> Result<Answer> {
        let failed = |error: reqwest::Error| Error::network(&error.without_url());
        let answer = self.client.execute(request).await.map_err(failed)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, answer.bytes().await.map_err(failed)?.to_vec()))
    }

    /// A connection for a WebSocket.
    pub(super) async fn wire(&self, url: &Url) -> Result<Wire> {
        match &self.dial {
            Some(dial) => dial.open().await,
            None => tcp(url).await,
        }
    }

    fn url(&self, path: &[String], query: &[(&'static str, String)]) -> Result<Url> {
        let mut url = self.base.clone();
        // A URL leaves these out, and another route would be asked.
        if let Some(part) = path.iter().find(|part| matches!(part.as_str(), "" | "." | "..")) {
            return Err(Error::here(
                "invalid_request",
                format!("`{part}` is no id that a URL can carry"),
            ));
        }
        url.path_segments_mut()
            .map_err(|()| no_base(self.base.as_str()))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Where the socket is.
    pub(super) fn socket(&self) -> Result<Url> {
        let mut url =
            self.url(&["sync".to_owned(), "ws".to_owned()], &[("cursor", String::new())])?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).map_err(|()| no_base(self.base.as_str()))?;
        Ok(url)
    }
}

/// Reads the address of a coordinator; the API is below `/api`, which may be part of it.
fn read_base(base: &str) -> Result<Url> {
    let mut url = Url::parse(base).map_err(|_| no_base(base))?;
    let scheme = match url.scheme() {
        "http" | "ws" => "http",
        "https" | "wss" => "https",
        _ => return Err(no_base(base)),
    };
    // `set_scheme` keeps special schemes special, so that this cannot fail.
    url.set_scheme(scheme).map_err(|()| no_base(base))?;
    url.set_query(None);
    url.set_fragment(None);
    let mut path = url.path_segments_mut().map_err(|()| no_base(base))?;
    path.pop_if_empty();
    drop(path);
    if !url.path().ends_with("/api") {
        url.path_segments_mut().map_err(|()| no_base(base))?.pop_if_empty().push("api");
    }
    Ok(url)
}

fn no_base(base: &str) -> Error {
    Error::here(
        "base_url_missing",
        format!("`{base}` is no address of a coordinator: give `https://…`"),
    )
}

/// How long to wait before the attempt after this one: twice as long each time, less up to half of it, so that clients
/// that failed together do not come back together.
pub(super) fn pause(attempt: u32) -> Duration {
    let full = PAUSE.saturating_mul(1 << attempt.saturating_sub(1).min(8)).min(LONGEST_PAUSE);
    let mut bytes = [0; 2];
    // Without randomness the pause is whole.
    let part =
        if getrandom::fill(&mut bytes).is_ok() { u32::from(u16::from_le_bytes(bytes)) } else { 0 };
    full - full.saturating_mul(part) / (2 * 65_536)
}
