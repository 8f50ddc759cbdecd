//! Credentials, identities and agent turns (docs/protocol/http.md §4 and §6). These are data types
//! only; nothing is validated here.

use crate::record::{open_enum, record};
use crate::{Maybe, Millis, Object, ParticipantKind, Seconds};

record! {
    /// The body of `POST /auth/capability`: exchanges a key for a token (docs/protocol/http.md §4).
    pub struct ExchangeRequest {
        /// Kind of participant the token is for.
        participant_kind: ParticipantKind,
        /// Id of the participant the token is for.
        participant_id?: String,
        /// Requested sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Requested operations, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// Whether to request everything that the key permits.
        wide_scope?: bool,
        /// Requested lifetime of the token, in seconds.
        ttl_seconds?: Seconds,
        /// A human-readable name.
        label?: String,
        /// Application data about the user.
        user_meta?: Object,
    }
}

record! {
    /// The rights of a token (docs/protocol/http.md §4).
    pub struct Scope {
        /// The organisation.
        organization_id: String,
        /// The sync groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// The operations, each `<model>.<verb>`, or `*`.
        operations: Vec<String>,
        /// Kind of participant.
        participant_kind: ParticipantKind,
        /// Id of the participant.
        participant_id: String,
    }
}

record! {
    /// The response of `POST /auth/capability` (docs/protocol/http.md §4).
    pub struct ExchangeResponse {
        /// Id of the capability that the token belongs to.
        capability_id: String,
        /// The bearer token.
        token: String,
        /// Expiry time, ISO 8601; between two minutes and 24 days from now.
        expires_at: String,
        /// The organisation.
        organization_id: String,
        /// The rights of the token.
        scope: Scope,
        /// Application data about the user.
        user_meta: Object,
    }
}

record! {
    /// The response of `GET /auth/identity`: the participant that the token belongs to
    /// (docs/protocol/http.md §4).
    pub struct Identity {
        /// Kind of participant.
        participant_kind: ParticipantKind,
        /// Id of the participant.
        participant_id: String,
        /// The organisation.
        account_scope: String,
        /// The sync groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// Application data about the user.
        user_meta: Object,
    }
}

record! {
    /// The body of `POST /v1/capabilities` (docs/protocol/http.md §6).
    pub struct CapabilityCreate {
        /// Kind of participant the token is for; defaults to `agent`.
        participant_kind?: ParticipantKind,
        /// Id of the participant the token is for.
        participant_id?: String,
        /// The sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Alternative spelling, as in the published documentation.
        allowed_sync_groups?: Vec<String>,
        /// The operations, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// Alternative spelling, as in the published documentation.
        allowed_operations?: Vec<String>,
        /// Requested lifetime of the token, in seconds.
        ttl_seconds?: Seconds,
        /// A human-readable name.
        label?: String,
        /// Whether to request everything that the key permits.
        wide_scope?: bool,
        /// Application data about the user.
        user_meta?: Object,
    }
}

record! {
    /// The response of `POST /v1/capabilities` and of a rotation (docs/protocol/http.md §6).
    pub struct CapabilityCreated {
        /// Id of the capability.
        capability_id?: String,
        /// Alternative spelling of the id.
        id?: String,
        /// The bearer token. It is returned only once.
        token: String,
        /// Expiry time, ISO 8601.
        expires_at: String,
        /// The organisation.
        organization_id: String,
        /// The rights of the token.
        scope: Scope,
        /// Application data about the user.
        user_meta?: Object,
        /// After a rotation: the replaced capability.
        rotated_from?: RotatedFrom,
    }
}

record! {
    /// The capability that a rotation replaces.
    pub struct RotatedFrom {
        /// Id of the capability.
        capability_id?: String,
        /// Alternative spelling of the id.
        id?: String,
        /// Time until which it remains valid, ISO 8601.
        expires_at: String,
    }
}

