//! Reads of stateful clients: bootstrap, queries and single rows (docs/protocol/http.md §5).

use super::answer::{Answer, ok, text};
use super::models::pairs;
use super::request::{Body, Caller};
use crate::app::App;
use crate::engine::plan::find;
use crate::engine::read::{self, MAX_QUERIES};
use crate::error::{ApiError, EngineError};
use crate::value::push_json_string;
use ablo_wire::{Health, QueryRequest};
use axum::extract::{Path, RawQuery, State};
use std::fmt::Write as _;
use std::sync::Arc;

pub(super) async fn bootstrap(
    State(app): State<Arc<App>>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut who = caller.who().clone();
    let (mut groups, mut models) = (Vec::new(), None);
    for (name, value) in pairs(query.as_deref()) {
        match name.as_str() {
            "syncGroups" => groups.push(value),
            "models" => models = Some(value.split(',').map(str::to_owned).collect::<Vec<_>>()),
            _ => {}
        }
    }
    who.narrow(&groups);
    let organization = who.organization.clone();
    let (rows, stamp) = app
        .reading(&organization, move |engine, tx| {
            read::bootstrap(engine, tx, &who, models.as_deref())
        })
        .await?;
    app.hubs.bootstrapped(&caller.who().capability, stamp);
    let mut body = String::from("{\"type\":\"full\",\"lastSyncId\":");
    // Writing to a string does not fail.
    let _ =
        write!(body, "{stamp},\"timestamp\":{},\"models\":{{", app.store.now().as_millisecond());
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

pub(super) async fn query(
    State(app): State<Arc<App>>,
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
    let who = caller.who().clone();
    let (answers, stamp) = app
        .reading(&who.organization.clone(), move |engine, tx| {
            let stamp = crate::engine::log::head(tx, &who.organization)?;
            let mut answers = Vec::with_capacity(body.queries.len());
            for query in &body.queries {
                answers.push(match read::query(engine, tx, &who, query) {
                    Ok(rows) => Ok(rows),
                    // A failed query does not affect others (docs/protocol/differences.md D18).
                    Err(EngineError::Refused(refusal)) if body.queries.len() > 1 => Err(refusal),
                    Err(failure) => return Err(failure),
                });
            }
            Ok((answers, stamp))
        })
        .await?;
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
    let _ = write!(out, "],\"lastSyncId\":{stamp}");
    if !errors.is_empty() {
        let _ = write!(out, ",\"errors\":{}", serde_json::Value::Array(errors));
    }
    out.push('}');
    Ok(text(out))
}

pub(super) async fn entity(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
) -> Answer {
    let model = find(&app.engine.models, &model)?;
    let (who, model_id, row) = (caller.who().clone(), model.id, id.clone());
    let (row, _) = app
        .reading(&who.organization.clone(), move |engine, tx| {
            read::retrieve(engine, tx, &who, engine.models.get(model_id), &row)
        })
        .await?;
    row.map(text).ok_or_else(|| {
        ApiError::new("entity_not_found", format!("`{}/{id}` does not exist", model.key)).into()
    })
}

pub(super) async fn health(State(app): State<Arc<App>>) -> Answer {
    app.store.reading(crate::store::Tenant::Global, |tx| Ok(tx.ping()?)).await?;
    ok(&Health::new("healthy"))
}
