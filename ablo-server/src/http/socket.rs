//! The WebSocket handshake: authentication and sync groups (docs/protocol/websocket.md §1).

use super::answer::Failed;
use super::request::{bearer, pairs};
use crate::engine::access::no_credentials;
use crate::error::ApiError;
use crate::identity::{Holder, HolderName};
use crate::live::{self, Hubs};
use crate::service::Service;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use std::sync::Arc;

/// The size of a connection's read buffer, in bytes. Small, since idle connections keep it.
const READ_BUFFER_BYTES: usize = 4 << 10;
/// The subprotocol that clients offer and the server selects.
const PROTOCOL: &str = "ablo.sync.v1";
/// The prefix of the subprotocol in which clients that cannot set headers send their token.
const BEARER_PREFIX: &str = "ablo.bearer.";

pub(super) async fn upgrade(
    State(service): State<Arc<Service>>,
    State(hubs): State<Arc<Hubs>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failed> {
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let token = offered
        .flat_map(|value| value.split(','))
        .find_map(|offer| offer.trim().strip_prefix(BEARER_PREFIX));
    let token = token.or_else(|| bearer(&headers)).ok_or_else(no_credentials)?;
    let state = service.identify(token).await?;
    let upgrade = upgrade.map_err(|rejection| {
        let status = rejection.status().as_u16();
        ApiError::new("invalid_request", rejection.body_text()).with_status(status)
    })?;
    hubs.limit(&state.identity)?;
    let seat = hubs.seat(&state.identity)?;
    let pairs = pairs(query.as_deref());
    let holder = pairs.iter().find(|(name, _)| name == "holder");
    let holder = holder.map(|(_, name)| HolderName::new(name)).transpose()?;
    let groups: Vec<String> = pairs
        .into_iter()
        .filter(|(name, _)| name == "syncGroups")
        .map(|(_, group)| group)
        .collect();
    let mut who = state.identity;
    if let Some(name) = holder {
        who.holder = Holder::Named(name);
    }
    let max_bytes = service.options.limits.body_bytes;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_message_size(max_bytes)
        .max_frame_size(max_bytes)
        .read_buffer_size(READ_BUFFER_BYTES);
    Ok(upgrade.on_upgrade(async move |socket| {
        let _seat = seat;
        live::run((service, hubs), who, groups, socket).await;
    }))
}
