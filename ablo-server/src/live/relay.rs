//! Events that applications send to their peers: limits, names and the envelope, whose sender the
//! coordinator sets (docs/protocol/websocket.md §3.1).

use ablo_wire::{Actor, ClientFrame, ParticipantKind, RelayedFrame, ServerFrame};

/// The maximum size of a relayed frame, in bytes. It has to fit into one notification.
pub(super) const MAX_RELAY_BYTES: usize = 6000;

/// Returns whether the name of an event is that of a frame of the protocol, in any spelling: peers
/// without envelopes would take the event for that frame.
pub(super) fn is_reserved(event: &str) -> bool {
    let plain: String = event
        .chars()
        .map(
            |letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '_' },
        )
        .collect();
    let kinds = <ServerFrame>::KINDS.iter().chain(<ClientFrame>::KINDS);
    plain.is_empty() || kinds.into_iter().any(|kind| *kind == plain)
}

/// Puts the frame of an event into its envelope.
pub(super) fn envelope(text: &str, (kind, id): (String, String)) -> Option<String> {
    let Ok(ServerFrame::Other(frame)) = ServerFrame::parse(text) else { return None };
    let mut relayed = RelayedFrame::new(frame.kind, Actor::new(ParticipantKind::from(kind), id));
    relayed.data = frame.payload.into_value();
    ServerFrame::Relay(relayed).to_text().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_frame_is_an_event() {
        for name in ["delta", "Delta", "intent:lost", "INTENT-LOST", "relay", "commit", ""] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["slide_cursor", "sheet_selection", "typing", "deltas"] {
            assert!(!is_reserved(name), "{name}");
        }
    }
}
