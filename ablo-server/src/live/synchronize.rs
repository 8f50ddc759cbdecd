//! How a connection starts: the answer to `sync_request`, and what is sent before the deltas of the
//! log to a client whose state is not known (docs/protocol/websocket.md §8).

use super::connection::Connection;
use super::deliver::Item;
use super::end::{End, failed};
use super::flow_control::delta_frame;
use super::start::Start;
use crate::engine::delivery::{self, Form, Reader, Seen};
use crate::engine::exits::Exit;
use crate::engine::log::Delta;
use crate::engine::resync::Place;
use crate::service::positions::UnknownStart;
use crate::store::tables::log_bounds::Continuation;
use ablo_wire::{
    BootstrapHint, BootstrapReason, ServerFrame, SyncCapability, SyncId, SyncRequest, SyncResponse,
};
use std::time::{Duration, Instant};

/// How long deltas wait after a bootstrap was served (docs/protocol/differences.md A4).
const BOOTSTRAP_SETTLE_DELAY: Duration = Duration::from_secs(1);
/// The capability of clients that are sent every delta.
const COMPLETE: &str = "completeDeltas";
/// The capability of clients whose `lastSyncId` of 0 is a position. From other clients 0 means that
/// they have none.
const RESUME: &str = "resume";
/// The capability of clients that read events of peers in envelopes.
const ENVELOPES: &str = "relay";
/// The number of rows of a frame; each is sent as two deltas.
const MAX_ROWS_PER_FRAME: usize = 25;
/// The id of the first delta that is no entry of the log. Such ids are below 0: a client applies
/// them, and its position stays what it is.
const FIRST_ID: i64 = -(1 << 50);

impl Connection {
    /// Answers a `sync_request`. The first one sets the start position and whether every delta is
    /// sent.
    pub(super) async fn synchronize(&mut self, request: SyncRequest) -> Result<(), End> {
        let has = |capability: &str| {
            request.capabilities.contains(&SyncCapability::from(capability.to_owned()))
        };
        let (complete, resume) = (has(COMPLETE), has(RESUME));
        self.knows_envelopes |= has(ENVELOPES);
        let last = Some(request.last_sync_id.0).filter(|last| *last > 0 || resume);
        let head = *self.hub.head.borrow();
        let mut answer = SyncResponse::new();
        answer.deltas = Some(Vec::new());
        answer.current_sync_id = Some(SyncId(head));
        if !self.synced || resume {
            let known_epoch = request.epoch.value().cloned();
            let position = last.map(|last| (last, known_epoch));
            let found = self.service.continuation(&self.who, head, position).await;
            let (epoch, continuation) =
                found.map_err(|failure| failed(&failure, "failed to read the log"))?;
            answer.epoch = epoch;
            if complete && continuation != Continuation::Complete {
                answer.requires_bootstrap = Some(true);
                let mut hint = BootstrapHint::new();
                hint.reason = Some(match continuation {
                    Continuation::Replaced => BootstrapReason::LogReplaced,
                    _ => BootstrapReason::TooFarBehind,
                });
                answer.bootstrap_hint = Some(hint);
            }
            if !self.synced {
                self.synced = true;
                self.flow.complete = complete;
                let position = last.map(|last| (last, continuation));
                self.set_start(position, head).await?;
            }
        }
        self.answer(&ServerFrame::SyncResponse(Box::new(answer))).await?;
        if complete { Ok(()) } else { self.send_roster().await }
    }

    /// Sets where the deltas of this connection start.
    async fn set_start(
        &mut self,
        position: Option<(u64, Continuation)>,
        head: u64,
    ) -> Result<(), End> {
        let bootstrap = self.hubs.last_bootstrap(&self.who.capability);
        let complete = self.flow.complete;
        let is_agent = self.who.kind.as_str() == "agent";
        if complete || is_agent {
            self.flow.hold_until = None;
        } else if let Some((_, at)) = bootstrap {
            self.flow.hold_until = Some(at + BOOTSTRAP_SETTLE_DELAY);
        }
        match position {
            // The client bootstraps, and what follows is new to it.
            Some((_, continuation)) if complete && continuation != Continuation::Complete => {
                self.flow.start_at(head);
            }
            Some((last, Continuation::Shortened)) => self.start_with_rows(last, head).await?,
            None if !complete => {
                self.start = Start::Undecided;
                if is_agent {
                    self.decide_start().await?;
                }
            }
            _ => {
                let last = position.map(|(last, _)| last);
                let from = [last, bootstrap.map(|(sync_id, _)| sync_id)];
                // Without a position, deltas start where the connection was opened.
                if let Some(from) = from.into_iter().flatten().min() {
                    self.flow.start_at(from.min(head));
                }
            }
        }
        Ok(())
    }

