//! Credentials, identities and turns (docs/protocol/http.md §4 and §6). Nothing here checks anything.

use crate::record::{open_enum, record};
use crate::{Maybe, Millis, Object, ParticipantKind, Seconds};

record! {
    /// The body of `POST /auth/capability`: exchanges a key for a token (docs/protocol/http.md §4).
    pub struct ExchangeRequest {
        /// For what kind of participant.
        participant_kind: ParticipantKind,
        /// For which participant.
        participant_id?: String,
        /// The sync groups wanted, each `kind:id`.
        sync_groups?: Vec<String>,
        /// The operations wanted, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// Whether everything the key may do is wanted.
        wide_scope?: bool,
        /// How long the token should live, in seconds.
        ttl_seconds?: Seconds,
        /// A name for people.
        label?: String,
        /// What the application knows about the user.
        user_meta?: Object,
    }
}

record! {
    /// What a token covers (docs/protocol/http.md §4).
    pub struct Scope {
        /// The organisation.
        organization_id: String,
        /// The sync groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// The operations, each `<model>.<verb>`, or `*`.
        operations: Vec<String>,
        /// What kind of participant.
        participant_kind: ParticipantKind,
        /// Which participant.
        participant_id: String,
    }
}

record! {
    /// The answer of `POST /auth/capability` (docs/protocol/http.md §4).
    pub struct ExchangeResponse {
        /// The capability behind the token.
        capability_id: String,
        /// The bearer token.
        token: String,
        /// Until when, ISO 8601; between two minutes and 24 days from now.
        expires_at: String,
        /// The organisation.
        organization_id: String,
        /// What the token covers.
        scope: Scope,
        /// What the application knows about the user.
        user_meta: Object,
    }
}

record! {
    /// The answer of `GET /auth/identity`: whose token it is (docs/protocol/http.md §4).
    pub struct Identity {
        /// What kind of participant.
        participant_kind: ParticipantKind,
        /// Which participant.
        participant_id: String,
        /// The organisation.
        account_scope: String,
        /// The sync groups, each `kind:id`.
        sync_groups: Vec<String>,
        /// What the application knows about the user.
        user_meta: Object,
    }
}

record! {
    /// The body of `POST /v1/capabilities` (docs/protocol/http.md §6).
    pub struct CapabilityCreate {
        /// For what kind of participant; absent is an agent.
        participant_kind?: ParticipantKind,
        /// For which participant.
        participant_id?: String,
        /// The sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// The same, in the documents' spelling.
        allowed_sync_groups?: Vec<String>,
        /// The operations, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// The same, in the documents' spelling.
        allowed_operations?: Vec<String>,
        /// How long the token should live, in seconds.
        ttl_seconds?: Seconds,
        /// A name for people.
        label?: String,
        /// Whether everything the key may do is wanted.
        wide_scope?: bool,
        /// What the application knows about the user.
        user_meta?: Object,
    }
}

record! {
    /// The answer of `POST /v1/capabilities` and of a rotation (docs/protocol/http.md §6).
    pub struct CapabilityCreated {
        /// The capability.
        capability_id?: String,
        /// The same.
        id?: String,
        /// The bearer token, shown once.
        token: String,
        /// Until when, ISO 8601.
        expires_at: String,
        /// The organisation.
        organization_id: String,
        /// What the token covers.
        scope: Scope,
        /// What the application knows about the user.
        user_meta?: Object,
        /// After a rotation: the capability it replaces.
        rotated_from?: RotatedFrom,
    }
}

record! {
    /// The capability that a rotation replaces.
    pub struct RotatedFrom {
        /// The capability.
        capability_id?: String,
        /// The same.
        id?: String,
        /// Until when it still works, ISO 8601.
        expires_at: String,
    }
}

record! {
    /// The body of `POST /v1/capabilities/{id}/rotate` (docs/protocol/http.md §6).
    pub struct CapabilityRotate {
        /// How long the old token still works, in seconds; absent is a day.
        grace_seconds?: Seconds,
        /// How long the new token should live, in seconds; absent is as long as the old one.
        ttl_seconds?: Seconds,
    }
}

open_enum! {
    /// Where a capability stands.
    pub enum CapabilityStatus {
        /// It works.
        Active = "active",
        /// Its time ran out.
        Expired = "expired",
        /// It was taken back.
        Revoked = "revoked",
    }
}

record! {
    /// The answer of `GET /v1/capabilities/{id}` (docs/protocol/http.md §6).
    pub struct CapabilityState {
        /// The capability.
        capability_id?: String,
        /// The same.
        id?: String,
        /// The organisation.
        organization_id: String,
        /// For what kind of participant.
        participant_kind: ParticipantKind,
        /// For which participant.
        participant_id?: String | null,
        /// A name for people.
        label?: String | null,
        /// Where it stands.
        status: CapabilityStatus,
        /// Since when, ISO 8601.
        issued_at?: String,
        /// Until when, ISO 8601.
        expires_at?: String,
        /// When it was taken back, ISO 8601.
        revoked_at?: String | null,
        /// When it was last used, ISO 8601.
        last_used_at?: String | null,
        /// The operations, each `<model>.<verb>`.
        operations?: Vec<String>,
        /// The same, in the documents' spelling.
        allowed_operations?: Vec<String>,
        /// The sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// The same, in the documents' spelling.
        allowed_sync_groups?: Vec<String>,
    }
}

record! {
    /// The answer of `DELETE /v1/capabilities/{id}` (docs/protocol/http.md §6).
    pub struct CapabilityDeleted {
        /// The capability.
        capability_id?: String,
        /// The same.
        id?: String,
        /// Whether it was taken back.
        deleted?: bool,
        /// How many connections were closed.
        active_sessions_closed?: u64,
    }
}

record! {
    /// The body of `POST /v1/tasks` and `POST /agent/turn`: opens an agent's turn (docs/protocol/http.md §6).
    pub struct TaskOpen {
        /// What the agent was asked.
        prompt: String,
        /// The turn this one is part of.
        parent_task_id?: String,
        /// Where it was asked; any text.
        surface?: String,
        /// Further facts.
        metadata?: Object,
    }
}

record! {
    /// The answer to an opened turn; its id is in one of three places (docs/protocol/http.md §6).
    pub struct TaskOpened {
        /// The turn.
        id?: String,
        /// The same.
        task_id?: String,
        /// The same.
        turn_id?: String,
        /// A hash of the prompt.
        prompt_hash?: String,
        /// Since when, ISO 8601.
        opened_at?: String,
    }
}

impl TaskOpened {
    /// The id of the turn, wherever it stands.
    pub fn turn(&self) -> Option<&str> {
        self.id.as_ref().or(self.task_id.as_ref()).or(self.turn_id.as_ref()).map(String::as_str)
    }
}

record! {
    /// The body of `POST /v1/tasks/{id}/close` and `POST /agent/turn/{id}/close`: what the turn cost (docs/protocol/http.md §6).
    pub struct TaskClose {
        /// Tokens read.
        cost_input_tokens!: u64,
        /// Tokens written.
        cost_output_tokens!: u64,
        /// Time computed, in milliseconds.
        cost_compute_ms!: Millis,
    }
}

record! {
    /// The answer to a closed turn (docs/protocol/http.md §6).
    pub struct TaskClosed {
        /// The turn.
        id?: String,
        /// The same.
        task_id?: String,
        /// The same.
        turn_id?: String,
        /// Whether it is closed.
        closed?: bool,
        /// Whether it had been closed before.
        already_closed?: bool,
        /// When it ended, ISO 8601.
        ended_at?: String,
    }
}
