//! Presence over HTTP (docs/protocol/http.md §5).

use super::answer::{Answer, ok};
use super::request::{Body, Caller};
use crate::app::App;
use crate::engine::sessions;
use crate::error::ApiError;
use crate::value::shown_date;
use ablo_wire::{PresenceEntry, PresencePost, PresenceReport, PresenceRoster};
use axum::extract::State;
use std::sync::Arc;

pub(super) async fn roster(State(app): State<Arc<App>>, caller: Caller) -> Answer {
    let who = caller.who().clone();
    let sessions = app
        .reading(&who.organization.clone(), move |_, tx| Ok(sessions::all(tx, &who.organization)?))
        .await?;
    let who = caller.who();
    let visible = sessions.into_iter().filter(|session| !session.groups.is_disjoint(&who.groups));
    let entries: Vec<PresenceEntry> = visible
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
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<PresencePost>,
) -> Answer {
    let who = caller.who().clone();
    if body.organization_id != who.organization {
        return Err(ApiError::new(
            "organization_mismatch",
            "`organizationId` is not the credential's organisation",
        )
        .into());
    }
    let participant = body.user_id.strip_prefix("agent:").unwrap_or(&body.user_id);
    if participant != who.participant {
        return Err(ApiError::new(
            "presence_identity_required",
            "a participant can only report its own presence",
        )
        .into());
    }
    let mut report = PresenceReport::new(body.status);
    report.activity = body.activity;
    // One session per participant without a socket. It expires if no further report arrives.
    let id = format!("http:{}:{}", who.kind.as_str(), who.participant);
    app.writing(&who.organization.clone(), move |_, tx| {
        Ok(sessions::upsert(tx, &who, &id, &report)?)
    })
    .await?;
    ok(&serde_json::json!({ "ok": true }))
}
