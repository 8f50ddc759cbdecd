//! Handles the frames that a client sends (docs/protocol/websocket.md §3).

use super::connection::Connection;
use super::end::{End, end_of};
use super::held::Held;
use super::hub::Relay;
use super::peer_view::{self, OwnClaim};
use super::refusals;
use super::relay::{MAX_RELAY_BYTES, is_reserved};
use crate::engine::access::check_relay;
use crate::engine::claims::{Claim, ClaimOutcome, ClaimRequest};
use crate::engine::commit::ClaimInUse;
use crate::engine::exits::{self, Exit};
use crate::error::{ApiError, Result};
use crate::service::claims::{description_in, detail, lease};
use crate::service::commits::Submit;
use crate::store::Notification;
use ablo_wire::{
    ClaimAck, ClaimExpired, ClaimFrame, ClientFrame, CommitFrame, IntentAbandon, IntentBegin,
    IntentReorder, LostReason, Maybe, OtherFrame, RawJson, RelayFrame, Seconds, ServerFrame,
};
use std::time::Instant;

impl Connection {
    pub(super) async fn frame(&mut self, frame: ClientFrame) -> Result<(), End> {
        match frame {
            ClientFrame::Ping => self.answer(&ServerFrame::Pong).await,
            ClientFrame::Ack(ack) => self.acknowledge(ack.last_sync_id.0).await,
            ClientFrame::SyncRequest(request) => self.synchronize(request).await,
            ClientFrame::Commit(commit) => self.commit(commit).await,
            ClientFrame::PresenceUpdate(report) => {
                if self.service.check_presence(&report).is_err() {
                    self.service.metrics.limited("presence_bytes");
                    return Ok(());
                }
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
            ClientFrame::Relay(frame) => self.relay(frame).await,
            ClientFrame::Other(frame) => self.relay_other(frame).await,
            // Reserved by the protocol, without effect (docs/protocol/websocket.md §3).
            ClientFrame::BootstrapRequest(_) | ClientFrame::Mutation(_) => Ok(()),
        }
    }

    /// Records that the client has stored everything up to a sync id.
    async fn acknowledge(&mut self, id: u64) -> Result<(), End> {
        self.flow.acknowledge(id);
        if id > 0 && std::mem::take(&mut self.has_snapshot) {
            let recorded = self.service.acknowledged_snapshot(&self.who, id).await;
            if let Err(failure) = recorded {
                end_of(&failure)?;
                // The client is sent more than it needs when it connects again.
                tracing::warn!(?failure, "failed to record an acknowledgement");
            }
        }
        Ok(())
    }

    async fn commit(&mut self, frame: CommitFrame) -> Result<(), End> {
        if self.flow.complete {
            return self.submit(frame).await;
        }
        if self.refused.holds(&frame) {
            // Its answer is still to come.
            return Ok(());
        }
        let delay = self.refused.delay(frame.client_tx_id.as_ref(), Instant::now());
        tokio::time::sleep(delay).await;
        self.try_held(Held::new(frame, Instant::now())).await
    }

    /// Tries commits again whose refusal is held back.
    pub(super) async fn retry_held(&mut self) -> Result<(), End> {
        while let Some(held) = self.refused.take(Instant::now()) {
            self.try_held(held).await?;
        }
        Ok(())
    }

    /// Applies a commit of an older client. A refusal that it would answer by sending the commit
    /// again is held back.
    async fn try_held(&mut self, held: Held) -> Result<(), End> {
        let now = Instant::now();
        if self.refused.precede(&held) && now < held.until {
            self.refused.hold(held, now);
            return Ok(());
        }
        let frame = held.frame.clone();
        let failure = match self.service.submit(&self.who, self.request(frame)).await {
            Ok(receipt) => {
                return self.answer(&ServerFrame::MutationResult(Box::new(receipt))).await;
            }
            Err(failure) => failure,
        };
        // Without an answer: the client sends the commit again with a fresh token.
        end_of(&failure)?;
        let mut refusal = failure.into_api_error();
        if held.is_repeated_after(refusal.code()) {
            if now < held.until && self.refused.has_capacity() {
                self.refused.hold(held, now);
                return Ok(());
            }
            let message = format!("tried for some time; {}", refusal.envelope().message);
            refusal = ApiError::new("retries_exhausted", message).detail("cause", refusal.code());
        }
        self.refused.refuse(held.frame.client_tx_id.as_ref(), now);
        let Held { frame, .. } = held;
        self.answer_refusal(frame.client_tx_id, frame.operations.len(), refusal).await
    }

    fn request(&self, frame: CommitFrame) -> Submit {
        Submit {
            client_tx_id: frame.client_tx_id,
            idempotency_key: frame.idempotency_key,
            operations: frame.operations,
            claim: ClaimInUse::OfHolder,
            caused_by: frame.caused_by_task_id,
        }
    }

    async fn submit(&mut self, frame: CommitFrame) -> Result<(), End> {
        let (id, number) = (frame.client_tx_id.clone(), frame.operations.len());
        match self.service.submit(&self.who, self.request(frame)).await {
            Ok(receipt) => self.answer(&ServerFrame::MutationResult(Box::new(receipt))).await,
            Err(failure) => {
                // Without an answer: the client sends the commit again with a fresh token.
                end_of(&failure)?;
                self.answer_refusal(id, number, failure.into_api_error()).await
            }
        }
    }

    async fn answer_refusal(
        &mut self,
        id: Option<String>,
        operations: usize,
        refusal: ApiError,
    ) -> Result<(), End> {
        self.service.metrics.refused(refusal.code());
        let head = *self.hub.head.borrow();
        let id = id.unwrap_or_default();
        self.answer(&refusals::refused_commit(id, operations, refusal, head)).await
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
        let request = ClaimRequest {
            id: begin.intent_id.clone(),
            row: begin.entity_id.clone(),
            action: begin.action.clone(),
            description: description_in(begin.meta.as_ref()),
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
        let own_claim = |claim: &Claim, held: bool, position: u64| OwnClaim {
            target: target.clone(),
            queue: claim.queue_name().into_owned(),
            ttl,
            held,
            position,
        };
        let frame = match outcome {
            Ok(ClaimOutcome::Held(claim)) => {
                self.peer_view.insert(&begin.intent_id, own_claim(&claim, true, 0));
                peer_view::acquired(&begin.intent_id, target.clone())
            }
            Ok(ClaimOutcome::Queued(claim, position)) => {
                self.peer_view.insert(&begin.intent_id, own_claim(&claim, false, position));
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

    /// Relays an event that arrived in an envelope.
    pub(super) async fn relay(&mut self, frame: RelayFrame) -> Result<(), End> {
        self.relay_event(
            frame.event.replace(':', "_"),
            frame.data.map_or(Maybe::Absent, Maybe::Value),
        )
        .await
    }

    /// Relays an event that arrived as a frame of its own. Members beside the payload are dropped:
    /// clients recognise some frames by them.
    pub(super) async fn relay_other(&mut self, frame: OtherFrame) -> Result<(), End> {
        self.relay_event(frame.kind, frame.payload).await
    }

    async fn relay_event(&mut self, event: String, data: Maybe<RawJson>) -> Result<(), End> {
        let refused = match check_relay(&self.who) {
            Err(refusal) => Some(refusal.code().to_owned()),
            Ok(()) if is_reserved(&event) => Some("invalid_request".to_owned()),
            Ok(()) => None,
        };
        if let Some(code) = refused {
            tracing::debug!(event, code, "an event for peers was dropped");
            self.service.metrics.refused(&code);
            return Ok(());
        }
        if !self.relays.allows(Instant::now()) {
            self.service.metrics.limited("relays_per_second");
            return Ok(());
        }
        let frame = ServerFrame::Other(OtherFrame::new(event, data));
        let Ok(text) = frame.to_text() else { return Ok(()) };
        if text.len() > MAX_RELAY_BYTES {
            self.service.metrics.refused("invalid_request");
            return Ok(());
        }
        let relay = Notification::PeerMessage {
            organization: self.who.organization.clone(),
            session: self.session.clone(),
            groups: self.who.groups.clone(),
            text,
            from: Some((self.who.kind.as_str().to_owned(), self.who.participant.clone())),
        };
        let result =
            self.service.acting(&self.who, move |_, tx| Ok(tx.notify(relay.clone())?)).await;
        if let Err(failure) = result {
            end_of(&failure)?;
            tracing::debug!(?failure, "failed to relay a frame");
        }
        Ok(())
    }

    /// Sends an event of a peer that shares a group.
    pub(super) async fn send_relay(&mut self, relay: &Relay) -> Result<(), End> {
        if relay.session == self.session || !exits::sees(Exit::Relay, &self.who, &relay.groups) {
            return Ok(());
        }
        match &relay.envelope {
            Some(envelope) if self.knows_envelopes => self.send(envelope.clone()).await,
            _ => self.send(relay.text.clone()).await,
        }
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
