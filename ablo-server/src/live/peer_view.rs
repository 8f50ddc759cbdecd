//! The view that a peer has of claims, and the frames that update it (docs/protocol/claims.md §4,
//! docs/protocol/websocket.md §7).
//!
//! Level-triggered: the current state is compared with what the peer was last sent, so duplicate or
//! lost notifications are harmless.

use super::hub::{Hub, RowClaims};
use crate::engine::claims::Claim;
use crate::engine::exits::{self, Exit};
use crate::engine::sessions::Session;
use crate::identity::{Identity, claimant_kind};
use crate::models::Models;
use crate::service::roster::{Party, PartyState, intent_target, millis};
use crate::value::shown_date;
use ablo_wire::{
    EntityTarget, Intent, IntentAcquired, IntentBegin, IntentGranted, IntentLost, IntentQueue,
    IntentQueued, IntentRejected, IntentStatus, IntentTarget, LostReason, PresenceKind,
    RejectedReason, ServerFrame,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A participant that looks at the claims and peers of an organisation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Viewer<'v> {
    pub(super) hub: &'v Hub,
    pub(super) models: &'v Models,
    pub(super) who: &'v Identity,
}

impl Viewer<'_> {
    fn sees_claims(&self, row: &RowClaims) -> bool {
        exits::sees_claims(self.models, self.who, &row.model, &row.groups)
    }

    /// Returns the sessions and the claims of a peer that the viewer sees.
    fn party(&self, party: &Party) -> PartyState {
        let sessions = self.hub.sessions_of(party).into_iter();
        let mut found = PartyState {
            sessions: sessions.filter(|own| self.sees_session(own)).collect(),
            ..Default::default()
        };
        for row in self.hub.held(|claim| party.has(claim)) {
            self.add_claim(&mut found, &row);
        }
        found
    }

    /// Returns the frames that report the presence of all connected peers.
    pub(super) fn roster(&self) -> Vec<ServerFrame> {
        let mut parties: BTreeMap<Party, PartyState> = BTreeMap::new();
        for session in self.hub.sessions() {
            let party = Party::of_session(&session, self.who);
            if !party.is(self.who) && self.sees_session(&session) {
                parties.entry(party).or_default().sessions.push(session);
            }
        }
        for row in self.hub.held(|_| true) {
            let holder = row.claims.holder.as_ref();
            let party = holder.map(|claim| Party::of_claim(claim, self.who));
            if let Some(found) = party.and_then(|party| parties.get_mut(&party)) {
                self.add_claim(found, &row);
            }
        }
        let frame = |(party, state)| self.frame(party, state, PresenceKind::Enter);
        parties.iter().map(frame).collect()
    }

    fn sees_session(&self, session: &Session) -> bool {
        exits::sees(Exit::Presence, self.who, &session.groups)
    }

    fn add_claim(&self, state: &mut PartyState, row: &RowClaims) {
        if self.sees_claims(row) {
            state.row_groups.extend(row.groups.iter().cloned());
            state.claims.extend(row.claims.holder.clone());
        }
    }

    fn frame(&self, party: &Party, state: &PartyState, kind: PresenceKind) -> ServerFrame {
        ServerFrame::PresenceUpdate(Box::new(state.update(party, self.who, kind)))
    }
}

/// The claims as one connection was last sent them.
#[derive(Debug, Default)]
pub(super) struct PeerView {
    /// The connection's own claims, by id.
    own: BTreeMap<String, OwnClaim>,
    /// Rows whose claim queue the peer last saw with waiters.
    queues: BTreeSet<(String, String)>,
    /// The holders that the peer last saw, by row.
    holders: BTreeMap<(String, String), Party>,
    renew_at: Option<Instant>,
}

/// A claim that was requested on this connection.
#[derive(Clone, Debug)]
pub(super) struct OwnClaim {
    /// The target as the peer spelled it.
    pub(super) target: EntityTarget,
    /// The name of the claim queue: the key of the model, if the participant sees the row.
    pub(super) queue: String,
    /// The TTL of the lease, in milliseconds.
    pub(super) ttl: u64,
    /// Whether the peer was sent that it holds the claim.
    pub(super) held: bool,
    /// The position in the claim queue that the peer was last sent.
    pub(super) position: u64,
}

