//! Presence: who is here and what they are doing (docs/protocol/websocket.md §7). Presence forbids nothing.

use crate::record::{open_enum, record};
use crate::{ActiveIntent, Millis, Object, Range};

open_enum! {
    /// Whether a participant is there.
    pub enum PresenceStatus {
        /// There.
        Online = "online",
        /// There and not active.
        Away = "away",
        /// Gone.
        Offline = "offline",
    }
}

open_enum! {
    /// What a presence frame says about the roster. Absent is an update.
    pub enum PresenceKind {
        /// The participant came.
        Enter = "enter",
        /// Something changed.
        Update = "update",
        /// The participant went, and its claims with it.
        Leave = "leave",
    }
}

record! {
    /// What a participant is doing. Idle is `{entityType: "Unknown", entityId: "", action: "idle"}`.
    pub struct Activity {
        /// The model, usually its schema key.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A place inside the row.
        path?: String,
        /// Lines inside the row.
        range?: Range,
        /// A field of the row.
        field?: String,
        /// Further facts.
        meta?: Object,
        /// What, in a word: `reading`.
        action: String,
        /// What, in a sentence.
        detail?: String,
    }
}

impl Activity {
    /// Doing nothing.
    pub fn idle() -> Self {
        Self::new("Unknown", "", "idle")
    }
}

record! {
    /// `presence_update` from a client: about itself, so it never says who (docs/protocol/websocket.md §3).
    pub struct PresenceReport {
        /// Whether the participant is there.
        status: PresenceStatus,
        /// IANA name of the time zone.
        timezone?: String,
        /// A status in the participant's own words.
        custom_status?: String,
        /// What the participant is doing.
        activity?: Activity,
    }
}

record! {
    /// `presence_update` from the coordinator: about a peer (docs/protocol/websocket.md §7).
    pub struct PresenceUpdate {
        /// What it says about the roster; absent is an update.
        kind?: PresenceKind,
        /// The peer. Frames without it are ignored.
        user_id?: String,
        /// Whether the peer is there.
        status?: PresenceStatus,
        /// The groups it shares, each `kind:id`.
        sync_groups?: Vec<String>,
        /// What the peer is doing.
        activity?: Activity,
        /// Whether the peer is an agent; the coordinator's own knowledge.
        is_agent?: bool,
        /// When it was last active, in milliseconds since 1970.
        timestamp?: Millis,
        /// All of the peer's claims, replacing those known before; absent is none.
        active_intents?: Vec<ActiveIntent>,
        /// IANA name of the time zone.
        timezone?: String,
        /// A status in the peer's own words.
        custom_status?: String,
    }
}

record! {
    /// One participant of the HTTP roster (docs/protocol/http.md §5).
    pub struct PresenceEntry {
        /// The participant.
        user_id: String,
        /// Whether it is an agent.
        is_agent?: bool,
        /// Whether it is there.
        status: PresenceStatus,
        /// Its groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// What it is doing.
        activity?: Activity,
        /// When this was last true, ISO 8601.
        updated_at?: String,
        /// Its organisation.
        organization_id?: String,
        /// Its claims.
        active_intents?: Vec<ActiveIntent>,
    }
}

record! {
    /// The answer of `GET /presence`.
    pub struct PresenceRoster {
        /// Who is there.
        entries: Vec<PresenceEntry>,
    }
}

record! {
    /// The body of `POST /presence`.
    pub struct PresencePost {
        /// The participant, `agent:<id>`.
        user_id: String,
        /// Its organisation.
        organization_id: String,
        /// Whether it is there.
        status: PresenceStatus,
        /// What it is doing.
        activity?: Activity,
        /// Its groups, each `kind:id`.
        sync_groups?: Vec<String>,
    }
}
