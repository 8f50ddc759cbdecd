//! Presence: connected peers, their activity, the claims they hold and the claim queues. Only the
//! newest state is kept.

use super::error::{Error, Result};
use super::live::{Command, Live};
use super::roster::Roster;
use crate::wire::{
    ActiveIntent, Activity, Intent, IntentStatus, PresenceReport, PresenceStatus, PresenceUpdate,
};
use crate::{Id, Model};
use tokio::sync::{mpsc, watch};

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

    /// Returns the other participants, ordered by id: an entry for each of their programs, such as
    /// tabs and workers (`holder`), and for the other programs of this participant.
    #[must_use]
    pub fn others(&self) -> Vec<PresenceUpdate> {
        self.roster.borrow().peers.values().cloned().collect()
    }

    /// Returns the claim that another client holds on a row, of any participant.
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
