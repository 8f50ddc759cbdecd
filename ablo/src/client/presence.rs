//! Presence: connected peers, their activity, the claims they hold and the claim queues. Only the
//! newest state is kept.

use super::error::{Error, Result};
use super::live::{Command, Live};
use crate::wire::{
    ActiveIntent, Activity, Intent, IntentQueue, IntentStatus, PresenceKind, PresenceReport,
    PresenceStatus, PresenceUpdate,
};
use crate::{Id, Model};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

/// The state of all peers.
#[derive(Debug, Default)]
pub(super) struct Roster {
    peers: BTreeMap<String, PresenceUpdate>,
    /// The waiters, by model key and row id.
    claim_queues: BTreeMap<(String, String), Vec<Intent>>,
}

impl Roster {
    /// Applies a presence frame. Its claims are complete; other members are present only if they
    /// changed.
    pub(super) fn update_peer(&mut self, update: PresenceUpdate) {
        let Some(id) = update.user_id.clone() else { return };
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

/// Live presence of other participants. The connection stays open while this value lives.
///
/// ```no_run
/// # mod generated { include!("../../tests/weather.in"); }
/// # async fn watch(ablo: &ablo::Client) -> ablo::client::Result<()> {
/// use ablo::wire::Activity;
/// let mut presence = ablo.presence()?;
/// presence.report(Activity::new("weatherReports", "report_stockholm", "reading"))?;
/// loop {
///     presence.changed().await?;
///     for peer in presence.others() {
///         println!("{:?} is {:?}", peer.user_id, peer.activity.map(|activity| activity.action));
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Presence {
    commands: mpsc::UnboundedSender<Command>,
    roster: watch::Receiver<Roster>,
}

impl Presence {
    pub(super) fn new(live: &Live) -> Self {
        Self { commands: live.commands.clone(), roster: live.roster.clone() }
    }

    /// Reports the activity of this participant. It is reported again after each reconnect.
    ///
    /// # Errors
    /// `network_error` if the connection task has stopped.
    pub fn report(&self, activity: Activity) -> Result<()> {
        let mut report = PresenceReport::new(PresenceStatus::Online);
        report.activity = Some(activity);
        self.commands.send(Command::Report(report)).map_err(|_| task_stopped())
    }

    /// Reports that this participant is idle.
    ///
    /// # Errors
    /// `network_error` if the connection task has stopped.
    pub fn idle(&self) -> Result<()> {
        self.report(Activity::idle())
    }

    /// Returns the other participants, ordered by id.
    #[must_use]
    pub fn others(&self) -> Vec<PresenceUpdate> {
        self.roster.borrow().peers.values().cloned().collect()
    }

    /// Returns the claim that another participant holds on a row.
    #[must_use]
    pub fn holder<M: Model>(&self, id: impl Into<Id<M>>) -> Option<ActiveIntent> {
        let id = id.into();
        let roster = self.roster.borrow();
        let mut claims =
            roster.peers.values().flat_map(|peer| peer.active_intents.iter().flatten());
        let holds = |claim: &&ActiveIntent| {
            claim.entity_type == M::DESCRIPTOR.key
                && id == *claim.entity_id
                && claim.status.as_ref().is_none_or(|status| *status == IntentStatus::Active)
        };
        claims.find(holds).cloned()
    }

    /// Returns the waiters in the claim queue of a row, in the order of their positions.
    #[must_use]
    pub fn queue<M: Model>(&self, id: impl Into<Id<M>>) -> Vec<Intent> {
        let key = (M::DESCRIPTOR.key.to_owned(), String::from(id.into()));
        self.roster.borrow().claim_queues.get(&key).cloned().unwrap_or_default()
    }

    /// Waits until presence differs from its state at the previous call. Cancel safe.
    ///
    /// # Errors
    /// `network_error` if the connection task has stopped.
    pub async fn changed(&mut self) -> Result<()> {
        self.roster.changed().await.map_err(|_| task_stopped())
    }
}

fn task_stopped() -> Error {
    Error::local("network_error", "the connection task has stopped")
}
