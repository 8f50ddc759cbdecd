//! Claims: one participant holds a row for a limited time, others wait in its claim queue
//! (docs/protocol/claims.md). The wire calls a claim an *intent*; the frame `claim` is unrelated
//! and subscribes to further sync groups. The rules for granting claims are not part of this crate.

use crate::record::{literal, open_enum, record};
use crate::{CommitError, ErrorCode, Millis, Object, Seconds};

open_enum! {
    /// The kind of participant that holds or waits for a claim (docs/protocol/claims.md §2).
    pub enum ClaimantKind {
        /// A human.
        Human = "human",
        /// An agent.
        Agent = "agent",
    }
}

open_enum! {
    /// The status of a claim (docs/protocol/claims.md §2).
    pub enum IntentStatus {
        /// The claim is held. An absent status means the same.
        Active = "active",
        /// The claim is in the claim queue.
        Queued = "queued",
        /// The claim ended after its holder wrote the row.
        Committed = "committed",
        /// The lease expired.
        Expired = "expired",
        /// The claim ended without a write.
        Canceled = "canceled",
    }
}

open_enum! {
    /// The reason a claim was lost (docs/protocol/claims.md §4).
    pub enum LostReason {
        /// The lease expired.
        Expired = "expired",
        /// A privileged participant took the claim.
        Preempted = "preempted",
        /// Its holder claimed the row again, or continues the claim on another connection.
        Replaced = "replaced",
        /// Its participant released it elsewhere.
        Released = "released",
    }
}

open_enum! {
    /// The reason a claim was refused (docs/protocol/claims.md §4).
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
        /// The model, as spelled by the claimant; usually the schema key.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A path inside the row, for display.
        path?: String,
        /// A range of lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Additional data for display; `description` describes the work.
        meta?: Object,
    }
}

record! {
    /// The target of a public claim (docs/protocol/claims.md §2).
    pub struct IntentTarget {
        /// The model, as spelled by the claimant; usually the schema key.
        r#type: String,
        /// The id of the row.
        id: String,
        /// A path inside the row, for display.
        path?: String,
        /// A range of lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Additional data for display.
        meta?: Object,
    }
}

record! {
    /// The target of a claim over HTTP (docs/protocol/claims.md §2).
    pub struct ClaimTarget {
        /// The model, under the member name of `IntentTarget`; HTTP responses carry both.
        r#type?: String,
        /// The model, in any of its spellings.
        model: String,
        /// The id of the row.
        id: String,
        /// A path inside the row, for display.
        path?: String,
        /// A range of lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Additional data for display.
        meta?: Object,
    }
}

record! {
    /// `intent_begin`: requests a claim. Repeating it with the same id is idempotent
    /// (docs/protocol/claims.md §4).
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
        /// A UUID chosen by the client.
        intent_id: String,
        /// The schema key of the model.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A path inside the row, for display.
        path?: String,
        /// A range of lines inside the row, for display.
        range?: Range,
        /// The kind of work, in one word: `editing`.
        action: String,
        /// A field of the row, for display.
        field?: String,
        /// Additional data for display; `description` describes the work.
        meta?: Object,
        /// Requested duration of the claim, in milliseconds.
        estimated_ms?: Millis,
        /// Whether to join the claim queue if the row is held.
        queue?: bool,
    }
}

record! {
    /// `intent_abandon`: releases a claim or leaves the claim queue. There is no response; unknown
    /// ids are ignored.
    pub struct IntentAbandon {
        /// Id of the claim.
        intent_id: String,
        /// Model of the row.
        entity_type?: String,
        /// Id of the row.
        entity_id?: String,
    }
}

record! {
    /// An entry in the claim queue of a row.
    pub struct QueueSlot {
        /// The waiting participant.
        held_by: String,
        /// Id of its claim.
        intent_id: String,
    }
}

record! {
    /// `intent_reorder`: moves the listed waiters to the front, in this order; the others follow in
    /// their current order (docs/protocol/claims.md §4).
    pub struct IntentReorder {
        /// The model.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// The waiters to move to the front.
        order: Vec<QueueSlot>,
    }
}

record! {
    /// `intent_acquired`: the row was free and the claim is held.
    pub struct IntentAcquired {
        /// Id of the claim.
        intent_id: String,
        /// Target of the claim.
        target?: EntityTarget,
    }
}

record! {
    /// `intent_granted`: the claim reached the front of the claim queue and is held.
    pub struct IntentGranted {
        /// Id of the claim.
        intent_id: String,
        /// Target of the claim.
        target?: EntityTarget,
    }
}

record! {
    /// `intent_queued`: another participant holds the row and the claim is in the claim queue.
    pub struct IntentQueued {
        /// Id of the claim.
        intent_id: String,
        /// Target of the claim.
        target?: EntityTarget,
        /// Position in the claim queue; 0 is next.
        position: u64,
    }
}

record! {
    /// `intent_lost`: the claim, or its position in the claim queue, was lost.
    pub struct IntentLost {
        /// Id of the claim.
        intent_id: String,
        /// The reason.
        reason: LostReason,
        /// Target of the claim.
        target: EntityTarget,
    }
}

