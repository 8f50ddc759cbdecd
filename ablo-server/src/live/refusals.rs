//! Refusals of commits, and of frames that cannot be read (docs/protocol/websocket.md §3).

use super::peer_view::lost;
use crate::error::ApiError;
use crate::service::commits::decode_error;
use ablo_wire::{
    CommitReceipt, CommitStatus, EntityTarget, FrameRefused, LostReason, ServerFrame, SyncId,
};
use serde::Deserialize as _;
use serde_json::Value;

/// Returns the receipt of a refused commit.
pub(super) fn refused_commit(
    id: String,
    operations: usize,
    refusal: ApiError,
    head: u64,
) -> ServerFrame {
    let mut receipt = CommitReceipt::new(id, false);
    receipt.status = Some(CommitStatus::Rejected);
    receipt.server_tx_id = Some(head.to_string());
    receipt.last_sync_id = Some(SyncId(head));
    receipt.ops = Some(operations as u64);
    receipt.error = Some(refusal.into_failure());
    ServerFrame::MutationResult(Box::new(receipt))
}

/// Returns the answer to a frame that cannot be decoded, if its sender waits for one.
pub(super) fn answer(text: &str, error: &serde_json::Error, head: u64) -> Option<ServerFrame> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let payload = frame.get("payload")?;
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    match frame.get("type")?.as_str()? {
        "commit" => {
            let bytes = serde_json::to_vec(payload).ok()?;
            let refusal = decode_error(&bytes, error);
            let operations = payload.get("operations").and_then(Value::as_array).map(Vec::len);
            Some(refused_commit(text("clientTxId")?, operations.unwrap_or(0), refusal, head))
        }
        "intent_begin" => {
            let target = EntityTarget::new(
                text("entityType").unwrap_or_default(),
                text("entityId").unwrap_or_default(),
            );
            Some(lost(&text("intentId")?, target, LostReason::Expired))
        }
        _ => None,
    }
}

/// Refuses a binary frame.
pub(super) fn binary() -> ServerFrame {
    let message = "binary frames are not part of the protocol; send JSON text";
    refused(ApiError::new("invalid_request", message), None)
}

/// Refuses a text that is not a frame.
pub(super) fn unreadable(text: &str, error: &serde_json::Error) -> ServerFrame {
    let Ok(frame) = serde_json::from_str::<Value>(text) else {
        let message = format!("the frame is not valid JSON: {error}");
        return refused(ApiError::new("invalid_json", message), None);
    };
    let kind = frame.get("type").and_then(Value::as_str).map(str::to_owned);
    // Members are named relative to the payload, as in the documents.
    let part = frame.get("payload").unwrap_or(&frame);
    let bytes = serde_json::to_vec(part).unwrap_or_default();
    let mut refusal = decode_error(&bytes, error);
    let position = part.get("lastSyncId");
    if position.is_some_and(|position| SyncId::deserialize(position).is_err()) {
        refusal = refusal.param("lastSyncId");
    }
    refused(refusal, kind)
}

fn refused(refusal: ApiError, frame: Option<String>) -> ServerFrame {
    let envelope = refusal.envelope();
    let code = refusal.code().to_owned();
    let mut refused = FrameRefused::new(code, envelope.message.clone());
    refused.frame = frame;
    refused.param = envelope.param.clone();
    ServerFrame::FrameRefused(refused)
}

/// Returns whether a peer sent a message that is too long.
pub(super) fn is_too_long(error: &axum::Error) -> bool {
    let source = std::error::Error::source(error);
    let capacity = |error: &tokio_tungstenite::tungstenite::Error| {
        matches!(error, tokio_tungstenite::tungstenite::Error::Capacity(_))
    };
    source.and_then(|source| source.downcast_ref()).is_some_and(capacity)
}
