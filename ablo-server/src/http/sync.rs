//! Reads of stateful clients: bootstrap, queries and single rows (docs/protocol/http.md §5).

use super::answer::{Answer, Failed, ok, text};
use super::request::{Body, Caller, pairs};
use crate::engine::read::{BootstrapQuery, MAX_QUERIES};
use crate::error::ApiError;
use crate::live::Hubs;
use crate::service::Service;
use crate::value::push_json_string;
use ablo_wire::{Health, QueryRequest};
use axum::extract::{Path, RawQuery, State};
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) async fn bootstrap(
    State(service): State<Arc<Service>>,
    State(hubs): State<Arc<Hubs>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut who = caller.who().clone();
    let (mut groups, mut models, mut resumes) = (Vec::new(), None, false);
    for (name, value) in pairs(query.as_deref()) {
        match name.as_str() {
            "syncGroups" => groups.push(value),
            "capabilities" => resumes |= value == "resume",
            "lastSyncId" if !value.is_empty() && value.parse::<u64>().is_err() => {
                let message = format!("`lastSyncId` is `{value}`, expected a sync id");
                return Err(ApiError::new("invalid_request", message).param("lastSyncId").into());
            }
            "models" => models = Some(value.split(',').map(str::to_owned).collect::<Vec<_>>()),
            _ => {}
        }
    }
    if !groups.is_empty() {
        who.narrow(&groups);
    }
    let query = BootstrapQuery { models, live_only: !resumes };
    let (rows, stamp, epoch) = service.bootstrap(who, query).await?;
    if !resumes {
        // The client does not name this position when it connects. One that is not known is sent
        // all rows.
        let recorded = service.served_snapshot(caller.who(), stamp).await;
        let _ =
            recorded.inspect_err(|error| tracing::warn!(?error, "failed to record a bootstrap"));
    }
    hubs.bootstrapped(&caller.who().capability, stamp);
    let mut body = String::from("{\"type\":\"full\",\"lastSyncId\":");
    // Writing to a string does not fail.
    let now = service.store.now().as_millisecond();
    let _ = write!(body, "{stamp}{},\"timestamp\":{now},\"models\":{{", member(epoch));
    for (at, (name, rows)) in rows.iter().enumerate() {
        if at > 0 {
            body.push(',');
        }
        push_json_string(name, &mut body);
        body.push_str(":[");
        body.push_str(&rows.join(","));
        body.push(']');
    }
    body.push_str("},\"failedModels\":[]}");
    Ok(text(body))
}

/// Returns the member `epoch` of an answer, which an empty log does not have.
fn member(epoch: Option<String>) -> String {
    epoch.map(|epoch| format!(",\"epoch\":\"{epoch}\"")).unwrap_or_default()
}

pub(super) async fn query(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Body(body): Body<QueryRequest>,
) -> Answer {
    if body.queries.is_empty() {
        return Err(ApiError::new("queries_required", "`queries` must not be empty")
            .param("queries")
            .into());
    }
    if body.queries.len() > MAX_QUERIES {
        let message =
            format!("too many queries: {}, the maximum is {MAX_QUERIES}", body.queries.len());
        return Err(ApiError::new("invalid_request", message).param("queries").into());
    }
    if body
        .organization_id
        .as_ref()
        .is_some_and(|organization| *organization != caller.who().organization)
    {
        return Err(ApiError::new(
            "organization_mismatch",
            "`organizationId` is not the credential's organisation",
        )
        .into());
    }
    let (answers, stamp, epoch) = service.query(caller.who(), body.queries).await?;
    let mut out = String::from("{\"results\":[");
    let mut errors = Vec::new();
    for (at, answer) in answers.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match answer {
            Ok(rows) => {
                let _ = write!(out, "[{}]", rows.join(","));
            }
            Err(refusal) => {
                out.push_str("[]");
                errors.push(serde_json::json!({ "query": at, "error": refusal.envelope() }));
            }
        }
    }
    let _ = write!(out, "],\"lastSyncId\":{stamp}{}", member(epoch));
    if !errors.is_empty() {
        let _ = write!(out, ",\"errors\":{}", serde_json::Value::Array(errors));
    }
    out.push('}');
    Ok(text(out))
}

pub(super) async fn entity(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
) -> Answer {
    let model = service.model(&model)?;
    let (row, ..) = service.retrieve(caller.who(), model.id, id.clone()).await?;
    row.map(|row| text(row.into_inner())).ok_or_else(|| {
        ApiError::new("entity_not_found", format!("`{}/{id}` does not exist", model.key)).into()
    })
}

pub(super) async fn health(State(service): State<Arc<Service>>) -> Answer {
    let answered = service.ping().await;
    answered.map_err(|failure| Failed(failure.into_api_error().with_status(503)))?;
    ok(&Health::new("healthy"))
}
