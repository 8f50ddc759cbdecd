//! The client of a Data Source endpoint: sends signed messages and limits the size and time of
//! replies.

use super::signature::sign;
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The largest reply body in bytes.
const MAX_RESPONSE_BYTES: usize = 16 << 20;

/// A message to an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The HTTP method. Endpoints accept only `POST`.
    pub method: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// Creates a message that is signed with the current time. Each attempt uses the same `id`.
    #[must_use]
    pub fn signed(key: &str, id: &str, body: Vec<u8>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self::signed_at(key, id, now, body)
    }

    /// Creates a message that is signed with a given time, in seconds since 1970.
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

/// The reply of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// The reason why there is no reply. It omits the address, which may contain secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// A client of a remote endpoint.
#[derive(Clone, Debug)]
pub struct Remote {
    url: Url,
    client: reqwest::Client,
    timeout: Duration,
}

impl Remote {
    /// Creates a client for the endpoint at a URL. Redirects are not followed, since a signed
    /// message is meant for one receiver.
    ///
    /// # Errors
    /// Returns an error if `url` is not an `http` or `https` URL.
    pub fn new(url: &str, timeout: Duration) -> Result<Self, Unreachable> {
        let url = Url::parse(url)
            .map_err(|error| Unreachable(format!("`{url}` is not a URL: {error}")))?;
        if !["http", "https"].contains(&url.scheme()) {
            let scheme = url.scheme();
            return Err(Unreachable(format!("expected an http:// or https:// URL, not {scheme}:")));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Unreachable(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Unreachable(error.to_string()))?;
        Ok(Self { url, client, timeout })
    }

    /// Sends a message and returns the reply.
    ///
    /// # Errors
    /// Returns an error if there is no reply in time or if it is too large.
    pub async fn send(&self, message: Message) -> Result<Reply, Unreachable> {
        match tokio::time::timeout(self.timeout, self.exchange(message)).await {
            Ok(reply) => reply,
            Err(_) => Err(Unreachable(format!("no answer within {:?}", self.timeout))),
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
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                let message = format!("the reply has more than {MAX_RESPONSE_BYTES} bytes");
                return Err(Unreachable(message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body })
    }
}
