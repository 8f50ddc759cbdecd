//! The newest state of all peers and claim queues, built from frames.

use crate::wire::{Intent, IntentQueue, PresenceKind, PresenceUpdate};
use std::collections::BTreeMap;

/// The state of all peers.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// By participant and program.
    pub(super) peers: BTreeMap<(String, Option<String>), PresenceUpdate>,
    /// The waiters, by model key and row id.
    pub(super) claim_queues: BTreeMap<(String, String), Vec<Intent>>,
}

impl Roster {
    /// Applies a presence frame. Its claims are complete; other members are present only if they
    /// changed.
    pub(super) fn update_peer(&mut self, update: PresenceUpdate) {
        let Some(participant) = update.user_id.clone() else { return };
        let id = (participant, update.holder.clone());
        if update.kind == Some(PresenceKind::Leave) {
            self.peers.remove(&id);
            return;
        }
        let known = self.peers.entry(id).or_default();
        let before = std::mem::replace(known, update);
        known.status = known.status.take().or(before.status);
        known.sync_groups = known.sync_groups.take().or(before.sync_groups);
        known.is_agent = known.is_agent.or(before.is_agent);
        if known.kind == Some(PresenceKind::Update) {
            known.activity = known.activity.take().or(before.activity);
        }
    }

    /// Replaces the claim queue of a row.
    pub(super) fn update_queue(&mut self, frame: IntentQueue) {
        let key = (frame.target.r#type, frame.target.id);
        match frame.queue.is_empty() {
            true => drop(self.claim_queues.remove(&key)),
            false => drop(self.claim_queues.insert(key, frame.queue)),
        }
    }
}
