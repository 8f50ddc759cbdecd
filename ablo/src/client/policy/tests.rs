//! Compares constants and decisions with `fixtures/client/behaviour.json`. The TypeScript client is
//! tested with the same file (`tests/typescript/policy.ts`).

use super::*;
use crate::client::Error;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Behaviour {
    constants: serde_json::Value,
    backoff: Vec<BackoffCase>,
    retry_after: Vec<RetryAfterCase>,
    errors: Vec<ErrorCase>,
    error_bodies: Vec<ErrorBody>,
    lost_answers: Vec<LostAnswer>,
    reconnects: Vec<Reconnect>,
    close_codes: Vec<CloseCode>,
    claim_errors: Vec<ClaimError>,
    claim_intervals: Vec<ClaimInterval>,
    queue: Vec<QueueCase>,
    tokens: Vec<TokenCase>,
    // The TypeScript client has these decisions alone: it keeps rows.
    #[serde(rename = "finalErrors")]
    _final_errors: serde_json::Value,
    // `tests/tests/clients/behaviour.rs` runs the scenarios.
    #[serde(rename = "requestScenarios")]
    _request_scenarios: serde_json::Value,
    #[serde(rename = "claimDetails")]
    _claim_details: serde_json::Value,
    #[serde(rename = "readScenarios")]
    _read_scenarios: serde_json::Value,
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
        "stableAfterMs": millis(STABLE_AFTER) as u64,
        "maxHeadChecks": MAX_HEAD_CHECKS,
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
struct RetryAfterCase {
    header: String,
    seconds: Option<u64>,
}

#[test]
fn retry_after_is_read_as_whole_seconds() {
    for case in behaviour().retry_after {
        let seconds = retry_after(&case.header).map(|wait| wait.as_secs());
        assert_eq!(seconds, case.seconds, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ErrorCase {
    code: String,
    status: Option<u16>,
    /// The class in TypeScript.
    #[serde(rename = "class")]
    _class: String,
    kind: String,
    retry: bool,
}

#[test]
fn errors_are_classified_by_code_and_status() {
    for case in behaviour().errors {
        let code = ErrorCode::from(case.code.as_str());
        let kind = format!("{:?}", classify(&code, case.status, &Value::Null));
        let kind = kind.split('(').next().unwrap_or_default();
        assert_eq!((kind, should_retry(&code, case.status)), (&*case.kind, case.retry), "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ErrorBody {
    status: u16,
    body: String,
    code: String,
    message: String,
}

#[test]
fn error_bodies_of_other_servers_are_read() {
    for case in behaviour().error_bodies {
        let error = Error::from_response(case.status, case.body.as_bytes(), None);
        assert_eq!(error.code(), case.code, "{case:?}");
        assert_eq!(error.to_string(), format!("{} [{}]", case.message, case.code), "{case:?}");
    }
}

/// The answer to the repetition of a write whose first answer was lost.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LostAnswer {
    code: String,
    status: Option<u16>,
    /// Whether an answer with this code is lost.
    lost: bool,
    unknown: bool,
}

#[test]
fn some_answers_leave_the_outcome_of_a_write_unknown() {
    for case in behaviour().lost_answers {
        let decided = (is_lost(&case.code), stays_unknown(case.status));
        assert_eq!(decided, (case.lost, case.unknown), "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reconnect {
    failures: u32,
    lasted_ms: Option<u64>,
    next: u32,
}

#[test]
fn a_stable_connection_resets_the_backoff() {
    for case in behaviour().reconnects {
        let mut backoff = BACKOFF;
        for _ in 0..case.failures {
            backoff.fail();
        }
        let lasted = case.lasted_ms.map_or(Duration::ZERO, Duration::from_millis);
        let delay = reconnect_delay(&mut backoff, lasted);
        assert_eq!(backoff.failures(), case.next, "{case:?}");
        assert!(delay <= BACKOFF.delay(case.next, 0.0), "{case:?}: {delay:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CloseCode {
    code: u16,
    ends_session: bool,
    #[serde(default)]
    renews_token: bool,
}

#[test]
fn some_close_codes_end_the_session_or_the_token() {
    for case in behaviour().close_codes {
        assert_eq!(ends_session(case.code), case.ends_session, "{case:?}");
        assert_eq!(renews_token(case.code), case.renews_token, "{case:?}");
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClaimError {
    held: bool,
    expired: bool,
    claimed: bool,
    retryable: bool,
    outcome: String,
}

#[test]
fn a_failed_renewal_ends_a_claim_or_is_repeated() {
    for case in behaviour().claim_errors {
        let outcome = claim_after_error(case.held, case.expired, case.claimed, case.retryable);
        assert_eq!(format!("{outcome:?}").to_lowercase(), case.outcome, "{case:?}");
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
