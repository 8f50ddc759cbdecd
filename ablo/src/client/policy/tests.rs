//! Compares constants and decisions with `fixtures/client/behaviour.json`. The TypeScript client is
//! tested with the same file (`tests/typescript/policy.ts`).

use super::*;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Behaviour {
    constants: serde_json::Value,
    backoff: Vec<BackoffCase>,
    claim_intervals: Vec<ClaimInterval>,
    queue: Vec<QueueCase>,
    tokens: Vec<TokenCase>,
    // `tests/tests/clients/behaviour.rs` runs the scenarios.
    #[serde(rename = "requestScenarios")]
    _request_scenarios: serde_json::Value,
    #[serde(rename = "claimDetails")]
    _claim_details: serde_json::Value,
    #[serde(rename = "claimScenarios")]
    _claim_scenarios: serde_json::Value,
}

fn behaviour() -> Behaviour {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/client/behaviour.json");
    let text = std::fs::read_to_string(path).expect("the specification is readable");
    serde_json::from_str(&text).expect("every table is known to this test")
}

fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}

#[test]
fn constants_are_those_of_the_specification() {
    let own = json!({
        "attempts": ATTEMPTS,
        "requestTimeoutMs": millis(REQUEST_TIMEOUT) as u64,
        "maxRetryAfterSeconds": MAX_RETRY_AFTER.as_secs(),
        "firstBackoffMs": millis(BACKOFF.delay(1, 0.0)) as u64,
        "maxBackoffMs": millis(BACKOFF.delay(u32::MAX, 0.0)) as u64,
        "handshakeTimeoutMs": millis(HANDSHAKE_TIMEOUT) as u64,
        "pingIntervalMs": millis(PING_INTERVAL) as u64,
        "maxSilenceMs": millis(MAX_SILENCE) as u64,
        "claimTtlMs": millis(CLAIM_TTL) as u64,
        "claimPollIntervalMs": millis(CLAIM_POLL_INTERVAL) as u64,
        "minRenewalIntervalMs": millis(MIN_RENEWAL_INTERVAL) as u64,
        "claimedPollIntervalMs": millis(CLAIMED_POLL_INTERVAL) as u64,
        "tokenTtlSeconds": TOKEN_TTL.as_secs(),
        "sessionTtlSeconds": SESSION_TTL.as_secs(),
    });
    assert_eq!(own, behaviour().constants);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct BackoffCase {
    failures: u32,
    random: f64,
    delay_ms: u128,
}

#[test]
fn backoff_grows_to_its_maximum() {
    for case in behaviour().backoff {
        let delay = BACKOFF.delay(case.failures, case.random);
        assert_eq!(millis(delay), case.delay_ms, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClaimInterval {
    held: bool,
    ttl_ms: u64,
    next_ms: u128,
}

#[test]
fn claims_are_renewed_and_polled_in_time() {
    for case in behaviour().claim_intervals {
        let next = claim_interval(case.held, Duration::from_millis(case.ttl_ms));
        assert_eq!(millis(next), case.next_ms, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QueueCase {
    position: u64,
    max_depth: Option<u64>,
    admitted: bool,
}

#[test]
fn a_position_at_the_maximum_depth_is_refused() {
    for case in behaviour().queue {
        assert_eq!(admits(case.position, case.max_depth), case.admitted, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TokenCase {
    ttl_seconds: u64,
    renew_after_ms: u128,
}

#[test]
fn tokens_are_renewed_before_they_expire() {
    for case in behaviour().tokens {
        let after = renew_after(Duration::from_secs(case.ttl_seconds));
        assert_eq!(millis(after), case.renew_after_ms, "{case:?}");
    }
}
