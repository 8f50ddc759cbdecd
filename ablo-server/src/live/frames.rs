//! What a connection does about each frame of its peer (docs/protocol/websocket.md §3).

use super::connection::{Connection, End};
use super::peer_view::{self, Own};
use crate::engine::claims::{self, ClaimDetail, ClaimOutcome, ClaimRequest};
use crate::engine::plan::row_id;
use crate::error::Result;
use crate::http::claims::{lease, may_reorder};
use crate::http::models::write;
use crate::store::Notification;
use ablo_wire::{
    ClaimAck, ClaimExpired, ClaimFrame, ClientFrame, CommitFrame, CommitReceipt, CommitStatus,
    IntentAbandon, IntentBegin, IntentReorder, OtherFrame, Seconds, ServerFrame, SyncCapability,
};
use std::time::Instant;

/// Bytes of what an application says to its peers, at most: every process hears it in one notification.
const MAX_RELAY_BYTES: usize = 6000;
/// How a client says that it wants every change.
const COMPLETE: &str = "completeDeltas";
/// How a client says that its `lastSyncId` is a place in the log also when it is 0; of others it says that they know none.
const RESUME: &str = "resume";

impl Connection {
    pub(super) async fn frame(&mut self, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Ping => self.answer(&ServerFrame::Pong).await,
            ClientFrame::Ack(ack) => {
                self.pace.acknowledge(ack.last_sync_id.0);
                Ok(())
            }
            ClientFrame::SyncRequest(asked) => {
                let can = |what: &str| {
                    asked.capabilities.contains(&SyncCapability::from(what.to_owned()))
                };
                let (complete, resume) = (can(COMPLETE), can(RESUME));
                let last = Some(asked.last_sync_id.0).filter(|last| *last > 0 || resume);
                self.synchronize(last, complete).await?;
                if complete { Ok(()) } else { self.roster().await }
            }
            ClientFrame::Commit(commit) => self.commit(commit).await,
            ClientFrame::PresenceUpdate(report) => {
                self.report = report;
                self.announce().await
            }
            ClientFrame::Claim(claim) => self.subscribe(claim).await,
            ClientFrame::Release(release) => {
                self.subscriptions.close(&release.claim_id);
                self.regroup().await
            }
            ClientFrame::IntentBegin(begin) => self.begin(begin).await,
            ClientFrame::IntentAbandon(abandon) => self.abandon(abandon).await,
            ClientFrame::IntentReorder(order) => self.reorder(order).await,
            ClientFrame::Other(frame) => self.relay(frame).await,
            // Defined, and not in use (docs/protocol/websocket.md §3).
            ClientFrame::BootstrapRequest(_) | ClientFrame::Mutation(_) => Ok(()),
        }
    }

    async fn commit(&mut self, frame: CommitFrame) -> Result<(), End> {
        let (id, ops) = (frame.client_tx_id, frame.operations.len() as u64);
        let done = write(
            &self.app,
            &self.who,
            id.clone(),
            frame.operations,
            None,
            frame.caused_by_task_id,
        )
        .await;
        let receipt = done.unwrap_or_else(|failure| {
            let refusal = failure.into_api_error();
            self.app.metrics.refused(refusal.code());
            let mut receipt = CommitReceipt::new(id, false);
            receipt.status = Some(CommitStatus::Rejected);
            receipt.last_sync_id = Some(ablo_wire::SyncId(*self.hub.head.borrow()));
            receipt.ops = Some(ops);
            receipt.error = Some(refusal.into_failure());
            receipt
        });
        self.answer(&ServerFrame::MutationResult(Box::new(receipt))).await
    }

    /// Subscribes to further groups, as far as the credential allows them (docs/protocol/claims.md §10).
    async fn subscribe(&mut self, claim: ClaimFrame) -> Result<(), End> {
        let mut wide = self.allowed.clone();
        wide.narrow(&claim.sync_groups);
        let refused = (claim.sync_groups.is_empty() || wide.groups.is_empty())
            || !self.subscriptions.takes(&claim.claim_id);
        let mut ack = ClaimAck::new(claim.claim_id.clone(), !refused);
        if refused {
            let mut error = ablo_wire::CommitError::new();
            error.code = Some("capability_scope_denied".into());
            error.message = Some(
                "none of the sync groups asked for is within the credential's scope".to_owned(),
            );
            ack.error = Some(error);
        } else {
            ack.sync_groups = Some(wide.groups.iter().cloned().collect());
            let ttl = claim.ttl_seconds.map(|ttl| ttl.0);
            ack.ttl_seconds = Some(Seconds(self.subscriptions.open(
                claim.claim_id,
                wide.groups,
                ttl,
                Instant::now(),
            )));
            self.regroup().await?;
        }
        self.answer(&ServerFrame::ClaimAck(Box::new(ack))).await
    }

    async fn begin(&mut self, begin: IntentBegin) -> Result<(), End> {
        let queue = begin.queue.unwrap_or(false);
        let target = peer_view::target(&begin);
        let model = self
            .app
            .engine
            .models
            .find(&begin.entity_type)
            .map(|model| (model.id, model.key.clone()));
        let Some((model, key)) =
            model.filter(|(_, key)| self.may_claim(key) && row_id(&begin.entity_id).is_ok())
        else {
            // A client that waits only understands that what it waits for is lost (docs/protocol/differences.md A18).
            return self.answer(&peer_view::lost(&begin.intent_id, target)).await;
        };
        let ttl = lease(begin.estimated_ms.map(|ttl| ttl.0));
        let json = |value: serde_json::Result<String>| value.ok();
        let description = begin
            .meta
            .as_ref()
            .and_then(|meta| meta.get("description")?.as_str().map(str::to_owned));
        let ask = ClaimRequest {
            id: begin.intent_id.clone(),
            row: begin.entity_id.clone(),
            action: begin.action.clone(),
            description,
            detail: ClaimDetail {
                path: begin.path.clone(),
                range: begin.range.as_ref().and_then(|range| json(serde_json::to_string(range))),
                field: begin.field.clone(),
                meta: begin.meta.clone().map(|meta| serde_json::Value::Object(meta).to_string()),
            },
            ttl,
            queue,
        };
        let who = self.who.clone();
        let given = self
            .app
            .writing(&who.organization.clone(), move |engine, tx| {
                claims::begin(engine, tx, &who, engine.models.get(model), &ask)
            })
            .await;
        let own = |held: bool, position: u64| Own {
            target: target.clone(),
            model: key.clone(),
            ttl,
            held,
            position,
        };
        let frame = match given {
            Ok(ClaimOutcome::Held(_)) => {
                self.told.keep(&begin.intent_id, own(true, 0));
                peer_view::acquired(&begin.intent_id, target.clone())
            }
            Ok(ClaimOutcome::Queued(_, position)) => {
                self.told.keep(&begin.intent_id, own(false, position));
                peer_view::queued(&begin.intent_id, target.clone(), position)
            }
            Ok(ClaimOutcome::Refused(holder)) => {
                peer_view::rejected(&begin.intent_id, target.clone(), &holder)
            }
            Err(failure) => {
                tracing::warn!(
                    code = failure.into_api_error().code(),
                    "a claim could not be asked for"
                );
                peer_view::lost(&begin.intent_id, target.clone())
            }
        };
        self.answer(&frame).await
    }

    async fn abandon(&mut self, abandon: IntentAbandon) -> Result<(), End> {
        self.told.forget(&abandon.intent_id);
        let (who, id) = (self.who.clone(), abandon.intent_id);
        let done = self
            .app
            .writing(&who.organization.clone(), move |engine, tx| {
                Ok(claims::abandon(tx, &who, &engine.models, &id)?)
            })
            .await;
        if let Err(failure) = done {
            tracing::warn!(?failure, "a claim is left to expire");
        }
        Ok(())
    }

    async fn reorder(&mut self, order: IntentReorder) -> Result<(), End> {
        let Some(model) = self.app.engine.models.find(&order.entity_type).map(|model| model.id)
        else {
            return Ok(());
        };
        // Whoever may not is not told (docs/protocol/claims.md §4).
        if !may_reorder(&self.who) {
            return Ok(());
        }
        let who = self.who.clone();
        let slots: Vec<(String, String)> =
            order.order.into_iter().map(|slot| (slot.held_by, slot.intent_id)).collect();
        let done = self
            .app
            .writing(&who.organization.clone(), move |engine, tx| {
                claims::reorder(
                    engine,
                    tx,
                    &who,
                    engine.models.get(model),
                    &order.entity_id,
                    &slots,
                )
            })
            .await;
        if let Err(failure) = done {
            tracing::warn!(?failure, "a line was not reordered");
        }
        Ok(())
    }

    /// Says something of the application's to peers who share a group.
    async fn relay(&mut self, frame: OtherFrame) -> Result<(), End> {
        let Ok(text) = ServerFrame::Other(frame).to_text() else { return Ok(()) };
        if text.len() > MAX_RELAY_BYTES {
            return Ok(());
        }
        let news = Notification::PeerMessage {
            organization: self.who.organization.clone(),
            session: self.session.clone(),
            groups: self.who.groups.clone(),
            text,
        };
        let done = self
            .app
            .writing(&self.who.organization.clone(), move |_, tx| Ok(tx.notify(news.clone())?))
            .await;
        if let Err(failure) = done {
            tracing::debug!(?failure, "a relayed frame was lost");
        }
        Ok(())
    }

    /// Pushes the ends of this connection's claims forward: it is alive.
    pub(super) async fn renew(&mut self) -> Result<(), End> {
        let (who, ids) = (self.who.clone(), self.told.ids());
        let done = self
            .app
            .writing(&who.organization.clone(), move |_, tx| {
                let mut over = Vec::new();
                for id in &ids {
                    if !claims::renew(tx, &who, id)? {
                        over.push(id.clone());
                    }
                }
                Ok(over)
            })
            .await;
        self.told.renewed();
        let over = done.unwrap_or_else(|failure| {
            tracing::warn!(?failure, "claims could not be renewed");
            Vec::new()
        });
        for id in over {
            if let Some(frame) = self.told.lose(&id) {
                self.answer(&frame).await?;
            }
        }
        Ok(())
    }

    /// Ends subscriptions whose time is over, and says so.
    pub(super) async fn end_subscriptions(&mut self) -> Result<(), End> {
        for id in self.subscriptions.end(Instant::now()) {
            self.answer(&ServerFrame::ClaimExpired(ClaimExpired::new(id))).await?;
        }
        self.regroup().await
    }

    /// Hears of the groups of the connection and of its subscriptions together, and lets others know.
    pub(super) async fn regroup(&mut self) -> Result<(), End> {
        self.who.groups = self.subscriptions.groups();
        self.announce().await
    }
}