impl PeerView {
    pub(super) fn insert(&mut self, id: &str, claim: OwnClaim) {
        self.own.insert(id.to_owned(), claim);
        self.schedule_renewal();
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.own.remove(id);
        if self.own.is_empty() {
            self.renew_at = None;
        }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.own.keys().cloned().collect()
    }

    /// Schedules the next renewal of the claims: after a third of the shortest TTL.
    pub(super) fn schedule_renewal(&mut self) {
        let shortest = self.own.values().map(|own| own.ttl).min();
        let after = shortest.map(|ttl| Duration::from_millis((ttl / 3).clamp(100, 3000)));
        self.renew_at = after.map(|after| Instant::now() + after);
    }

    pub(super) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    /// Returns the frames for a row's current claims, and the ids of own claims missing from them.
    ///
    /// `row` may have been read before a claim was made, so the caller has to look up whether a
    /// missing claim is really lost.
    pub(super) fn update(
        &mut self,
        viewer: &Viewer<'_>,
        row: &RowClaims,
    ) -> (Vec<ServerFrame>, Vec<String>) {
        let (frames, missing) = self.update_own(viewer.who, row);
        (self.update_others(viewer, row, frames), missing)
    }

    /// Appends the frames about the claims of others on the row.
    fn update_others(
        &mut self,
        viewer: &Viewer<'_>,
        row: &RowClaims,
        mut frames: Vec<ServerFrame>,
    ) -> Vec<ServerFrame> {
        let key = (row.model.clone(), row.row.clone());
        if !viewer.sees_claims(row) {
            frames.extend(self.hide(viewer, key));
            return frames;
        }
        let holder = row.claims.holder.as_ref().map(|claim| Party::of_claim(claim, viewer.who));
        let before = match &holder {
            Some(holder) => self.holders.insert(key.clone(), holder.clone()),
            None => self.holders.remove(&key),
        };
        // The previous and the new holder: presence shows what each of them holds now.
        let parties: BTreeSet<Party> = before.into_iter().chain(holder).collect();
        for party in parties.iter().filter(|party| !party.is(viewer.who)) {
            frames.push(holder_presence(viewer, party, row));
        }
        let had_waiters = self.queues.contains(&key);
        if had_waiters || !row.claims.waiters.is_empty() {
            frames.push(intent_queue(row));
            match row.claims.waiters.is_empty() {
                true => drop(self.queues.remove(&key)),
                false => drop(self.queues.insert(key)),
            }
        }
        frames
    }

    /// Returns the frames after which the peer shows no claims on a row that it no longer sees.
    fn hide(&mut self, viewer: &Viewer<'_>, key: (String, String)) -> Vec<ServerFrame> {
        let mut frames = Vec::new();
        if let Some(holder) = self.holders.remove(&key).filter(|party| !party.is(viewer.who)) {
            frames.push(viewer.frame(&holder, &viewer.party(&holder), PresenceKind::Update));
        }
        if self.queues.remove(&key) {
            let target = IntentTarget::new(key.0, key.1);
            frames.push(ServerFrame::IntentQueue(IntentQueue::new(target, Vec::new())));
        }
        frames
    }

    /// Returns the frames about the connection's own claims on the row, and the missing ones.
    fn update_own(&mut self, who: &Identity, row: &RowClaims) -> (Vec<ServerFrame>, Vec<String>) {
        let on_row = |own: &OwnClaim| own.queue == row.model && own.target.entity_id == row.row;
        let ids: Vec<String> =
            self.own.iter().filter(|(_, own)| on_row(own)).map(|(id, _)| id.clone()).collect();
        let (mut frames, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(own) = self.own.get_mut(&id) else { continue };
            let is_own = |claim: &Claim| claim.id == id && claim.is_held_by(who);
            let holds = row.claims.holder.as_ref().is_some_and(is_own);
            let position = row.claims.waiters.iter().position(is_own);
            match (holds, position) {
                (true, _) if own.held => {}
                (true, _) => {
                    own.held = true;
                    let mut granted = IntentGranted::new(id.clone());
                    granted.target = Some(own.target.clone());
                    frames.push(ServerFrame::IntentGranted(granted));
                    // Renew within the grace period of the promotion.
                    self.renew_at = Some(Instant::now());
                }
                (false, Some(position)) => {
                    let position = position as u64;
                    if own.position != position {
                        own.position = position;
                        frames.push(queued(&id, own.target.clone(), position));
                    }
                }
                (false, None) => missing.push(id),
            }
        }
        (frames, missing)
    }

