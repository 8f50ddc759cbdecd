//! The socket's beginning: who it is for, and what it hears of (docs/protocol/websocket.md §1).

use super::answer::Failed;
use super::models::pairs;
use super::request::bearer;
use crate::app::{App, no_credentials};
use crate::live;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use std::sync::Arc;

/// Bytes that a connection reads ahead. They are kept while it is idle, and most connections are.
const READ_BUFFER: usize = 4 << 10;
/// The protocol that a client has to offer, and hears back.
const PROTOCOL: &str = "ablo.sync.v1";
/// How a client that cannot set headers sends its token.
const BEARER: &str = "ablo.bearer.";

pub(super) async fn upgrade(
    State(app): State<Arc<App>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failed> {
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let in_protocol = offered
        .flat_map(|value| value.split(','))
        .find_map(|offer| offer.trim().strip_prefix(BEARER));
    let token = in_protocol.or_else(|| bearer(&headers)).ok_or_else(no_credentials)?;
    let state = app.identify(token).await?;
    app.hubs.limit(&state.id)?;
    let pairs = pairs(query.as_deref());
    let groups: Vec<String> = pairs
        .into_iter()
        .filter(|(name, _)| name == "syncGroups")
        .map(|(_, group)| group)
        .collect();
    let largest = app.options.largest_body;
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(largest).max_frame_size(largest);
    let upgrade = upgrade.read_buffer_size(READ_BUFFER);
    Ok(upgrade.on_upgrade(move |socket| live::run(app, state.identity, groups, socket)))
}