record! {
    /// `intent_rejected`: another participant holds the row and the claim was not to be queued.
    pub struct IntentRejected {
        /// Id of the claim.
        intent_id: String,
        /// The reason.
        reason: RejectedReason,
        /// Target of the claim.
        target: EntityTarget,
        /// The participant that holds the row.
        held_by?: String,
        /// Id of the holder's claim.
        held_by_intent_id?: String,
        /// Expiry time, in milliseconds since 1970.
        held_by_expires_at?: Millis,
    }
}

record! {
    /// `intent_queue`: the complete claim queue of a row, without the holder, sent on every change;
    /// an empty queue clears it.
    pub struct IntentQueue {
        /// The row.
        target: IntentTarget,
        /// The waiters, next first.
        queue: Vec<Intent>,
    }
}

literal! {
    /// The `object` of a public claim.
    pub struct IntentTag = "intent";
}

record! {
    /// A claim as shown to others in the claim queue of a row (docs/protocol/claims.md §2).
    pub struct Intent {
        /// Always `intent`.
        object!: IntentTag,
        /// Id of the claim.
        id: String,
        /// The status of the claim.
        status: IntentStatus,
        /// Target of the claim.
        target: IntentTarget,
        /// The kind of work, in one word.
        action: String,
        /// A description of the work, in one sentence.
        description?: String,
        /// The participant that holds the claim or waits.
        held_by: String,
        /// Kind of that participant.
        participant_kind: ClaimantKind,
        /// Creation time, ISO 8601.
        created_at?: String,
        /// Expiry time, ISO 8601.
        expires_at: String,
        /// Position in the claim queue while queued; 0 is next.
        position?: u64,
    }
}

record! {
    /// A claim as shown in its holder's presence (docs/protocol/claims.md §2).
    pub struct ActiveIntent {
        /// Id of the claim.
        intent_id: String,
        /// The model, as the claimant spelled it.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A path inside the row, for display.
        path?: String,
        /// A range of lines inside the row, for display.
        range?: Range,
        /// A field of the row, for display.
        field?: String,
        /// Additional data for display.
        meta?: Object,
        /// The kind of work, in one word.
        action: String,
        /// Creation time, in milliseconds since 1970.
        declared_at: Millis,
        /// Expiry time, in milliseconds since 1970.
        expires_at: Millis,
        /// The status of the claim; absent means active.
        status?: IntentStatus,
        /// The reason the claim is not held.
        error?: IntentError,
    }
}

record! {
    /// The reason a claim is not held (docs/protocol/claims.md §2).
    pub struct IntentError {
        /// A registered code.
        code: ErrorCode,
        /// A human-readable message.
        message?: String,
        /// The participant that holds the row.
        held_by?: String,
        /// Id of the holder's claim.
        held_by_intent_id?: String,
        /// Expiry time, in milliseconds since 1970.
        held_by_expires_at?: Millis,
    }
}

record! {
    /// A claim over HTTP (docs/protocol/claims.md §2, docs/protocol/http.md §6). Responses also
    /// carry the members of `Intent`, so clients can read either form.
    pub struct ModelClaim {
        /// Always `intent`, where present.
        object?: IntentTag,
        /// Id of the claim.
        id: String,
        /// The status of the claim.
        status?: IntentStatus,
        /// The participant that holds the claim or waits.
        actor: String,
        /// The same participant, under the member name of `Intent`.
        held_by?: String,
        /// Kind of that participant.
        participant_kind: ClaimantKind,
        /// The kind of work, in one word.
        action: String,
        /// A description of the work, in one sentence.
        description?: String,
        /// A field of the row, for display.
        field?: String,
        /// Target of the claim.
        target?: ClaimTarget,
        /// Expiry time, ISO 8601.
        expires_at: String,
        /// Position in the claim queue while queued; 0 is next.
        position?: u64,
    }
}

record! {
    /// The payload of a `claim` frame, which subscribes to further sync groups
    /// (docs/protocol/claims.md §10). It does not claim a row.
    pub struct ClaimFrame {
        /// `participant:<uuid>`, chosen by the client.
        claim_id: String,
        /// The sync groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// A capability that grants them.
        capability_token?: String,
        /// Duration in seconds.
        ttl_seconds?: Seconds,
    }
}

record! {
    /// The payload of a `release` frame, which ends a subscription. There is no response; unknown
    /// ids are ignored.
    pub struct ReleaseFrame {
        /// Id of the subscription.
        claim_id: String,
    }
}

record! {
    /// `claim_ack`: the result of a subscription (docs/protocol/websocket.md §4).
    pub struct ClaimAck {
        /// Id of the subscription.
        claim_id: String,
        /// Whether the subscription is active.
        success: bool,
        /// The subscribed sync groups.
        sync_groups?: Vec<String>,
        /// Duration in seconds.
        ttl_seconds?: Seconds,
        /// The reason it was refused.
        error?: CommitError,
    }
}

record! {
    /// `claim_expired`: the subscription has ended.
    pub struct ClaimExpired {
        /// Id of the subscription.
        claim_id: String,
    }
}
