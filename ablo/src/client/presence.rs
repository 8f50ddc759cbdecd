//! Who is here, what they do, what they hold and who waits: as the coordinator tells it, the newest state alone.

use super::error::{Error, Result};
use super::live::{Command, Live};
use crate::wire::{
    ActiveIntent, Activity, Intent, IntentQueue, IntentStatus, PresenceKind, PresenceReport,
    PresenceStatus, PresenceUpdate,
};
use crate::{Id, Model};
use std::collections::BTreeMap;
use tokio::sync::{mpsc, watch};

/// What the coordinator told of others.
#[derive(Debug, Default)]
pub(super) struct Roster {
    peers: BTreeMap<String, PresenceUpdate>,
    /// Who waits, by the key of the model and the row.
    lines: BTreeMap<(String, String), Vec<Intent>>,
}

impl Roster {
    /// Takes in what is said of a peer. Claims are always all there are; the rest is said where it changed.
    pub(super) fn hear(&mut self, said: PresenceUpdate) {
        let Some(id) = said.user_id.clone() else { return };
        if said.kind == Some(PresenceKind::Leave) {
            self.peers.remove(&id);
            return;
        }
        let known = self.peers.entry(id).or_default();
        let before = std::mem::replace(known, said);
        known.status = known.status.take().or(before.status);
        known.sync_groups = known.sync_groups.take().or(before.sync_groups);
        known.is_agent = known.is_agent.or(before.is_agent);
        if known.kind == Some(PresenceKind::Update) {
            known.activity = known.activity.take().or(before.activity);
        }
    }

    /// Takes in the line for a row.
    pub(super) fn line(&mut self, line: IntentQueue) {
        let key = (line.target.r#type, line.target.id);
        match line.queue.is_empty() {
            true => drop(self.lines.remove(&key)),
            false => drop(self.lines.insert(key, line.queue)),
        }
    }
}

/// Who is here. Holding it keeps the connection open.
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

    /// Says what this participant is doing. It is said again whenever the connection is opened again.
    ///
    /// # Errors
    /// `network_error` where the connection's task is gone.
    pub fn report(&self, activity: Activity) -> Result<()> {
        let mut report = PresenceReport::new(PresenceStatus::Online);
        report.activity = Some(activity);
        self.commands.send(Command::Report(report)).map_err(|_| gone())
    }

    /// Says that this participant is doing nothing.
    ///
    /// # Errors
    /// As [`Presence::report`].
    pub fn idle(&self) -> Result<()> {
        self.report(Activity::idle())
    }

    /// The others, by their ids.
    #[must_use]
    pub fn others(&self) -> Vec<PresenceUpdate> {
        self.roster.borrow().peers.values().cloned().collect()
    }

    /// The claim that another holds on a row.
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

    /// Who waits for a row, next first.
    #[must_use]
    pub fn queue<M: Model>(&self, id: impl Into<Id<M>>) -> Vec<Intent> {
        let key = (M::DESCRIPTOR.key.to_owned(), String::from(id.into()));
        self.roster.borrow().lines.get(&key).cloned().unwrap_or_default()
    }

    /// Waits until anything of this is another than when it was last waited for. Dropping it loses nothing.
    ///
    /// # Errors
    /// `network_error` where the connection's task is gone.
    pub async fn changed(&mut self) -> Result<()> {
        self.roster.changed().await.map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::here("network_error", "the connection's task is gone")
}
