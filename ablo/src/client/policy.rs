//! The decisions of the client: constants and functions without I/O.
//!
//! docs/protocol/clients.md describes them. The TypeScript client has the same ones in
//! `runtime/policy.ts`, and tests run both on `fixtures/client/behaviour.json`.

use crate::wire::Backoff;
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
