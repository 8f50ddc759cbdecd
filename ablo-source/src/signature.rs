//! Signatures in the format of Standard Webhooks, with the API key as the secret
//! (docs/protocol/data-source.md §2).

use ablo_wire::SourceErrorCode as Code;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The default for [`Verifier::tolerance`], in seconds.
const DEFAULT_TOLERANCE_SECS: u64 = 300;
/// The number of message ids that are kept to detect replays. The oldest is dropped first.
const MAX_SEEN_MESSAGES: usize = 65_536;
/// The number of signatures of one message that are checked.
const MAX_SIGNATURES: usize = 16;
/// The prefix of a webhook secret.
const WEBHOOK_SECRET_PREFIX: &str = "whsec_";

/// Returns the `webhook-signature` header of a message. `timestamp` is in seconds since 1970.
///
/// ```
/// let body = br#"{"type":"load","model":"tasks","id":"t1"}"#;
/// let signature = ablo_source::sign("sk_test_example", "msg_1", 1_700_000_000, body);
/// assert_eq!(signature, "v1,5QfKJAVJMbXvv0J+6J6CjsvLgyARYVMzsoww9GKzUm4=");
/// ```
#[must_use]
pub fn sign(key: &str, id: &str, timestamp: u64, body: &[u8]) -> String {
    signature(key.as_bytes(), id, timestamp, body)
}

/// Returns the `webhook-signature` header of a webhook message. The secret is `whsec_` followed by
/// the key in base64 (docs/protocol/data-source.md §9). Returns `None` for any other secret.
///
/// ```
/// let secret = ablo_source::webhook_secret(&[7; 32]);
/// assert!(ablo_source::sign_webhook(&secret, "msg_1", 1_700_000_000, b"{}").is_some());
/// ```
#[must_use]
pub fn sign_webhook(secret: &str, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
    Some(signature(&webhook_key(secret)?, id, timestamp, body))
}

/// Returns the secret of a webhook endpoint for 32 random bytes.
#[must_use]
pub fn webhook_secret(bytes: &[u8; 32]) -> String {
    format!("{WEBHOOK_SECRET_PREFIX}{}", STANDARD.encode(bytes))
}

fn webhook_key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.strip_prefix(WEBHOOK_SECRET_PREFIX)?).ok()?;
    (!key.is_empty()).then_some(key)
}

fn signature(key: &[u8], id: &str, timestamp: u64, body: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(mac(key, id, timestamp, body).finalize().into_bytes()))
}

