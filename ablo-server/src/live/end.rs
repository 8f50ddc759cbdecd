//! Why a connection ends (docs/protocol/websocket.md §9).

use crate::error::EngineError;

/// Why a connection ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// The peer has disconnected or does not read.
    Gone,
    /// The coordinator closes the connection with this code and reason.
    Close(u16, &'static str),
}

pub(super) const REVOKED: End = End::Close(4001, "credential revoked");
pub(super) const EXPIRED: End =
    End::Close(4408, "credential expired; reconnect with a fresh token");
pub(super) const TOO_LONG: End = End::Close(1009, "limit_exceeded: the message is too long");
pub(super) const LOG_REPLACED: End = End::Close(1012, "the sync log was replaced; reconnect");
pub(super) const RELOAD: End =
    End::Close(1012, "many rows were written at once; reconnect and read them");
pub(super) const RESTARTING: End = End::Close(1012, "the coordinator is restarting");
pub(super) const TOO_OLD: End =
    End::Close(1012, "connection too old; reconnect with a fresh token");
pub(super) const TRY_AGAIN_LATER: End = End::Close(1013, "try again later");

/// Ends the connection if a request failed because the connection's credential has ended.
pub(super) fn end_of(failure: &EngineError) -> Result<(), End> {
    let EngineError::Refused(refusal) = failure else { return Ok(()) };
    match refusal.code() {
        "apikey_revoked" => Err(REVOKED),
        // The row of a token is deleted some time after it has expired.
        "apikey_expired" | "apikey_invalid" => Err(EXPIRED),
        _ => Ok(()),
    }
}

/// Returns why a connection ends after a failure of the store, or of its credential.
pub(super) fn failed(failure: &EngineError, what: &'static str) -> End {
    match end_of(failure) {
        Err(end) => end,
        Ok(()) => {
            tracing::warn!(?failure, "{what}");
            TRY_AGAIN_LATER
        }
    }
}
