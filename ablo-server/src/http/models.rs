//! Rows of one model: lists, single rows and writes (docs/protocol/http.md §7).

use super::answer::{Answer, json, ok};
use super::request::{Body, Caller, OptionalBody, RawBody, decode, idempotency_key, pairs};
use crate::engine::commit::ClaimInUse;
use crate::engine::read::ListQuery;
use crate::error::{ApiError, Result};
use crate::service::Service;
use crate::service::commits::Submit;
use ablo_wire::{
    CommitReceipt, CommitRequest, CreateBody, DeleteBody, ListPage, ListTag, Maybe, ModelTag,
    OnStale, Operation, RawRow, Read, SyncId, UpdateBody, Verb,
};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// Parses a stored row for a response body.
fn raw(text: &str) -> Result<RawRow> {
    RawRow::parse(text).map_err(|error| {
        crate::error::StoreError::Fault(format!("a stored row is not JSON: {error}")).into()
    })
}

fn descending(order: &str) -> Result<bool, ApiError> {
    match order.to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(ApiError::new(
            "model_query_failed",
            format!("`order` must be `asc` or `desc`, got `{order}`"),
        )
        .param("order")),
    }
}

pub(super) async fn list(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(model): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let model = service.model(&model)?;
    let mut list_query = ListQuery::default();
    for (name, value) in pairs(query.as_deref()) {
        match name.as_str() {
            "limit" => {
                let limit = value.parse().map_err(|_| {
                    ApiError::new(
                        "model_query_failed",
                        format!("`limit` must be an integer, got `{value}`"),
                    )
                    .param("limit")
                })?;
                list_query.limit = Some(limit);
            }
            "order" => list_query.descending = descending(&value)?,
            "order_by" => list_query.order_by = Some(value),
            "starting_after" => list_query.starting_after = Some(value),
            _ => list_query.filters.push((name, value)),
        }
    }
    let page = service.list(caller.who(), model.id, list_query).await?;
    let mut body: ListPage =
        ListPage::new(page.rows.iter().map(|row| raw(row)).collect::<Result<Vec<_>>>()?);
    body.object = ListTag;
    body.model = Some(model.key.clone());
    body.has_more = page.next.is_some();
    body.next_cursor = page.next;
    body.stamp = Some(SyncId(page.sync_id));
    ok(&body)
}

pub(super) async fn retrieve(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
) -> Answer {
    let model = service.model(&model)?;
    let (row, stamp, queue) = service.retrieve(caller.who(), model.id, id.clone()).await?;
    let row = row.ok_or_else(|| {
        ApiError::new("model_not_found", format!("`{}/{id}` does not exist", model.key))
    })?;
    let mut body: Read = Read::new(model.key.clone(), id, raw(&row)?);
    body.object = ModelTag;
    body.stamp = SyncId(stamp);
    body.claims = queue.holder.iter().map(super::claims::model_claim).collect();
    ok(&body)
}

pub(super) async fn create(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path(model): Path<String>,
    headers: HeaderMap,
    Body(body): Body<CreateBody>,
) -> Answer {
    let mut operation = Operation::http(Verb::Create, model, body.id);
    operation.data = Maybe::Value(body.data);
    set_stale_guard(&mut operation, body.read_at, body.on_stale);
    let key = idempotency_key(&headers, body.idempotency_key)?;
    let receipt = submit(&service, &caller, key, vec![operation], body.intent).await?;
    json(StatusCode::CREATED, &receipt)
}

pub(super) async fn update(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
    headers: HeaderMap,
    Body(body): Body<UpdateBody>,
) -> Answer {
    let verb = if body.relative.is_some() { Verb::Adjust } else { Verb::Update };
    let mut operation = Operation::http(verb, model, Some(id));
    if body.data.is_some() == body.relative.is_some() {
        let message = "the body is expected to have either `data` or `relative`";
        return Err(ApiError::new("invalid_body", message).into());
    }
    (operation.data, operation.relative) = (Maybe::or_null(body.data), body.relative);
    set_stale_guard(&mut operation, body.read_at, body.on_stale);
    let key = idempotency_key(&headers, body.idempotency_key)?;
    ok(&submit(&service, &caller, key, vec![operation], body.intent).await?)
}

pub(super) async fn delete(
    State(service): State<Arc<Service>>,
    caller: Caller,
    Path((model, id)): Path<(String, String)>,
    headers: HeaderMap,
    OptionalBody(body): OptionalBody<DeleteBody>,
) -> Answer {
    let mut operation = Operation::http(Verb::Delete, model, Some(id));
    set_stale_guard(&mut operation, body.read_at, body.on_stale);
    let key = idempotency_key(&headers, body.idempotency_key)?;
    ok(&submit(&service, &caller, key, vec![operation], body.intent).await?)
}

async fn submit(
    service: &Service,
    caller: &Caller,
    idempotency_key: Option<String>,
    operations: Vec<Operation>,
    claim: Option<String>,
) -> Result<CommitReceipt> {
    let claim = named(claim);
    let request =
        Submit { client_tx_id: None, idempotency_key, operations, claim, caused_by: None };
    service.submit(caller.who(), request).await
}

fn set_stale_guard(operation: &mut Operation, read_at: Option<SyncId>, on_stale: Option<OnStale>) {
    operation.read_at = Maybe::or_null(read_at);
    operation.on_stale = Maybe::or_null(on_stale);
}

pub(super) async fn commits(
    State(service): State<Arc<Service>>,
    caller: Caller,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Answer {
    let body: CommitRequest = decode(&body)?;
    let request = Submit {
        idempotency_key: idempotency_key(
            &headers,
            body.idempotency_key.or_else(|| body.client_tx_id.clone()),
        )?,
        client_tx_id: body.client_tx_id,
        operations: body.operations,
        claim: named(body.intent),
        caused_by: body.caused_by_task_id,
    };
    ok(&service.submit(caller.who(), request).await?)
}

/// Returns the claim that a request names as `intent`.
fn named(intent: Option<String>) -> ClaimInUse {
    intent.map_or(ClaimInUse::None, ClaimInUse::Named)
}
