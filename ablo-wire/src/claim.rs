//! Claims: a participant holds a row for a while, others wait in line (docs/protocol/claims.md). On the wire a claim is an *intent*;
//! the frame called `claim` is something else, a further subscription. Who may hold what is not decided here.

use crate::record::{literal, open_enum, record};
use crate::{CommitError, ErrorCode, Millis, Object, Seconds};

open_enum! {
    /// What kind of participant holds or waits for a claim (docs/protocol/claims.md §2).
    pub enum ClaimantKind {
        /// A human.
        Human = "human",
        /// An agent.
        Agent = "agent",
    }
}

open_enum! {
    /// Where a claim stands (docs/protocol/claims.md §2).
    pub enum IntentStatus {
        /// It is held. An absent status means the same.
        Active = "active",
        /// It waits in line.
        Queued = "queued",
        /// It ended and its holder wrote the row.
        Committed = "committed",
        /// Its time ran out.
        Expired = "expired",
        /// It ended without a write.
        Canceled = "canceled",
    }
}

open_enum! {
    /// Why a claim was lost (docs/protocol/claims.md §4).
    pub enum LostReason {
        /// Its time ran out.
        Expired = "expired",
        /// A privileged participant took it.
        Preempted = "preempted",
    }
}

open_enum! {
    /// Why a claim was refused (docs/protocol/claims.md §4).
    pub enum RejectedReason {
        /// Another participant holds the row.
        Conflict = "conflict",
    }
}

record! {
    /// A range of lines (docs/protocol/websocket.md §3).
    pub struct Range {
        /// The first line.
        start_line: u64,
        /// The last line.
        end_line: u64,
        /// The column in the first line.
        start_column?: u64,
        /// The column in the last line.
        end_column?: u64,
    }
}

record! {
    /// The target of `intent_*` frames (docs/protocol/claims.md §4).
    pub struct EntityTarget {
        /// The model, as the claimant spelled it; usually the schema key.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A place inside the row, for display.
        path?: String,
        /// Lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Further facts, for display; `description` says what the work is.
        meta?: Object,
    }
}

record! {
    /// The target of a public claim (docs/protocol/claims.md §2).
    pub struct IntentTarget {
        /// The model, as the claimant spelled it; usually the schema key.
        r#type: String,
        /// The id of the row.
        id: String,
        /// A place inside the row, for display.
        path?: String,
        /// Lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Further facts, for display.
        meta?: Object,
    }
}

record! {
    /// The target of a claim over HTTP (docs/protocol/claims.md §2).
    pub struct ClaimTarget {
        /// The model, as `IntentTarget` spells the member; HTTP answers carry both.
        r#type?: String,
        /// The model, in any of its spellings.
        model: String,
        /// The id of the row.
        id: String,
        /// A place inside the row, for display.
        path?: String,
        /// Lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Further facts, for display.
        meta?: Object,
    }
}

record! {
    /// `intent_begin`: asks for a claim. Repeating it with the same id is the same request (docs/protocol/claims.md §4).
    ///
    /// ```
    /// # use ablo_wire::{ClientFrame, IntentBegin, Millis};
    /// let mut begin = IntentBegin::new("0b9e2c1e", "tasks", "t_1", "editing");
    /// begin.estimated_ms = Some(Millis(120_000));
    /// begin.queue = Some(true);
    /// assert_eq!(
    ///     ClientFrame::IntentBegin(begin).to_text()?,
    ///     r#"{"type":"intent_begin","payload":{"intentId":"0b9e2c1e","entityType":"tasks","entityId":"t_1","action":"editing","estimatedMs":120000,"queue":true}}"#,
    /// );
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub struct IntentBegin {
        /// A UUID the client makes up.
        intent_id: String,
        /// The schema key of the model.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A place inside the row, for display.
        path?: String,
        /// Lines inside the row, for display.
        range?: Range,
        /// What the work is, in a word: `editing`.
        action: String,
        /// A field of the row, for display.
        field?: String,
        /// Further facts, for display; `description` says what the work is.
        meta?: Object,
        /// For how long the row is wanted, in milliseconds.
        estimated_ms?: Millis,
        /// Whether to wait in line when the row is held.
        queue?: bool,
    }
}

record! {
    /// `intent_abandon`: gives a claim up or leaves the line. There is no answer; unknown ids are ignored.
    pub struct IntentAbandon {
        /// The claim.
        intent_id: String,
        /// The model of its row.
        entity_type?: String,
        /// The id of its row.
        entity_id?: String,
    }
}

record! {
    /// A place in the line for a row.
    pub struct QueueSlot {
        /// The participant that waits.
        held_by: String,
        /// Its claim.
        intent_id: String,
    }
}

record! {
    /// `intent_reorder`: puts the listed waiters first, in this order; the rest keep theirs behind (docs/protocol/claims.md §4).
    pub struct IntentReorder {
        /// The model.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// The waiters to put first.
        order: Vec<QueueSlot>,
    }
}

record! {
    /// `intent_acquired`: the row was free, the claim is held.
    pub struct IntentAcquired {
        /// The claim.
        intent_id: String,
        /// What it holds.
        target?: EntityTarget,
    }
}

record! {
    /// `intent_granted`: the claim reached the head of the line and is held.
    pub struct IntentGranted {
        /// The claim.
        intent_id: String,
        /// What it holds.
        target?: EntityTarget,
    }
}

