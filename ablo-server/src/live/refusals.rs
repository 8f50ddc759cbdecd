//! Refusals of frames that cannot be read (docs/protocol/websocket.md §3).

use crate::error::ApiError;
use crate::service::commits::decode_error;
use ablo_wire::{FrameRefused, ServerFrame, SyncId};
use serde::Deserialize as _;
use serde_json::Value;

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