fn mac(key: &[u8], id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
    // Cannot fail: HMAC accepts keys of any length.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    for part in [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

/// Verifies signatures. Several keys can be valid at once, for rotation.
pub struct Verifier {
    /// Each key as configured, with its bytes.
    keys: Vec<(String, Vec<u8>)>,
    tolerance: u64,
    /// `None` allows replays.
    seen: Option<Mutex<SeenMessages>>,
}

/// The accepted messages, by timestamp and id.
#[derive(Default)]
struct SeenMessages {
    known: BTreeSet<(u64, String)>,
    order: VecDeque<(u64, String)>,
}

impl Verifier {
    /// Creates a verifier with a tolerance of five minutes that accepts each message once.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let keys = keys.into_iter().map(Into::into).filter(|key: &String| !key.is_empty());
        let keys = keys.map(|key| (key.clone(), key.into_bytes())).collect();
        Self { keys, tolerance: DEFAULT_TOLERANCE_SECS, seen: Some(Mutex::default()) }
    }

    /// Creates a verifier for webhooks from their secrets `whsec_…`. Other secrets are ignored.
    ///
    /// ```
    /// use ablo_source::{Verifier, sign_webhook, webhook_secret};
    ///
    /// let (secret, body) = (webhook_secret(&[7; 32]), br#"{"data":[]}"#);
    /// let signature = sign_webhook(&secret, "msg_1", 1_700_000_000, body).unwrap();
    /// let header = |name: &str| match name {
    ///     "webhook-id" => Some("msg_1".to_owned()),
    ///     "webhook-timestamp" => Some("1700000000".to_owned()),
    ///     _ => Some(signature.clone()),
    /// };
    /// assert!(Verifier::webhooks([secret]).verify(header, body, 1_700_000_030).is_ok());
    /// ```
    #[must_use]
    pub fn webhooks(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let keys = secrets.into_iter().map(Into::into).filter_map(|secret: String| {
            let key = webhook_key(&secret)?;
            Some((secret, key))
        });
        let (keys, seen) = (keys.collect(), Some(Mutex::default()));
        Self { keys, tolerance: DEFAULT_TOLERANCE_SECS, seen }
    }

    /// Sets how many seconds the timestamp of a message may differ from the local clock.
    #[must_use]
    pub fn tolerance(mut self, seconds: u64) -> Self {
        self.tolerance = seconds;
        self
    }

    /// Sets whether a repeated message with the same id and timestamp is accepted.
    #[must_use]
    pub fn allow_replays(mut self, allow: bool) -> Self {
        self.seen = (!allow).then(Mutex::default);
        self
    }

    /// Verifies a message that was received at `now`, in seconds since 1970. Returns the matching
    /// key, the message id and its timestamp.
    ///
    /// # Errors
    /// Returns the code of the fault, all with status 401. It is `source_message_replayed` for a
    /// repeated message.
    pub fn verify(
        &self,
        header: impl Fn(&str) -> Option<String>,
        body: &[u8],
        now: u64,
    ) -> Result<(&str, String, u64), Code> {
        if self.keys.is_empty() {
            return Err(Code::ApiKeyMissing);
        }
        let id = header("webhook-id").filter(|id| !id.is_empty()).ok_or(Code::IdMissing)?;
        let timestamp = header("webhook-timestamp")
            .filter(|timestamp| !timestamp.is_empty())
            .ok_or(Code::TimestampMissing)?;
        let at: u64 = timestamp.trim().parse().map_err(|_| Code::TimestampInvalid)?;
        if at.abs_diff(now) > self.tolerance {
            return Err(Code::TimestampExpired);
        }
        let all = header("webhook-signature").unwrap_or_default();
        let given: Vec<Vec<u8>> = all
            .split(' ')
            .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok())
            .take(MAX_SIGNATURES)
            .collect();
        if given.is_empty() {
            return Err(Code::SignatureMissing);
        }
        // Tries every key with every signature, each in constant time, so that timing reveals
        // nothing.
        let mut matching = None;
        for (name, key) in &self.keys {
            for signature in &given {
                if mac(key, &id, at, body).verify_slice(signature).is_ok() {
                    matching = Some(name.as_str());
                }
            }
        }
        let key = matching.ok_or(Code::SignatureInvalid)?;
        match self.is_new(at, &id, now) {
            true => Ok((key, id, at)),
            false => Err(Code::from("source_message_replayed".to_owned())),
        }
    }

    /// Records a message. Returns false if it was seen before.
    fn is_new(&self, at: u64, id: &str, now: u64) -> bool {
        let Some(seen) = &self.seen else { return true };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.saturating_sub(self.tolerance);
        while seen.order.front().is_some_and(|(at, _)| *at < oldest)
            || seen.order.len() >= MAX_SEEN_MESSAGES
        {
            let Some(expired) = seen.order.pop_front() else { break };
            seen.known.remove(&expired);
        }
        let message = (at, id.to_owned());
        let is_new = seen.known.insert(message.clone());
        if is_new {
            seen.order.push_back(message);
        }
        is_new
    }
}

impl fmt::Debug for Verifier {
    // Omits the keys, so that they do not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"type":"load","model":"tasks","id":"t1"}"#;
    const NOW: u64 = 1_700_000_000;

    type Headers<'h> = [(&'h str, &'h str)];

    fn verify(
        verifier: &Verifier,
        headers: &Headers<'_>,
        body: &[u8],
        now: u64,
    ) -> Result<String, String> {
        let header = |name: &str| {
            headers.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        verifier
            .verify(header, body, now)
            .map(|(key, ..)| key.to_owned())
            .map_err(|code| code.as_str().to_owned())
    }

    fn headers<'h>(signature: &'h str, at: &'h str) -> [(&'h str, &'h str); 3] {
        [("webhook-id", "msg_1"), ("webhook-timestamp", at), ("webhook-signature", signature)]
    }

