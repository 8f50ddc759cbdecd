//! Signatures in the layout of Standard Webhooks, with the key itself as the secret (docs/protocol/data-source.md §2).

use crate::wire::SourceErrorCode as Code;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// How far a message's time may be from ours, in seconds.
const TOLERANCE: u64 = 300;
/// Messages that are remembered; the oldest is forgotten when there are more.
const REMEMBERED: usize = 65_536;
/// Signatures of one message that are looked at.
const SIGNATURES: usize = 16;
/// How the secret of a webhook begins.
const WEBHOOK: &str = "whsec_";

/// The value of `webhook-signature` for a message, with `timestamp` in seconds since 1970.
///
/// ```
/// let body = br#"{"type":"load","model":"tasks","id":"t1"}"#;
/// let signature = ablo::source::sign("sk_test_example", "msg_1", 1_700_000_000, body);
/// assert_eq!(signature, "v1,5QfKJAVJMbXvv0J+6J6CjsvLgyARYVMzsoww9GKzUm4=");
/// ```
#[must_use]
pub fn sign(key: &str, id: &str, timestamp: u64, body: &[u8]) -> String {
    signed(key.as_bytes(), id, timestamp, body)
}

/// The same for a webhook, whose secret is `whsec_` and base64 of the key (docs/protocol/data-source.md §9); none where it is not.
///
/// ```
/// let secret = ablo::source::webhook_secret(&[7; 32]);
/// assert!(ablo::source::sign_webhook(&secret, "msg_1", 1_700_000_000, b"{}").is_some());
/// ```
#[must_use]
pub fn sign_webhook(secret: &str, id: &str, timestamp: u64, body: &[u8]) -> Option<String> {
    Some(signed(&material(secret)?, id, timestamp, body))
}

/// The secret of a webhook endpoint, of 32 random bytes.
#[must_use]
pub fn webhook_secret(bytes: &[u8; 32]) -> String {
    format!("{WEBHOOK}{}", STANDARD.encode(bytes))
}

fn material(secret: &str) -> Option<Vec<u8>> {
    STANDARD.decode(secret.strip_prefix(WEBHOOK)?).ok().filter(|key| !key.is_empty())
}

fn signed(key: &[u8], id: &str, timestamp: u64, body: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(mac(key, id, timestamp, body).finalize().into_bytes()))
}

fn mac(key: &[u8], id: &str, timestamp: u64, body: &[u8]) -> Hmac<Sha256> {
    // A key of any length is one, so that this cannot fail; without a key nothing would fit.
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()));
    for part in [id.as_bytes(), b".", timestamp.to_string().as_bytes(), b".", body] {
        mac.update(part);
    }
    mac
}

/// Checks signatures. Several keys are good at once, so that one can be replaced without a gap.
pub struct Verifier {
    /// As they are named, and what is signed with.
    keys: Vec<(String, Vec<u8>)>,
    tolerance: u64,
    seen: Option<Mutex<Seen>>,
}

/// Messages that came, by id and time.
#[derive(Default)]
struct Seen {
    known: BTreeSet<(u64, String)>,
    order: VecDeque<(u64, String)>,
}

impl Verifier {
    /// With these keys, a tolerance of five minutes, and each message once.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let keys = keys.into_iter().map(Into::into).filter(|key: &String| !key.is_empty());
        let keys = keys.map(|key| (key.clone(), key.into_bytes())).collect();
        Self { keys, tolerance: TOLERANCE, seen: Some(Mutex::default()) }
    }

    /// The same for webhooks, with their secrets `whsec_…`; what is none fits nothing.
    ///
    /// ```
    /// use ablo::source::{Verifier, sign_webhook, webhook_secret};
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
            let key = material(&secret)?;
            Some((secret, key))
        });
        Self { keys: keys.collect(), tolerance: TOLERANCE, seen: Some(Mutex::default()) }
    }

    /// How far a message's time may be from ours, in seconds.
    #[must_use]
    pub fn tolerance(mut self, seconds: u64) -> Self {
        self.tolerance = seconds;
        self
    }

    /// Whether the same message, of the same second, is taken again.
    #[must_use]
    pub fn allow_replays(mut self, allow: bool) -> Self {
        self.seen = (!allow).then(Mutex::default);
        self
    }

    /// Checks a message that came at `now`, in seconds since 1970; gives the key that fits.
    ///
    /// # Errors
    /// The code of what is wrong, all of status 401; `source_message_replayed` where the message came before.
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
        let said = header("webhook-timestamp")
            .filter(|at| !at.is_empty())
            .ok_or(Code::TimestampMissing)?;
        let at: u64 = said.trim().parse().map_err(|_| Code::TimestampInvalid)?;
        if at.abs_diff(now) > self.tolerance {
            return Err(Code::TimestampExpired);
        }
        let all = header("webhook-signature").unwrap_or_default();
        let given: Vec<Vec<u8>> = all
            .split(' ')
            .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok())
            .take(SIGNATURES)
            .collect();
        if given.is_empty() {
            return Err(Code::SignatureMissing);
        }
        // Every key is tried with every signature, each in constant time: how long it takes says nothing.
        let mut found = None;
        for (name, key) in &self.keys {
            for signature in &given {
                if mac(key, &id, at, body).verify_slice(signature).is_ok() {
                    found = Some(name.as_str());
                }
            }
        }
        let key = found.ok_or(Code::SignatureInvalid)?;
        match self.is_new(at, &id, now) {
            true => Ok((key, id, at)),
            false => Err(Code::from("source_message_replayed".to_owned())),
        }
    }

    /// Remembers a message, unless it is known.
    fn is_new(&self, at: u64, id: &str, now: u64) -> bool {
        let Some(seen) = &self.seen else { return true };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = now.saturating_sub(self.tolerance);
        while seen.order.front().is_some_and(|(at, _)| *at < oldest)
            || seen.order.len() >= REMEMBERED
        {
            let Some(gone) = seen.order.pop_front() else { break };
            seen.known.remove(&gone);
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
    // A log holds no key.
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
    fn what_was_signed_fits_and_nothing_else() {
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
    fn what_is_missing_is_said() {
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
            "an empty key is none"
        );
    }

    #[test]
    fn a_message_is_taken_once_and_a_retry_is_another() {
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
        assert_eq!(seen(&verifier), 1, "what is too old to come again is forgotten");
    }
}
