//! Events that applications send to their peers: a right with limits, in an envelope whose sender the
//! coordinator sets (docs/protocol/websocket.md §3).

use super::connection::Connection;
use super::end::{End, end_of};
use super::hub::Relay;
use crate::engine::access::check_relay;
use crate::engine::exits::{self, Exit};
use crate::store::Notification;
use ablo_wire::{
    Actor, ClientFrame, Maybe, OtherFrame, ParticipantKind, RawJson, RelayFrame, RelayedFrame,
    ServerFrame,
};
use std::time::Instant;

/// The maximum size of a relayed frame, in bytes. It has to fit into one notification.
const MAX_RELAY_BYTES: usize = 6000;

/// Returns whether the name of an event is that of a frame of the protocol, in any spelling: peers
/// without envelopes would take the event for that frame.
fn is_reserved(event: &str) -> bool {
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

impl Connection {
    /// Relays an event that arrived in an envelope.
    pub(super) async fn relay(&mut self, frame: RelayFrame) -> Result<(), End> {
        self.relay_event(
            frame.event.replace(':', "_"),
            frame.data.map_or(Maybe::Absent, Maybe::Value),
        )
        .await
    }

    /// Relays an event that arrived as a frame of its own. Members beside the payload are dropped:
    /// clients recognise some frames by them.
    pub(super) async fn relay_other(&mut self, frame: OtherFrame) -> Result<(), End> {
        self.relay_event(frame.kind, frame.payload).await
    }

    async fn relay_event(&mut self, event: String, data: Maybe<RawJson>) -> Result<(), End> {
        let refused = match check_relay(&self.who) {
            Err(refusal) => Some(refusal.code().to_owned()),
            Ok(()) if is_reserved(&event) => Some("invalid_request".to_owned()),
            Ok(()) => None,
        };
        if let Some(code) = refused {
            tracing::debug!(event, code, "an event for peers was dropped");
            self.service.metrics.refused(&code);
            return Ok(());
        }
        if !self.relays.allows(Instant::now()) {
            self.service.metrics.limited("relays_per_second");
            return Ok(());
        }
        let frame = ServerFrame::Other(OtherFrame::new(event, data));
        let Ok(text) = frame.to_text() else { return Ok(()) };
        if text.len() > MAX_RELAY_BYTES {
            self.service.metrics.refused("invalid_request");
            return Ok(());
        }
        let relay = Notification::PeerMessage {
            organization: self.who.organization.clone(),
            session: self.session.clone(),
            groups: self.who.groups.clone(),
            text,
            from: Some((self.who.kind.as_str().to_owned(), self.who.participant.clone())),
        };
        let result =
            self.service.acting(&self.who, move |_, tx| Ok(tx.notify(relay.clone())?)).await;
        if let Err(failure) = result {
            end_of(&failure)?;
            tracing::debug!(?failure, "failed to relay a frame");
        }
        Ok(())
    }

    /// Sends an event of a peer that shares a group.
    pub(super) async fn send_relay(&mut self, relay: &Relay) -> Result<(), End> {
        if relay.session == self.session || !exits::sees(Exit::Relay, &self.who, &relay.groups) {
            return Ok(());
        }
        match &relay.envelope {
            Some(envelope) if self.knows_envelopes => self.send(envelope.clone()).await,
            _ => self.send(relay.text.clone()).await,
        }
    }
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
