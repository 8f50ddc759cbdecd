//! The decisions of the client: constants and functions without I/O.
//!
//! docs/protocol/clients.md describes them. The TypeScript client has the same ones in
//! `runtime/policy.ts`, and tests run both on `fixtures/client/behaviour.json`.

use super::error_kind::{ErrorKind, Holder, Stale};
use crate::wire::{Backoff, Category, ErrorClass, ErrorCode};
use serde::Deserialize as _;
use serde_json::Value;
use std::time::Duration;

/// How often a request is sent if it fails with a transient error.
pub(super) const ATTEMPTS: u32 = 4;
/// The timeout of a request.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest delay that a response can ask for.
pub(super) const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// The delays between attempts and between connections.
pub(super) const BACKOFF: Backoff =
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5));

/// The timeout of a WebSocket handshake and of sending a frame.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// How often a ping is sent.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(10);
/// The longest silence of the coordinator, which answers pings.
pub(super) const MAX_SILENCE: Duration = Duration::from_secs(35);
/// How long a connection has to last for its loss to count as the first failure.
pub(super) const STABLE_AFTER: Duration = Duration::from_secs(5);
/// How often a connection whose log head is behind the requested sync id is asked again. With the
/// backoff between attempts, this takes a few seconds in all.
pub(super) const MAX_HEAD_CHECKS: u32 = 6;

/// The TTL of a claim that does not set one.
pub(super) const CLAIM_TTL: Duration = Duration::from_secs(60);
/// How often a waiter polls over HTTP. The coordinator drops a waiter after ten seconds of silence.
pub(super) const CLAIM_POLL_INTERVAL: Duration = Duration::from_millis(750);
/// The shortest interval between renewals of a claim.
pub(super) const MIN_RENEWAL_INTERVAL: Duration = Duration::from_millis(50);
/// How often a read that waits for a claim to end is repeated.
pub(super) const CLAIMED_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The requested TTL of an exchanged token.
pub(super) const TOKEN_TTL: Duration = Duration::from_secs(3600);
/// The TTL of a session that does not set one.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(900);

/// Returns whether the client repeats a request that failed. Without a status, only a failure of
/// the network is repeated.
pub(super) fn should_retry(code: &ErrorCode, status: Option<u16>) -> bool {
    let is_transient = |status: u16| status == 429 || status >= 500;
    let is_permanent = code.info().is_some_and(|info| is_transient(info.status) && !info.retryable);
    code.as_str() == "network_error" || (status.is_some_and(is_transient) && !is_permanent)
}

/// Returns whether a failed request may have been carried out: its answer was lost.
pub(super) fn is_lost(code: &str) -> bool {
    code == "network_error"
}

/// Returns whether the outcome of a request is still unknown after the answer to its repetition.
pub(super) fn stays_unknown(status: Option<u16>) -> bool {
    status.is_none_or(|status| !matches!(status, 400..=499) || matches!(status, 401 | 403 | 429))
}

/// Returns the code of a response that has none, such as that of a proxy.
pub(super) fn code_of_status(status: u16) -> &'static str {
    match status {
        401 => "auth_no_credentials",
        429 => "rate_limited",
        502..=504 => "network_error",
        _ => "internal_error",
    }
}

/// Reads a `Retry-After` header in seconds. A date is ignored.
pub(super) fn retry_after(header: &str) -> Option<Duration> {
    let is_number = !header.is_empty() && header.bytes().all(|byte| byte.is_ascii_digit());
    // More seconds than a number holds are more than the maximum.
    let seconds = || header.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs);
    is_number.then(|| seconds().min(MAX_RETRY_AFTER))
}

/// Returns the kind of an error. `details` are the members of its response.
pub(super) fn classify(code: &ErrorCode, status: Option<u16>, details: &Value) -> ErrorKind {
    let category = code.info().map(|info| info.category);
    let class = match code.as_str() {
        "claim_lost" => return ErrorKind::ClaimLost,
        "network_error" => return ErrorKind::Unavailable,
        "response_unreadable" => return ErrorKind::Unreadable,
        "base_url_missing" => return ErrorKind::Invalid,
        // These codes are the client's own; the registry classifies them by status.
        "model_claimed" | "model_claimed_timeout" | "queue_too_deep" | "grant_timeout" => {
            ErrorClass::Claimed
        }
        _ if category == Some(Category::NotFound) => return ErrorKind::NotFound,
        _ => code.class(status),
    };
    match class {
        ErrorClass::Claimed => {
            ErrorKind::Claimed(Box::new(Holder::deserialize(details).unwrap_or_default()))
        }
        ErrorClass::StaleContext => {
            ErrorKind::Stale(Box::new(Stale::deserialize(details).unwrap_or_default()))
        }
        ErrorClass::Authentication => ErrorKind::Authentication,
        ErrorClass::Permission | ErrorClass::Capability => ErrorKind::Permission,
        ErrorClass::Idempotency => ErrorKind::Conflict,
        ErrorClass::Validation => ErrorKind::Invalid,
        ErrorClass::RateLimit => ErrorKind::RateLimited,
        ErrorClass::Server => ErrorKind::Unavailable,
        ErrorClass::Base => ErrorKind::Other,
    }
}

/// Counts the loss of a connection that had lasted for a time, or was never opened. Returns the
/// delay before the next connection.
pub(super) fn reconnect_delay(backoff: &mut Backoff, lasted: Duration) -> Duration {
    if lasted >= STABLE_AFTER {
        backoff.reset();
    }
    backoff.fail()
}

/// Returns whether a close code means that the session has ended.
pub(super) fn ends_session(code: u16) -> bool {
    matches!(code, 1008 | 4001 | 4003)
}

/// Returns whether a close code means that the token has expired: the next connection needs another
/// one.
pub(super) fn renews_token(code: u16) -> bool {
    code == 4408
}

/// The state of a claim after a request over HTTP has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimOutcome {
    /// Nothing changes; the request is repeated.
    Kept,
    /// The claim was held and is lost.
    Lost,
    /// The claim ends with the error of the request.
    Refused,
}

/// Returns the state of a claim after a request over HTTP has failed.
pub(super) fn claim_after_error(
    is_held: bool,
    is_expired: bool,
    is_claimed: bool,
    is_retryable: bool,
) -> ClaimOutcome {
    if is_held && (is_expired || is_claimed) {
        ClaimOutcome::Lost
    } else if is_retryable {
        ClaimOutcome::Kept
    } else {
        ClaimOutcome::Refused
    }
}

/// Returns when a claim is requested again over HTTP: to renew it, or to ask whether it is granted.
pub(super) fn claim_interval(is_held: bool, ttl: Duration) -> Duration {
    let third = ttl / 3;
    if is_held { third.max(MIN_RENEWAL_INTERVAL) } else { third.min(CLAIM_POLL_INTERVAL) }
}

/// Returns whether a waiter stays in the claim queue. `position` counts the waiters ahead, from 0,
/// so a maximum of 0 admits no waiter at all.
pub(super) fn admits(position: u64, max_depth: Option<u64>) -> bool {
    max_depth.is_none_or(|max| position < max)
}

/// Returns when an exchanged token is renewed. The remaining third leaves time to retry.
pub(super) fn renew_after(ttl: Duration) -> Duration {
    ttl * 2 / 3
}

#[cfg(test)]
mod tests;