    #[test]
    fn only_the_signed_message_verifies() {
        let verifier = Verifier::new(["sk_test_old", "sk_test_example"]).allow_replays(true);
        let good = sign("sk_test_example", "msg_1", NOW, BODY);
        let at = NOW.to_string();
        assert_eq!(
            verify(&verifier, &headers(&good, &at), BODY, NOW).as_deref(),
            Ok("sk_test_example")
        );
        let old = sign("sk_test_old", "msg_1", NOW, BODY);
        assert_eq!(
            verify(&verifier, &headers(&old, &at), BODY, NOW).as_deref(),
            Ok("sk_test_old"),
            "either key"
        );
        let several = format!("v1,AAAA v2,xyz {good}");
        assert!(
            verify(&verifier, &headers(&several, &at), BODY, NOW).is_ok(),
            "any of several signatures"
        );
        let other = sign("sk_test_other", "msg_1", NOW, BODY);
        assert_eq!(
            verify(&verifier, &headers(&other, &at), BODY, NOW).unwrap_err(),
            "source_signature_invalid"
        );
        assert_eq!(
            verify(&verifier, &headers(&good, &at), b"{}", NOW).unwrap_err(),
            "source_signature_invalid"
        );
        let later = (NOW + 1).to_string();
        assert_eq!(
            verify(&verifier, &headers(&good, &later), BODY, NOW).unwrap_err(),
            "source_signature_invalid"
        );
    }

    #[test]
    fn missing_and_invalid_headers_have_their_codes() {
        let verifier = Verifier::new(["sk_test_example"]);
        let (good, at) = (sign("sk_test_example", "msg_1", NOW, BODY), NOW.to_string());
        let whole = headers(&good, &at);
        for (lacking, code) in [
            (0, "source_id_missing"),
            (1, "source_timestamp_missing"),
            (2, "source_signature_missing"),
        ] {
            let some: Vec<_> = whole
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != lacking)
                .map(|(_, pair)| *pair)
                .collect();
            assert_eq!(verify(&verifier, &some, BODY, NOW).unwrap_err(), code);
        }
        assert_eq!(
            verify(&verifier, &headers(&good, "soon"), BODY, NOW).unwrap_err(),
            "source_timestamp_invalid"
        );
        assert_eq!(
            verify(&verifier, &headers("v2,x", &at), BODY, NOW).unwrap_err(),
            "source_signature_missing"
        );
        for now in [NOW - 301, NOW + 301] {
            assert_eq!(
                verify(&verifier, &whole, BODY, now).unwrap_err(),
                "source_timestamp_expired"
            );
        }
        assert!(verify(&verifier, &whole, BODY, NOW + 300).is_ok());
        let keyless = Verifier::new([""]);
        assert_eq!(
            verify(&keyless, &whole, BODY, NOW).unwrap_err(),
            "source_api_key_missing",
            "an empty key is ignored"
        );
    }

    #[test]
    fn a_message_is_accepted_once_and_a_retry_has_a_new_timestamp() {
        let verifier = Verifier::new(["sk_test_example"]);
        let at = NOW.to_string();
        let good = sign("sk_test_example", "msg_1", NOW, BODY);
        assert!(verify(&verifier, &headers(&good, &at), BODY, NOW).is_ok());
        assert_eq!(
            verify(&verifier, &headers(&good, &at), BODY, NOW + 9).unwrap_err(),
            "source_message_replayed"
        );
        let again = sign("sk_test_example", "msg_1", NOW + 5, BODY);
        assert!(verify(&verifier, &headers(&again, &(NOW + 5).to_string()), BODY, NOW + 9).is_ok());
        let seen =
            |verifier: &Verifier| verifier.seen.as_ref().unwrap().lock().unwrap().order.len();
        assert_eq!(seen(&verifier), 2);
        let late = sign("sk_test_example", "msg_1", NOW + 900, BODY);
        assert!(
            verify(&verifier, &headers(&late, &(NOW + 900).to_string()), BODY, NOW + 900).is_ok()
        );
        assert_eq!(seen(&verifier), 1, "messages outside the tolerance are dropped");
    }
}
