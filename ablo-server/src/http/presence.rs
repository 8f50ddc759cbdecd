//! Presence over HTTP (docs/protocol/http.md §5).

use super::answer::{Answer, ok};
use super::request::{Body, Caller};
use crate::service::Service;
use crate::value::shown_date;
use ablo_wire::{PresenceEntry, PresencePost, PresenceReport, PresenceRoster};
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn roster(State(service): State<Arc<Service>>, caller: Caller) -> Answer {
    let who = caller.who();
    let sessions = service.roster(who).await?;
    let entries: Vec<PresenceEntry> = sessions
        .into_iter()
        .map(|session| {
            let mut entry = PresenceEntry::new(session.participant, session.report.status);
            entry.is_agent = Some(session.kind == "agent");
            entry.sync_groups = Some(session.groups.intersection(&who.groups).cloned().collect());
            entry.activity = session.report.activity;
            let at =
                jiff::Timestamp::from_millisecond(i64::try_from(session.active_at.0).unwrap_or(0));
            entry.updated_at = at.ok().map(|at| shown_date(&crate::value::stored_date(at)));
            entry.organization_id = Some(who.organization.clone());
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
    ok(&serde_json::json!({ "ok": true }))
}
