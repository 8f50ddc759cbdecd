//! Presence over HTTP (docs/protocol/http.md §5).

use super::answer::{Answer, ok};
use super::request::{Body, Caller};
use crate::service::Service;
use crate::value::shown_date;
use ablo_wire::{
    PresenceEntry, PresencePost, PresenceReport, PresenceReported, PresenceRoster, PresenceStatus,
};
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn roster(State(service): State<Arc<Service>>, caller: Caller) -> Answer {
    let who = caller.who();
    let roster = service.roster(who).await?;
    let entries: Vec<PresenceEntry> = roster
        .into_iter()
        .map(|peer| {
            let status = peer.status.unwrap_or(PresenceStatus::Online);
            let mut entry = PresenceEntry::new(peer.user_id.unwrap_or_default(), status);
            entry.holder = peer.holder;
            entry.is_agent = peer.is_agent;
            entry.sync_groups = peer.sync_groups;
            entry.activity = peer.activity;
            let at = peer.timestamp.and_then(|at| i64::try_from(at.0).ok());
            let at = at.and_then(|at| jiff::Timestamp::from_millisecond(at).ok());
            entry.updated_at = at.map(|at| shown_date(&crate::value::stored_date(at)));
            entry.organization_id = Some(who.organization.clone());
            entry.active_intents = peer.active_intents;
            entry
        })
        .collect();
    ok(&PresenceRoster::new(entries))
}

pub(super) async fn report(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(body): Body<PresencePost>,
) -> Answer {
    let mut report = PresenceReport::new(body.status);
    report.activity = body.activity;
    service.report_presence(caller.who(), &body.organization_id, &body.user_id, report).await?;
    ok(&PresenceReported::new(true))
}