record! {
    /// The body of `POST /v1/capabilities/{id}/rotate` (docs/protocol/http.md §6).
    pub struct CapabilityRotate {
        /// How long the old token remains valid, in seconds; defaults to one day.
        grace_seconds?: Seconds,
        /// Requested lifetime of the new token, in seconds; defaults to that of the old one.
        ttl_seconds?: Seconds,
    }
}

open_enum! {
    /// The status of a capability.
    pub enum CapabilityStatus {
        /// The capability is valid.
        Active = "active",
        /// The capability has expired.
        Expired = "expired",
        /// The capability was revoked.
        Revoked = "revoked",
    }
}

record! {
    /// The response of `GET /v1/capabilities/{id}` (docs/protocol/http.md §6).
    pub struct CapabilityState {
        /// Id of the capability.
        capability_id?: String,
        /// Alternative spelling of the id.
        id?: String,
        /// The organisation.
        organization_id: String,
        /// Kind of participant the token is for.
        participant_kind: ParticipantKind,
        /// Id of the participant the token is for.
        participant_id?: String | null,
        /// A human-readable name.
        label?: String | null,
        /// The current status.
        status: CapabilityStatus,
        /// Creation time, ISO 8601.
        issued_at?: String,
        /// Expiry time, ISO 8601.
        expires_at?: String,
        /// Time of revocation, ISO 8601.
        revoked_at?: String | null,
        /// Time of the last use, ISO 8601.
        last_used_at?: String | null,
        /// The operations, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// Alternative spelling, as in the published documentation.
        allowed_operations?: Vec<String>,
        /// The sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Alternative spelling, as in the published documentation.
        allowed_sync_groups?: Vec<String>,
    }
}

record! {
    /// The response of `DELETE /v1/capabilities/{id}` (docs/protocol/http.md §6).
    pub struct CapabilityDeleted {
        /// Id of the capability.
        capability_id?: String,
        /// Alternative spelling of the id.
        id?: String,
        /// Whether the capability was revoked.
        deleted?: bool,
        /// Number of connections that were closed.
        active_sessions_closed?: u64,
    }
}

record! {
    /// The body of `POST /v1/tasks` and `POST /agent/turn`, which open an agent's turn
    /// (docs/protocol/http.md §6).
    pub struct TaskOpen {
        /// The prompt that the agent was given.
        prompt: String,
        /// Id of the enclosing turn.
        parent_task_id?: String,
        /// Where the prompt was entered; free text.
        surface?: String,
        /// Additional metadata.
        metadata?: Object,
    }
}

record! {
    /// The response to opening a turn. The id is in one of three members (docs/protocol/http.md
    /// §6).
    pub struct TaskOpened {
        /// Id of the turn.
        id?: String,
        /// Alternative spelling of the id.
        task_id?: String,
        /// Alternative spelling of the id.
        turn_id?: String,
        /// A hash of the prompt.
        prompt_hash?: String,
        /// Creation time, ISO 8601.
        opened_at?: String,
    }
}

impl TaskOpened {
    /// Returns the id of the turn, whichever member carries it.
    pub fn turn(&self) -> Option<&str> {
        self.id.as_ref().or(self.task_id.as_ref()).or(self.turn_id.as_ref()).map(String::as_str)
    }
}

record! {
    /// The body of `POST /v1/tasks/{id}/close` and `POST /agent/turn/{id}/close`: the cost of the
    /// turn (docs/protocol/http.md §6).
    pub struct TaskClose {
        /// Number of input tokens.
        cost_input_tokens!: u64,
        /// Number of output tokens.
        cost_output_tokens!: u64,
        /// Compute time, in milliseconds.
        cost_compute_ms!: Millis,
    }
}

record! {
    /// The response to closing a turn (docs/protocol/http.md §6).
    pub struct TaskClosed {
        /// Id of the turn.
        id?: String,
        /// Alternative spelling of the id.
        task_id?: String,
        /// Alternative spelling of the id.
        turn_id?: String,
        /// Whether the turn is closed.
        closed?: bool,
        /// Whether the turn had already been closed.
        already_closed?: bool,
        /// End time, ISO 8601.
        ended_at?: String,
    }
}
