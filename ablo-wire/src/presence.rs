//! Presence: connected participants and their activity (docs/protocol/websocket.md §7). Presence is
//! informational and never blocks a write.

use crate::record::{open_enum, record};
use crate::{ActiveIntent, Millis, Object, Range};

open_enum! {
    /// The online status of a participant.
    pub enum PresenceStatus {
        /// Connected.
        Online = "online",
        /// Connected but not active.
        Away = "away",
        /// Not connected.
        Offline = "offline",
    }
}

open_enum! {
    /// The kind of a presence frame. Absent means update.
    pub enum PresenceKind {
        /// The participant connected.
        Enter = "enter",
        /// The participant's presence changed.
        Update = "update",
        /// The participant disconnected and its claims ended.
        Leave = "leave",
    }
}

record! {
    /// The activity of a participant. Idle is `{entityType: "Unknown", entityId: "", action:
    /// "idle"}`.
    pub struct Activity {
        /// The model, usually its schema key.
        entity_type: String,
        /// The id of the row.
        entity_id: String,
        /// A path inside the row.
        path?: String,
        /// A range of lines inside the row.
        range?: Range,
        /// A field of the row.
        field?: String,
        /// Additional data.
        meta?: Object,
        /// The kind of activity, in one word: `reading`.
        action: String,
        /// A description of the activity, in one sentence.
        detail?: String,
    }
}

impl Activity {
    /// Returns the idle activity.
    pub fn idle() -> Self {
        Self::new("Unknown", "", "idle")
    }
}

record! {
    /// `presence_update` from a client, about itself and therefore without a participant
    /// (docs/protocol/websocket.md §3).
    pub struct PresenceReport {
        /// Online status of the participant.
        status: PresenceStatus,
        /// IANA name of the time zone.
        timezone?: String,
        /// A free-text status.
        custom_status?: String,
        /// Activity of the participant.
        activity?: Activity,
    }
}

record! {
    /// `presence_update` from the coordinator, about a peer (docs/protocol/websocket.md §7).
    pub struct PresenceUpdate {
        /// The kind of the frame; absent means update.
        kind?: PresenceKind,
        /// Id of the peer. Frames without it are ignored.
        user_id?: String,
        /// The program of the peer, for clients that name their own.
        holder?: String,
        /// Online status of the peer.
        status?: PresenceStatus,
        /// The shared sync groups, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Activity of the peer.
        activity?: Activity,
        /// Whether the peer is an agent, as determined by the coordinator.
        is_agent?: bool,
        /// Time of the last activity, in milliseconds since 1970.
        timestamp?: Millis,
        /// All claims of the peer, replacing those known before; absent means none.
        active_intents?: Vec<ActiveIntent>,
        /// IANA name of the time zone.
        timezone?: String,
        /// A free-text status.
        custom_status?: String,
    }
}

record! {
    /// One participant of the HTTP roster (docs/protocol/http.md §5).
    pub struct PresenceEntry {
        /// Id of the participant.
        user_id: String,
        /// The program of the participant, for clients that name their own.
        holder?: String,
        /// Whether the participant is an agent.
        is_agent?: bool,
        /// Online status of the participant.
        status: PresenceStatus,
        /// Sync groups of the participant, each `kind:id`.
        sync_groups?: Vec<String>,
        /// Activity of the participant.
        activity?: Activity,
        /// Time of the last update, ISO 8601.
        updated_at?: String,
        /// Organisation of the participant.
        organization_id?: String,
        /// Claims of the participant.
        active_intents?: Vec<ActiveIntent>,
    }
}

record! {
    /// The response of `GET /presence`.
    pub struct PresenceRoster {
        /// The connected participants.
        entries: Vec<PresenceEntry>,
    }
}

record! {
    /// The body of `POST /presence`.
    pub struct PresencePost {
        /// Id of the participant, `agent:<id>`.
        user_id: String,
        /// Organisation of the participant.
        organization_id: String,
        /// Online status of the participant.
        status: PresenceStatus,
        /// Activity of the participant.
        activity?: Activity,
        /// Sync groups of the participant, each `kind:id`.
        sync_groups?: Vec<String>,
    }
}
