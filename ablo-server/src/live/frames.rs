//! Handles the frames that a client sends (docs/protocol/websocket.md §3).

use super::connection::Connection;
use super::end::{End, end_of};
use super::peer_view::{self, OwnClaim};
use crate::engine::claims::{ClaimOutcome, ClaimRequest};
use crate::engine::commit::ClaimInUse;
use crate::error::Result;
use crate::service::claims::{detail, lease};
use crate::service::commits::Submit;
use crate::store::Notification;
use ablo_wire::{
    ClaimAck, ClaimExpired, ClaimFrame, ClientFrame, CommitFrame, CommitReceipt, CommitStatus,
    IntentAbandon, IntentBegin, IntentReorder, LostReason, OtherFrame, Seconds, ServerFrame,
    SyncCapability,
};
use std::time::Instant;

/// The maximum size of a relayed frame, in bytes. It has to fit into one notification.
const MAX_RELAY_BYTES: usize = 6000;
/// The capability of clients that are sent every delta.
const COMPLETE: &str = "completeDeltas";
/// The capability of clients whose `lastSyncId` of 0 is a position. From other clients 0 means that
/// they have none.
const RESUME: &str = "resume";

impl Connection {
    pub(super) async fn frame(&mut self, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Ping => self.answer(&ServerFrame::Pong).await,
            ClientFrame::Ack(ack) => {
                self.flow.acknowledge(ack.last_sync_id.0);
                Ok(())
            }
            ClientFrame::SyncRequest(request) => {
                let has = |capability: &str| {
                    request.capabilities.contains(&SyncCapability::from(capability.to_owned()))
                };
                let (complete, resume) = (has(COMPLETE), has(RESUME));
                let last = Some(request.last_sync_id.0).filter(|last| *last > 0 || resume);
                self.synchronize(last, complete).await?;
                if complete { Ok(()) } else { self.send_roster().await }
            }
            ClientFrame::Commit(commit) => self.commit(commit).await,
            ClientFrame::PresenceUpdate(report) => {
                self.report = report;
                self.put_session().await
            }
            ClientFrame::Claim(claim) => self.subscribe(claim).await,
            ClientFrame::Release(release) => {
                self.subscriptions.close(&release.claim_id);
                self.update_groups().await
            }
            ClientFrame::IntentBegin(begin) => self.begin(begin).await,
            ClientFrame::IntentAbandon(abandon) => self.abandon(abandon).await,
            ClientFrame::IntentReorder(order) => self.reorder(order).await,
            ClientFrame::Other(frame) => self.relay(frame).await,
            // Reserved by the protocol, without effect (docs/protocol/websocket.md §3).
            ClientFrame::BootstrapRequest(_) | ClientFrame::Mutation(_) => Ok(()),
        }
    }

    async fn commit(&mut self, frame: CommitFrame) -> Result<(), End> {
        let ops = frame.operations.len() as u64;
        let id = frame.client_tx_id.clone().unwrap_or_default();
        let request = Submit {
            client_tx_id: frame.client_tx_id,
            idempotency_key: frame.idempotency_key,
            operations: frame.operations,
            claim: ClaimInUse::OfHolder,
            caused_by: frame.caused_by_task_id,
        };
        let result = self.service.submit(&self.who, request).await;
        if let Err(failure) = &result {
            // Without an answer: the client sends the commit again with a fresh token.
            end_of(failure)?;
        }
        let receipt = result.unwrap_or_else(|failure| {
            let refusal = failure.into_api_error();
            self.service.metrics.refused(refusal.code());
            let mut receipt = CommitReceipt::new(id, false);
            receipt.status = Some(CommitStatus::Rejected);
            let head = *self.hub.head.borrow();
            receipt.server_tx_id = Some(head.to_string());
            receipt.last_sync_id = Some(ablo_wire::SyncId(head));
            receipt.ops = Some(ops);
            receipt.error = Some(refusal.into_failure());
            receipt
        });
        self.answer(&ServerFrame::MutationResult(Box::new(receipt))).await
    }

    /// Subscribes to further groups that the credential allows (docs/protocol/claims.md §10).
    async fn subscribe(&mut self, claim: ClaimFrame) -> Result<(), End> {
        let mut granted = self.allowed.clone();
        granted.narrow(&claim.sync_groups);
        let refused = (claim.sync_groups.is_empty() || granted.groups.is_empty())
            || !self.subscriptions.has_capacity_for(&claim.claim_id);
        let mut ack = ClaimAck::new(claim.claim_id.clone(), !refused);
        if refused {
            let mut error = ablo_wire::CommitError::new();
            error.code = Some("capability_scope_denied".into());
            error.message =
                Some("the credential allows none of the requested sync groups".to_owned());
            ack.error = Some(error);
        } else {
            ack.sync_groups = Some(granted.groups.iter().cloned().collect());
            let ttl = claim.ttl_seconds.map(|ttl| ttl.0);
            ack.ttl_seconds = Some(Seconds(self.subscriptions.open(
                claim.claim_id,
                granted.groups,
                ttl,
                Instant::now(),
            )));
            self.update_groups().await?;
        }
        self.answer(&ServerFrame::ClaimAck(Box::new(ack))).await
    }

    async fn begin(&mut self, begin: IntentBegin) -> Result<(), End> {
        let queue = begin.queue.unwrap_or(false);
        let target = peer_view::target(&begin);
        let found = self.service.model(&begin.entity_type);
        let Ok((model, key)) = found.map(|model| (model.id, model.key.clone())) else {
            // The only refusal that waiting clients understand (docs/protocol/differences.md A18).
            let reason = LostReason::Expired;
            return self.answer(&peer_view::lost(&begin.intent_id, target, reason)).await;
        };
        let ttl = lease(begin.estimated_ms.map(|ttl| ttl.0));
        let description = begin
            .meta
            .as_ref()
            .and_then(|meta| meta.get("description")?.as_str().map(str::to_owned));
        let request = ClaimRequest {
            id: begin.intent_id.clone(),
            row: begin.entity_id.clone(),
            action: begin.action.clone(),
            description,
            detail: detail(
                begin.path.clone(),
                begin.range.clone(),
                begin.field.clone(),
                begin.meta.clone(),
            ),
            ttl,
            queue,
            connection: Some(self.session.clone()),
        };
        let outcome = self.service.claim(&self.who, model, request).await;
        let own_claim = |held: bool, position: u64| OwnClaim {
            target: target.clone(),
            model: key.clone(),
            ttl,
            held,
            position,
        };
        let frame = match outcome {
            Ok(ClaimOutcome::Held(_)) => {
                self.peer_view.insert(&begin.intent_id, own_claim(true, 0));
                peer_view::acquired(&begin.intent_id, target.clone())
            }
            Ok(ClaimOutcome::Queued(_, position)) => {
                self.peer_view.insert(&begin.intent_id, own_claim(false, position));
                peer_view::queued(&begin.intent_id, target.clone(), position)
            }
            Ok(ClaimOutcome::Refused(holder)) => {
                peer_view::rejected(&begin.intent_id, target.clone(), &holder)
            }
            Err(failure) => {
                end_of(&failure)?;
                tracing::warn!(code = failure.into_api_error().code(), "failed to request a claim");
                peer_view::lost(&begin.intent_id, target.clone(), LostReason::Expired)
            }
        };
        self.answer_claim(frame, (&key, &begin.entity_id)).await
    }

    /// Sends a frame about a claim. A grant waits until the client has the newest state of the row.
    pub(super) async fn answer_claim(
        &mut self,
        frame: ServerFrame,
        (model, row): (&str, &str),
    ) -> Result<(), End> {
        match &frame {
            ServerFrame::IntentAcquired(_) | ServerFrame::IntentGranted(_)
                if !self.flow.complete =>
            {
                let name = self.service.engine.models.find(model).map(|model| &model.type_name);
                let newest = name.and_then(|name| self.hub.newest_of(name, row));
                if let Some(newest) = newest.filter(|newest| *newest > self.flow.acknowledged) {
                    self.grants.add(frame, newest, Instant::now());
                    return Ok(());
                }
            }
            ServerFrame::IntentLost(lost) => self.grants.remove(&lost.intent_id),
            _ => {}
        }
        self.answer(&frame).await
    }

    /// Sends the grants that need not wait any longer.
    pub(super) async fn send_grants(&mut self) -> Result<(), End> {
        for frame in self.grants.take(self.flow.acknowledged, Instant::now()) {
            self.answer(&frame).await?;
        }
        Ok(())
    }

    async fn abandon(&mut self, abandon: IntentAbandon) -> Result<(), End> {
        self.peer_view.remove(&abandon.intent_id);
        self.grants.remove(&abandon.intent_id);
        let result = self.service.abandon(&self.who, abandon.intent_id).await;
        if let Err(failure) = result {
            end_of(&failure)?;
            tracing::warn!(?failure, "failed to release a claim; it will expire");
        }
        Ok(())
    }

    async fn reorder(&mut self, order: IntentReorder) -> Result<(), End> {
        let Ok(model) = self.service.model(&order.entity_type).map(|model| model.id) else {
            return Ok(());
        };
        let slots: Vec<(String, String)> =
            order.order.into_iter().map(|slot| (slot.held_by, slot.intent_id)).collect();
        let result = self.service.reorder(&self.who, model, order.entity_id, slots).await;
        // Unauthorised requests are ignored without an answer (docs/protocol/claims.md §4).
        if let Err(failure) = result {
            end_of(&failure)?;
            tracing::debug!(?failure, "failed to reorder a claim queue");
        }
        Ok(())
    }

    /// Relays an application's frame to peers that share a group.
    ///
    /// A frame with a type of the coordinator's own frames is dropped, because peers would take it
    /// for one.
    async fn relay(&mut self, frame: OtherFrame) -> Result<(), End> {
        if <ServerFrame>::KINDS.contains(&frame.kind.as_str()) {
            tracing::debug!(kind = frame.kind, "a client sent a frame of the coordinator");
            return Ok(());
        }
        let Ok(text) = ServerFrame::Other(frame).to_text() else { return Ok(()) };
        if text.len() > MAX_RELAY_BYTES {
            return Ok(());
        }
        let relay = Notification::PeerMessage {
            organization: self.who.organization.clone(),
            session: self.session.clone(),
            groups: self.who.groups.clone(),
            text,
        };
        let result =
            self.service.acting(&self.who, move |_, tx| Ok(tx.notify(relay.clone())?)).await;
        if let Err(failure) = result {
            end_of(&failure)?;
            tracing::debug!(?failure, "failed to relay a frame");
        }
        Ok(())
    }

    /// Renews the leases of this connection's claims.
    pub(super) async fn renew_claims(&mut self) -> Result<(), End> {
        let result = self.service.renew_claims(&self.who, self.peer_view.ids()).await;
        self.peer_view.schedule_renewal();
        if let Err(failure) = &result {
            end_of(failure)?;
        }
        let lost = result.unwrap_or_else(|failure| {
            tracing::warn!(?failure, "failed to renew claims");
            Vec::new()
        });
        self.lose(lost).await
    }

    /// Ends expired subscriptions and notifies the client.
    pub(super) async fn end_subscriptions(&mut self) -> Result<(), End> {
        for id in self.subscriptions.remove_expired(Instant::now()) {
            self.answer(&ServerFrame::ClaimExpired(ClaimExpired::new(id))).await?;
        }
        self.update_groups().await
    }

    /// Applies the groups of the current subscriptions and announces them to other connections.
    pub(super) async fn update_groups(&mut self) -> Result<(), End> {
        self.who.groups = self.subscriptions.groups();
        self.put_session().await
    }
}