    /// Sends the current rows, then the log.
    async fn start_with_rows(&mut self, last: u64, head: u64) -> Result<(), End> {
        // Entries since the connection was opened, which are skipped, may have granted groups.
        if head > self.flow.cursor {
            self.reload_credential().await?;
        }
        self.flow.start_at(head);
        self.start = Start::Rows { place: Place::Traces(last), to: head, next_id: FIRST_ID };
        Ok(())
    }

    /// Decides where a client without a position starts.
    async fn decide_start(&mut self) -> Result<(), End> {
        let settled = self.hubs.last_bootstrap(&self.who.capability);
        let settled = settled.map(|(_, at)| at + BOOTSTRAP_SETTLE_DELAY);
        let is_agent = self.who.kind.as_str() == "agent";
        if let Some(settled) = settled.filter(|at| !is_agent && *at > Instant::now()) {
            self.flow.hold_until = Some(settled);
            return Ok(());
        }
        let opened_at = self.flow.cursor;
        let found = self.service.unknown_start(&self.who, opened_at).await;
        match found.map_err(|failure| failed(&failure, "failed to look up a bootstrap"))? {
            UnknownStart::After(at) => {
                self.flow.start_at(at.min(opened_at));
                self.flow.unknown_to = *self.hub.head.borrow();
                self.start = if is_agent { Start::Log } else { Start::Position };
                self.has_snapshot = true;
            }
            UnknownStart::Unknown => {
                let head = *self.hub.head.borrow();
                self.start_with_rows(0, head).await?;
            }
        }
        Ok(())
    }

    /// Sends the next frame of deltas that precede the log. Returns whether one was decided.
    pub(super) async fn advance_start(&mut self) -> Result<bool, End> {
        match std::mem::replace(&mut self.start, Start::Log) {
            Start::Log => return Ok(false),
            Start::Undecided => {
                self.start = Start::Undecided;
                self.decide_start().await?;
            }
            Start::Rows { place, to, next_id } => self.send_rows((place, to), next_id).await?,
            Start::Position if self.flow.cursor < *self.hub.head.borrow() => {
                self.start = Start::Position;
                return Ok(false);
            }
            Start::Position => self.send_position().await?,
        }
        Ok(true)
    }

    async fn send_rows(&mut self, (place, to): (Place, u64), mut id: i64) -> Result<(), End> {
        let read = self.service.current_rows(&self.who, (place, to), MAX_ROWS_PER_FRAME).await;
        let (deltas, next) = read.map_err(|failure| failed(&failure, "failed to read rows"))?;
        let mut texts = Vec::new();
        for delta in deltas {
            let item = Item::new(delta);
            let Some(seen) = self.seen(&item) else { continue };
            let is_row = item.delta.action == "I" && seen.form == Form::Original;
            let is_gone = seen.form == Form::Disappeared || item.delta.action == "D";
            // A client ignores an insert of a row that it has, and an update of one that it lacks.
            let actions: &[&str] = match (is_row, is_gone) {
                (true, _) if item.is_archived(&seen) => &["A"],
                (true, _) => &["I", "U"],
                (_, true) => &["D"],
                _ => &[],
            };
            for action in actions {
                texts.push(item.text_as((id, action), &seen, None));
                id += 1;
            }
        }
        self.start = match next {
            Some(place) => Start::Rows { place, to, next_id: id },
            None => Start::Position,
        };
        self.send_unlogged(&texts).await
    }

    /// Gives the client a position.
    async fn send_position(&mut self) -> Result<(), End> {
        let at = self.flow.cursor;
        if self.flow.has_sent || at == 0 {
            return Ok(());
        }
        let read = self.service.any_row(&self.who).await;
        let row: Option<Delta> = read.map_err(|failure| failed(&failure, "failed to read rows"))?;
        let Some(item) = row.map(Item::new) else { return Ok(()) };
        let Some(seen) = self.seen(&item) else { return Ok(()) };
        let id = i64::try_from(at).unwrap_or(i64::MAX);
        let action = if item.is_archived(&seen) { "A" } else { "I" };
        let text = item.text_as((id, action), &seen, None);
        self.send_unlogged(&[text]).await
    }

    /// Returns what the client is sent of a delta that is no entry of the log.
    fn seen(&self, item: &Item) -> Option<Seen> {
        let reader = Reader { who: &self.who, allowed: &self.allowed };
        delivery::seen(Exit::CatchUp, &self.service.engine.models, &reader, &item.delta)
    }

    /// Sends deltas that are no entries of the log.
    async fn send_unlogged(&mut self, texts: &[String]) -> Result<(), End> {
        if texts.is_empty() {
            return Ok(());
        }
        self.flow.wait_for_any_acknowledgement(Instant::now());
        self.service.metrics.delivered.inc_by(texts.len() as u64);
        self.send(delta_frame(texts)).await
    }
}
