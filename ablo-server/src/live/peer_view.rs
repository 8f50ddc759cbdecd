//! What a connection was told of claims, and the frames that tell it (docs/protocol/claims.md §4, docs/protocol/websocket.md §7).
//!
//! Nothing is sent because something happened, only because what is so differs from what was told: news that come twice say
//! nothing, and news that were missed are made up for by the next.

use super::hub::{ClaimQueueChange, Hub};
use crate::engine::claims::Claim;
use crate::engine::sessions::Session;
use crate::identity::{Identity, claimant_kind};
use crate::value::shown_date;
use ablo_wire::{
    ActiveIntent, CommitReceipt, CommitStatus, EntityTarget, Intent, IntentAcquired, IntentBegin,
    IntentGranted, IntentLost, IntentQueue, IntentQueued, IntentRejected, IntentStatus,
    IntentTarget, LostReason, Millis, PresenceKind, PresenceUpdate, RejectedReason, ServerFrame,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Claims of this connection, and what it was told of them.
#[derive(Debug, Default)]
pub(super) struct PeerView {
    own: BTreeMap<String, Own>,
    /// Rows whose line is known to the peer not to be empty.
    lines: BTreeSet<(String, String)>,
    /// Holders that the peer knows of, by row.
    holders: BTreeMap<(String, String), (String, String)>,
    renew_at: Option<Instant>,
}

/// A claim that was asked for here.
#[derive(Clone, Debug)]
pub(super) struct Own {
    /// What it is on, as the peer spelled it.
    pub(super) target: EntityTarget,
    /// The key of the model.
    pub(super) model: String,
    /// Its lease, in milliseconds.
    pub(super) ttl: u64,
    /// Whether the peer knows that it holds.
    pub(super) held: bool,
    /// The place in the line that the peer knows.
    pub(super) position: u64,
}

impl PeerView {
    pub(super) fn keep(&mut self, id: &str, own: Own) {
        self.own.insert(id.to_owned(), own);
        self.renewed();
    }

    pub(super) fn forget(&mut self, id: &str) {
        self.own.remove(id);
        if self.own.is_empty() {
            self.renew_at = None;
        }
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.own.keys().cloned().collect()
    }

    /// When the claims have to be renewed next: a third of the shortest lease.
    pub(super) fn renewed(&mut self) {
        let shortest = self.own.values().map(|own| own.ttl).min();
        let after = shortest.map(|ttl| Duration::from_millis((ttl / 3).clamp(100, 3000)));
        self.renew_at = after.map(|after| Instant::now() + after);
    }

    pub(super) fn renew_at(&self) -> Option<Instant> {
        self.renew_at
    }

    /// What there is to say about a row whose claims changed, and claims of which it does not say that they live.
    ///
    /// A line may have been read before a claim was made: whether that is lost has to be looked up.
    pub(super) fn line(
        &mut self,
        hub: &Hub,
        who: &Identity,
        change: &ClaimQueueChange,
    ) -> (Vec<ServerFrame>, Vec<String>) {
        let (frames, doubtful) = self.own(who, change);
        (self.others(hub, who, change, frames), doubtful)
    }

    /// What the peer is told of others' claims on the row.
    fn others(
        &mut self,
        hub: &Hub,
        who: &Identity,
        change: &ClaimQueueChange,
        mut frames: Vec<ServerFrame>,
    ) -> Vec<ServerFrame> {
        if change.groups.is_disjoint(&who.groups) {
            return frames;
        }
        let key = (change.model.clone(), change.row.clone());
        let holder = change
            .line
            .holder
            .as_ref()
            .map(|claim| (claim.kind.clone(), claim.participant.clone()));
        let before = match &holder {
            Some(holder) => self.holders.insert(key.clone(), holder.clone()),
            None => self.holders.remove(&key),
        };
        // The one who held it before is shown without it, then the one who holds it with it.
        let parties: BTreeSet<(String, String)> = before.into_iter().chain(holder).collect();
        for (kind, participant) in
            parties.into_iter().filter(|(kind, participant)| !who.is(kind, participant))
        {
            frames.push(holder_presence(hub, who, &kind, &participant, change));
        }
        let known = self.lines.contains(&key);
        if known || !change.line.waiters.is_empty() {
            frames.push(queue(change));
            match change.line.waiters.is_empty() {
                true => drop(self.lines.remove(&key)),
                false => drop(self.lines.insert(key)),
            }
        }
        frames
    }

    /// What the participant is told of its own claims on the row.
    fn own(
        &mut self,
        who: &Identity,
        change: &ClaimQueueChange,
    ) -> (Vec<ServerFrame>, Vec<String>) {
        let on_row = |own: &Own| own.model == change.model && own.target.entity_id == change.row;
        let ids: Vec<String> =
            self.own.iter().filter(|(_, own)| on_row(own)).map(|(id, _)| id.clone()).collect();
        let (mut frames, mut doubtful) = (Vec::new(), Vec::new());
        for id in ids {
            let Some(own) = self.own.get_mut(&id) else { continue };
            let mine = |claim: &Claim| claim.id == id && claim.belongs_to(who);
            let holds = change.line.holder.as_ref().is_some_and(mine);
            let place = change.line.waiters.iter().position(mine);
            match (holds, place) {
                (true, _) if own.held => {}
                (true, _) => {
                    own.held = true;
                    let mut granted = IntentGranted::new(id.clone());
                    granted.target = Some(own.target.clone());
                    frames.push(ServerFrame::IntentGranted(granted));
                    // It was given a short while to show up, and has.
                    self.renew_at = Some(Instant::now());
                }
                (false, Some(place)) => {
                    let place = place as u64;
                    if own.position != place {
                        own.position = place;
                        frames.push(queued(&id, own.target.clone(), place));
                    }
                }
                (false, None) => doubtful.push(id),
            }
        }
        (frames, doubtful)
    }

    /// Tells that a claim is lost.
    pub(super) fn lose(&mut self, id: &str) -> Option<ServerFrame> {
        let own = self.own.remove(id)?;
        if self.own.is_empty() {
            self.renew_at = None;
        }
        Some(lost(id, own.target))
    }
}

/// The target of a request, as the peer spelled it.
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

pub(super) fn lost(id: &str, target: EntityTarget) -> ServerFrame {
    ServerFrame::IntentLost(IntentLost::new(id.to_owned(), LostReason::Expired, target))
}

pub(super) fn rejected(id: &str, target: EntityTarget, holder: &Claim) -> ServerFrame {
    let mut frame = IntentRejected::new(id.to_owned(), RejectedReason::Conflict, target);
    frame.held_by = Some(holder.claimant());
    frame.held_by_intent_id = Some(holder.id.clone());
    frame.held_by_expires_at = Some(millis(&holder.expires_at));
    ServerFrame::IntentRejected(frame)
}

fn millis(date: &str) -> Millis {
    let at: Option<jiff::Timestamp> = date.parse().ok();
    Millis(at.and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or_default())
}

/// The whole line for a row.
fn queue(change: &ClaimQueueChange) -> ServerFrame {
    let waiting = change.line.waiters.iter().enumerate().map(|(at, claim)| {
        let mut intent = Intent::new(
            claim.id.clone(),
            IntentStatus::Queued,
            place(claim),
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
    let target = IntentTarget::new(change.model.clone(), change.row.clone());
    ServerFrame::IntentQueue(IntentQueue::new(target, waiting.collect::<Vec<_>>()))
}

fn place(claim: &Claim) -> IntentTarget {
    let mut target = IntentTarget::new(claim.model.clone(), claim.row.clone());
    target.path = claim.detail.path.clone();
    target.range = claim.detail.range.as_ref().and_then(|range| serde_json::from_str(range).ok());
    target.field = claim.detail.field.clone();
    target.meta = claim.detail.meta.as_ref().and_then(|meta| serde_json::from_str(meta).ok());
    target
}

/// A claim as its holder's presence shows it.
fn active(claim: &Claim) -> ActiveIntent {
    let place = place(claim);
    let mut intent = ActiveIntent::new(
        claim.id.clone(),
        claim.model.clone(),
        claim.row.clone(),
        claim.action.clone(),
        millis(&claim.declared_at),
        millis(&claim.expires_at),
    );
    intent.path = place.path;
    intent.range = place.range;
    intent.field = place.field;
    intent.meta = place.meta;
    intent.status = Some(IntentStatus::from(claim.status.clone()));
    intent
}

/// A holder's presence after the claims on a row changed: everything it holds, and how the claim on this row ended.
fn holder_presence(
    hub: &Hub,
    who: &Identity,
    kind: &str,
    participant: &str,
    change: &ClaimQueueChange,
) -> ServerFrame {
    let mut frame = PresenceUpdate::new();
    frame.kind = Some(PresenceKind::Update);
    frame.user_id = Some(named(kind, participant));
    frame.is_agent = Some(kind != "user");
    let held = hub.held_by(kind, participant, &who.groups);
    let ended = change
        .line
        .ended
        .iter()
        .rev()
        .find(|claim| claim.kind == kind && claim.participant == participant);
    let ended = ended.filter(|ended| {
        !held.iter().any(|claim| claim.model == ended.model && claim.row == ended.row)
    });
    frame.active_intents = Some(held.iter().chain(ended).map(active).collect());
    ServerFrame::PresenceUpdate(Box::new(frame))
}

/// What a peer hears of a participant.
pub(super) fn presence(hub: &Hub, who: &Identity, peer: &Session, gone: bool) -> ServerFrame {
    let mut frame = PresenceUpdate::new();
    frame.kind = Some(if gone { PresenceKind::Leave } else { PresenceKind::Enter });
    frame.user_id = Some(named(&peer.kind, &peer.participant));
    frame.status =
        Some(if gone { ablo_wire::PresenceStatus::Offline } else { peer.report.status.clone() });
    frame.sync_groups = Some(peer.groups.intersection(&who.groups).cloned().collect());
    frame.activity = peer.report.activity.clone();
    frame.is_agent = Some(peer.kind != "user");
    frame.timestamp = Some(peer.active_at);
    frame.timezone = peer.report.timezone.clone();
    frame.custom_status = peer.report.custom_status.clone();
    let held = hub.held_by(&peer.kind, &peer.participant, &who.groups);
    frame.active_intents = Some(held.iter().map(active).collect());
    ServerFrame::PresenceUpdate(Box::new(frame))
}

fn named(kind: &str, participant: &str) -> String {
    match kind {
        "agent" => format!("agent:{participant}"),
        _ => participant.to_owned(),
    }
}

/// The answer to a frame that cannot be read, where its sender waits for one.
pub(super) fn unreadable(text: &str, error: &serde_json::Error) -> Option<ServerFrame> {
    let frame: Value = serde_json::from_str(text).ok()?;
    let payload = frame.get("payload")?;
    let text = |name: &str| payload.get(name).and_then(Value::as_str).map(str::to_owned);
    match frame.get("type")?.as_str()? {
        "commit" => {
            let mut receipt = CommitReceipt::new(text("clientTxId")?, false);
            let bytes = serde_json::to_vec(payload).ok()?;
            let refusal = crate::http::why_unreadable(&bytes, error);
            receipt.status = Some(CommitStatus::Rejected);
            receipt.error = Some(refusal.into_failure());
            Some(ServerFrame::MutationResult(Box::new(receipt)))
        }
        "intent_begin" => {
            let target = EntityTarget::new(
                text("entityType").unwrap_or_default(),
                text("entityId").unwrap_or_default(),
            );
            Some(lost(&text("intentId")?, target))
        }
        _ => None,
    }
}