    /// Removes a lost claim and returns the frame that reports it.
    pub(super) fn lose(&mut self, id: &str, reason: LostReason) -> Option<ServerFrame> {
        let own = self.own.remove(id)?;
        if self.own.is_empty() {
            self.renew_at = None;
        }
        Some(lost(id, own.target, reason))
    }
}

/// Returns the target of a request as the peer spelled it.
pub(super) fn target(begin: &IntentBegin) -> EntityTarget {
    let mut target = EntityTarget::new(begin.entity_type.clone(), begin.entity_id.clone());
    target.path = begin.path.clone();
    target.range = begin.range.clone();
    target.field = begin.field.clone();
    target.meta = begin.meta.clone();
    target
}

pub(super) fn acquired(id: &str, target: EntityTarget) -> ServerFrame {
    let mut frame = IntentAcquired::new(id.to_owned());
    frame.target = Some(target);
    ServerFrame::IntentAcquired(frame)
}

pub(super) fn queued(id: &str, target: EntityTarget, position: u64) -> ServerFrame {
    let mut frame = IntentQueued::new(id.to_owned(), position);
    frame.target = Some(target);
    ServerFrame::IntentQueued(frame)
}

pub(super) fn lost(id: &str, target: EntityTarget, reason: LostReason) -> ServerFrame {
    ServerFrame::IntentLost(IntentLost::new(id.to_owned(), reason, target))
}

pub(super) fn rejected(id: &str, target: EntityTarget, holder: &Claim) -> ServerFrame {
    let mut frame = IntentRejected::new(id.to_owned(), RejectedReason::Conflict, target);
    frame.held_by = Some(holder.claimant());
    frame.held_by_intent_id = Some(holder.id.clone());
    frame.held_by_expires_at = Some(millis(&holder.expires_at));
    ServerFrame::IntentRejected(frame)
}

/// Returns the frame that contains the claim queue of a row.
fn intent_queue(row: &RowClaims) -> ServerFrame {
    let waiters = row.claims.waiters.iter().enumerate().map(|(at, claim)| {
        let mut intent = Intent::new(
            claim.id.clone(),
            IntentStatus::Queued,
            intent_target(claim),
            claim.action.clone(),
            claim.claimant(),
            claimant_kind(&claim.kind),
            shown_date(&claim.expires_at),
        );
        intent.description = claim.description.clone();
        intent.created_at = Some(shown_date(&claim.declared_at));
        intent.position = Some(at as u64);
        intent
    });
    let target = IntentTarget::new(row.model.clone(), row.row.clone());
    ServerFrame::IntentQueue(IntentQueue::new(target, waiters.collect::<Vec<_>>()))
}

/// Returns a holder's presence after a row's claims changed: all claims that it holds, and its
/// ended claim on this row.
fn holder_presence(viewer: &Viewer<'_>, party: &Party, row: &RowClaims) -> ServerFrame {
    let mut state = viewer.party(party);
    let ended = row.claims.ended.iter().rev().find(|claim| party.has(claim));
    let holds_row =
        state.claims.iter().any(|claim| claim.model == row.model && claim.row == row.row);
    state.claims.extend(ended.filter(|_| !holds_row).cloned());
    state.row_groups.extend(row.groups.iter().cloned());
    viewer.frame(party, &state, PresenceKind::Update)
}

/// Returns the frame that reports the presence of a peer after one of its sessions changed.
pub(super) fn presence(viewer: &Viewer<'_>, party: &Party, changed: &Session) -> ServerFrame {
    let mut state = viewer.party(party);
    if !state.sessions.is_empty() {
        return viewer.frame(party, &state, PresenceKind::Enter);
    }
    // A peer that leaves is shown as it was.
    state.sessions.push(Arc::new(changed.clone()));
    viewer.frame(party, &state, PresenceKind::Leave)
}
