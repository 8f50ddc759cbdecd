//! The age of keys: a key that is older than the retention of keys may belong to a write that was
//! applied and forgotten, so it is not applied again.

use super::Commit;
use crate::error::ApiError;
use jiff::Timestamp;

/// Keys do not name times before this one; an earlier one comes from a clock that is not set.
const FIRST_TIME: i64 = 1_735_689_600_000;

/// Checks that the keys of a commit that name a time are not older than `oldest`.
///
/// # Errors
///
/// Returns `idempotency_key_expired`.
pub(crate) fn check_age(commit: &Commit, oldest: Timestamp) -> Result<(), ApiError> {
    let keys = commit.changes.iter().filter_map(|change| change.transaction.as_deref());
    for key in keys.chain([commit.client_tx_id.as_str()]) {
        if created_at(key).is_some_and(|at| at < oldest) {
            let message = format!(
                "the key `{key}` is older than the retention of keys: whether the write was \
                 applied is unknown; read the row, then write with a new key"
            );
            return Err(ApiError::new("idempotency_key_expired", message).param("idempotencyKey"));
        }
    }
    Ok(())
}

/// Returns the time that a key names: a UUID of version 7, or `tx_<milliseconds>_…`.
fn created_at(key: &str) -> Option<Timestamp> {
    let uuid = key.get(..36).and_then(|text| uuid::Uuid::try_parse(text).ok());
    let milliseconds = match uuid.filter(|uuid| uuid.get_version_num() == 7) {
        Some(uuid) => {
            let (seconds, nanoseconds) = uuid.get_timestamp()?.to_unix();
            i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanoseconds / 1_000_000)
        }
        None => key.strip_prefix("tx_")?.split('_').next()?.parse().ok()?,
    };
    let named = Timestamp::from_millisecond(milliseconds).ok()?;
    (milliseconds >= FIRST_TIME).then_some(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_the_time_when_they_were_made() {
        let at = |key: &str| created_at(key).map(|at| at.to_string());
        let known = "2025-10-09T08:53:20Z".to_owned();
        assert_eq!(at("tx_1760000000000_ab12cd"), Some(known.clone()));
        assert_eq!(at("0199c82c-c000-7000-8000-000000000000:3"), Some(known));
    }

    #[test]
    fn other_keys_name_no_time() {
        for key in [
            "",
            "tx_",
            "tx_now_1",
            "tx_99999999999999999999_1",
            "tx_9223372036854775807_1",
            "tx_-1760000000000_1",
            // A device whose clock was reset.
            "tx_86400000_1",
            "2a8d0b1e-9f53-4d0e-b6f5-0d5a5f6c7e21",
            "ffffffff-ffff-7fff-bfff-ffffffffffff",
            "0199c2a6-a000-7000-8000-00000000000ä",
        ] {
            assert!(created_at(key).is_none_or(|at| at > Timestamp::now()), "{key}");
        }
    }
}