record! {
    /// `intent_queued`: the row is held by another, the claim waits.
    pub struct IntentQueued {
        /// The claim.
        intent_id: String,
        /// What it waits for.
        target?: EntityTarget,
        /// Its place in the line; 0 is next.
        position: u64,
    }
}

record! {
    /// `intent_lost`: the claim, or its place in the line, is gone.
    pub struct IntentLost {
        /// The claim.
        intent_id: String,
        /// Why.
        reason: LostReason,
        /// What it held.
        target: EntityTarget,
    }
}

record! {
    /// `intent_rejected`: the row is held by another and the claim did not want to wait.
    pub struct IntentRejected {
        /// The claim.
        intent_id: String,
        /// Why.
        reason: RejectedReason,
        /// What it wanted.
        target: EntityTarget,
        /// Who holds the row.
        held_by?: String,
        /// By which claim.
        held_by_intent_id?: String,
        /// Until when, in milliseconds since 1970.
        held_by_expires_at?: Millis,
    }
}

record! {
    /// `intent_queue`: the whole line for a row, without its holder, on every change; empty clears it.
    pub struct IntentQueue {
        /// The row.
        target: IntentTarget,
        /// Who waits, next first.
        queue: Vec<Intent>,
    }
}

literal! {
    /// The `object` of a public claim.
    pub struct IntentTag = "intent";
}

record! {
    /// A claim as others see it in the line for a row (docs/protocol/claims.md §2).
    pub struct Intent {
        /// Always `intent`.
        object!: IntentTag,
        /// The claim.
        id: String,
        /// Where it stands.
        status: IntentStatus,
        /// What it holds or waits for.
        target: IntentTarget,
        /// What the work is, in a word.
        action: String,
        /// What the work is, in a sentence.
        description?: String,
        /// Who holds it or waits.
        held_by: String,
        /// What kind of participant that is.
        participant_kind: ClaimantKind,
        /// Since when, ISO 8601.
        created_at?: String,
        /// Until when, ISO 8601.
        expires_at: String,
        /// Its place in the line while queued; 0 is next.
        position?: u64,
    }
}

record! {
    /// A claim as its holder's presence shows it (docs/protocol/claims.md §2).
    pub struct ActiveIntent {
        /// The claim.
        intent_id: String,
        /// The model, as the claimant spelled it.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A place inside the row, for display.
        path?: String,
        /// Lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Further facts, for display.
        meta?: Object,
        /// What the work is, in a word.
        action: String,
        /// Since when, in milliseconds since 1970.
        declared_at: Millis,
        /// Until when, in milliseconds since 1970.
        expires_at: Millis,
        /// Where it stands; absent is active.
        status?: IntentStatus,
        /// Why it could not be held.
        error?: IntentError,
    }
}

record! {
    /// Why a claim could not be held (docs/protocol/claims.md §2).
    pub struct IntentError {
        /// A registered code.
        code: ErrorCode,
        /// For humans.
        message?: String,
        /// Who holds the row.
        held_by?: String,
        /// By which claim.
        held_by_intent_id?: String,
        /// Until when, in milliseconds since 1970.
        held_by_expires_at?: Millis,
    }
}

record! {
    /// A claim over HTTP (docs/protocol/claims.md §2, docs/protocol/http.md §6). Answers carry the members of `Intent` as well, because both are
    /// read from them.
    pub struct ModelClaim {
        /// Always `intent`, where present.
        object?: IntentTag,
        /// The claim.
        id: String,
        /// Where it stands.
        status?: IntentStatus,
        /// Who holds it or waits.
        actor: String,
        /// The same, as `Intent` spells it.
        held_by?: String,
        /// What kind of participant that is.
        participant_kind: ClaimantKind,
        /// What the work is, in a word.
        action: String,
        /// What the work is, in a sentence.
        description?: String,
        /// A field of the row, for display.
        field?: String,
        /// What it holds or waits for.
        target?: ClaimTarget,
        /// Until when, ISO 8601.
        expires_at: String,
        /// Its place in the line while queued; 0 is next.
        position?: u64,
    }
}

record! {
    /// The payload of a `claim` frame: subscribes to further sync groups (docs/protocol/claims.md §10). It claims no row.
    pub struct ClaimFrame {
        /// `participant:<uuid>`, made up by the client.
        claim_id: String,
        /// The groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// A capability that allows them.
        capability_token?: String,
        /// For how long, in seconds.
        ttl_seconds?: Seconds,
    }
}

record! {
    /// The payload of a `release` frame: ends a subscription. There is no answer; unknown ids are ignored.
    pub struct ReleaseFrame {
        /// The subscription.
        claim_id: String,
    }
}

record! {
    /// `claim_ack`: whether the subscription stands (docs/protocol/websocket.md §4).
    pub struct ClaimAck {
        /// The subscription.
        claim_id: String,
        /// Whether it stands.
        success: bool,
        /// The groups it covers.
        sync_groups?: Vec<String>,
        /// For how long, in seconds.
        ttl_seconds?: Seconds,
        /// Why not.
        error?: CommitError,
    }
}

record! {
    /// `claim_expired`: the subscription is over.
    pub struct ClaimExpired {
        /// The subscription.
        claim_id: String,
    }
}
