//! Peers as a participant sees them: their sessions and the claims that they hold.
//!
//! A peer is a participant. For a viewer that names its own program, it is one program of a
//! participant (docs/protocol/differences.md A11).

use crate::engine::claims::Claim;
use crate::engine::exits;
use crate::engine::sessions::Session;
use crate::identity::{Holder, Identity, claimant};
use ablo_wire::{
    ActiveIntent, IntentStatus, IntentTarget, Millis, PresenceKind, PresenceStatus, PresenceUpdate,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Party {
    /// The kind and the name of the participant.
    pub(crate) participant: (String, String),
    /// The program; `None` for all of the participant.
    pub(crate) holder: Option<Holder>,
}

impl Party {
    fn new(kind: &str, participant: &str, holder: &Holder, viewer: &Identity) -> Self {
        Self {
            participant: (kind.to_owned(), participant.to_owned()),
            holder: viewer.holder.name().map(|_| holder.clone()),
        }
    }

    /// Returns the peer behind a claim.
    pub(crate) fn of_claim(claim: &Claim, viewer: &Identity) -> Self {
        Self::new(&claim.kind, &claim.participant, &claim.holder, viewer)
    }

    /// Returns the peer behind a session.
    pub(crate) fn of_session(session: &Session, viewer: &Identity) -> Self {
        Self::new(&session.kind, &session.participant, &session.holder, viewer)
    }

    /// Returns whether the peer is the viewer itself.
    pub(crate) fn is(&self, viewer: &Identity) -> bool {
        let (kind, participant) = &self.participant;
        viewer.is(kind, participant)
            && self.holder.as_ref().is_none_or(|holder| *holder == viewer.holder)
    }

    /// Returns whether a claim is one of the peer.
    pub(crate) fn has(&self, claim: &Claim) -> bool {
        let (kind, participant) = &self.participant;
        *kind == claim.kind
            && *participant == claim.participant
            && self.holder.as_ref().is_none_or(|holder| *holder == claim.holder)
    }
}

/// The sessions and claims of a peer.
#[derive(Debug, Default)]
pub(crate) struct PartyState {
    pub(crate) sessions: Vec<Arc<Session>>,
    pub(crate) claims: Vec<Claim>,
    /// The groups that see the claimed rows.
    pub(crate) row_groups: BTreeSet<String>,
}

impl PartyState {
    /// Returns the complete presence of a peer: clients of 0.9 replace what they knew.
    pub(crate) fn update(
        &self,
        party: &Party,
        viewer: &Identity,
        kind: PresenceKind,
    ) -> PresenceUpdate {
        let mut update = PresenceUpdate::new();
        let (participant_kind, participant) = &party.participant;
        update.user_id = Some(claimant(participant_kind, participant));
        update.holder = party.holder.as_ref().and_then(Holder::id).map(str::to_owned);
        update.is_agent = Some(participant_kind != "user");
        let groups: BTreeSet<String> = match self.sessions.is_empty() {
            true => self.row_groups.clone(),
            false => self.sessions.iter().flat_map(|session| session.groups.clone()).collect(),
        };
        update.sync_groups = Some(groups.intersection(&viewer.groups).cloned().collect());
        let activity = |session: &Arc<Session>| exits::activity(viewer, session).cloned();
        let order = |own: &&Arc<Session>| (own.active_at.0, activity(own).is_some());
        let newest = self.sessions.iter().max_by_key(order);
        update.status = Some(match (&kind, newest) {
            (PresenceKind::Leave, _) => PresenceStatus::Offline,
            (_, Some(session)) => session.report.status.clone(),
            // It holds claims over HTTP.
            (_, None) => PresenceStatus::Online,
        });
        if let Some(session) = newest {
            update.activity = activity(session);
            update.timestamp = Some(session.active_at);
            update.timezone = session.report.timezone.clone();
            update.custom_status = session.report.custom_status.clone();
        }
        update.active_intents = Some(self.claims.iter().map(active_intent).collect());
        update.kind = Some(kind);
        update
    }
}

/// Converts a claim to the form that its holder's presence contains.
fn active_intent(claim: &Claim) -> ActiveIntent {
    let target = intent_target(claim);
    let mut intent = ActiveIntent::new(
        claim.id.clone(),
        claim.model.clone(),
        claim.row.clone(),
        claim.action.clone(),
        millis(&claim.declared_at),
        millis(&claim.expires_at),
    );
    intent.path = target.path;
    intent.range = target.range;
    intent.field = target.field;
    intent.meta = target.meta;
    intent.status = Some(IntentStatus::from(claim.status.clone()));
    intent
}

/// Returns the target of a claim.
pub(crate) fn intent_target(claim: &Claim) -> IntentTarget {
    let mut target = IntentTarget::new(claim.model.clone(), claim.row.clone());
    target.path = claim.detail.path.clone();
    target.range = claim.detail.range.as_ref().and_then(|range| serde_json::from_str(range).ok());
    target.field = claim.detail.field.clone();
    target.meta = claim.detail.meta.as_ref().and_then(|meta| serde_json::from_str(meta).ok());
    target
}

/// Converts a stored date to milliseconds since 1970.
pub(crate) fn millis(date: &str) -> Millis {
    let at: Option<jiff::Timestamp> = date.parse().ok();
    Millis(at.and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or_default())
}
