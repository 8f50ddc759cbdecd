//! A Data Source somewhere else: signed messages go out, answers of bounded size and time come back.

use super::signature::sign;
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Bytes of an answer at most.
const LARGEST: usize = 16 << 20;

/// A message to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of the request; `POST` but for those that are to be refused.
    pub method: String,
    /// Names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// A message with a signature of now; the same id for each attempt at it.
    #[must_use]
    pub fn signed(key: &str, id: &str, body: Vec<u8>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::signed_at(key, id, now, body)
    }

    /// The same with a time of its own, in seconds since 1970.
    #[must_use]
    pub fn signed_at(key: &str, id: &str, at: u64, body: Vec<u8>) -> Self {
        let header = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![
            header("content-type", "application/json".to_owned()),
            header("webhook-id", id.to_owned()),
            header("webhook-timestamp", at.to_string()),
            header("webhook-signature", sign(key, id, at, &body)),
        ];
        Self { method: "POST".to_owned(), headers, body }
    }
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Why nothing came back; says nothing of the address, which may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// An endpoint somewhere else.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    client: reqwest::Client,
    within: Duration,
}

impl Remote {
    /// An endpoint at an address, whose answers may take so long. No redirect is followed: a signed message is for whom it was signed.
    ///
    /// # Errors
    /// When the address is none of HTTP.
    pub fn new(url: &str, within: Duration) -> Result<Self, Unreachable> {
        let wrong = |error: String| Unreachable(error);
        let url =
            Url::parse(url).map_err(|error| wrong(format!("`{url}` is no address: {error}")))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(wrong(format!(
                "an endpoint is at http:// or https://, not {}:",
                url.scheme()
            )));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { url, client, within })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When there was no answer in time, or one that is too large.
    pub async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        match tokio::time::timeout(self.within, self.exchange(message)).await {
            Ok(reply) => reply,
            Err(_) => Err(Unreachable(format!("there was no answer within {:?}", self.within))),
        }
    }

    async fn exchange(&self, message: Message) -> Result<Reply, Unreachable> {
        let failed = |error: reqwest::Error| {
            let error = error.without_url();
            let cause = std::error::Error::source(&error)
                .map_or_else(String::new, |cause| format!(": {cause}"));
            Unreachable(format!("{error}{cause}"))
        };
        let method = reqwest::Method::from_bytes(message.method.as_bytes());
        let method = method.map_err(|error| Unreachable(error.to_string()))?;
        let mut request = self.client.request(method, self.url.clone()).body(message.body);
        for (name, value) in &message.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > LARGEST {
                return Err(Unreachable(format!("the answer has more than {LARGEST} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, body })
    }
}
