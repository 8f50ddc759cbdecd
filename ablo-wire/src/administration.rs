//! The bodies of the routes that manage an organisation: secret keys, data sources, webhook
//! endpoints and the schema (docs/protocol/http.md §6, docs/protocol/data-source.md §8–9).

use crate::http::ListTag;
use crate::record::{literal, open_enum, record};
use crate::{RawJson, SyncId};

literal! {
    /// The `object` of a secret key.
    pub struct KeyTag = "secret_key";
}

literal! {
    /// The `object` of a data source.
    pub struct SourceTag = "source";
}

literal! {
    /// The `object` of a webhook endpoint.
    pub struct WebhookTag = "webhook_endpoint";
}

literal! {
    /// The `object` of a dead letter.
    pub struct DeadLetterTag = "dead_letter";
}

open_enum! {
    /// Whether a secret key is valid.
    pub enum KeyStatus {
        /// Valid.
        Active = "active",
        /// Its end has passed.
        Expired = "expired",
        /// Revoked.
        Revoked = "revoked",
    }
}

record! {
    /// A secret key, without its token.
    pub struct KeyState {
        /// Always `secret_key`.
        object!: KeyTag,
        /// Id of the key.
        id: String,
        /// A human-readable name.
        label: String,
        /// Whether the key is valid.
        status: KeyStatus,
        /// Creation time, ISO 8601.
        created_at: String,
        /// Time of the last use, ISO 8601.
        last_used_at: String | null,
        /// Expiry time, ISO 8601; null if the key does not expire.
        expires_at: String | null,
    }
}

record! {
    /// The response of `GET /v1/keys`.
    pub struct KeyList {
        /// Always `list`.
        object!: ListTag,
        /// The secret keys of the organisation.
        data: Vec<KeyState>,
    }
}

record! {
    /// The body of `POST /v1/keys`.
    pub struct KeyCreate {
        /// A human-readable name.
        label: String,
    }
}

record! {
    /// The response of `POST /v1/keys`.
    pub struct KeyCreated {
        /// Always `secret_key`.
        object!: KeyTag,
        /// Id of the key.
        id: String,
        /// A human-readable name.
        label: String,
        /// The secret key, which is not shown again.
        token: String,
    }
}

record! {
    /// The response of `POST /presence`.
    pub struct PresenceReported {
        /// Always true.
        ok: bool,
    }
}

record! {
    /// The response of `POST /v1/datasource`.
    pub struct DataSourceAnswer {
        /// Always true.
        ok: bool,
        /// Whether the connection string is used.
        registered: bool,
        /// The reason.
        message?: String,
    }
}

record! {
    /// The response of `POST /source/events`.
    pub struct PushAnswer {
        /// Number of events.
        received: u64,
    }
}

open_enum! {
    /// Whether a data source answers.
    pub enum SourceHealth {
        /// Its last request succeeded.
        Ok = "ok",
        /// Its last request failed.
        Failing = "failing",
        /// It failed repeatedly and is not asked for a while.
        Paused = "resting",
    }
}

record! {
    /// The state of a data source.
    pub struct SourceState {
        /// Always `source`.
        object!: SourceTag,
        /// The organisation.
        organization_id: String,
        /// The keys of its models.
        models: Vec<String>,
        /// Whether it answers.
        status: SourceHealth,
        /// Whether it has an outbox.
        events: bool,
        /// Age of the newest event when it was read, in milliseconds.
        lag_ms: u64 | null,
        /// Time of the last success, ISO 8601.
        last_success_at: String | null,
        /// Time of the last failure, ISO 8601.
        last_error_at: String | null,
        /// The last failure.
        last_error: String | null,
    }
}

record! {
    /// The response of `GET /v1/sources`.
    pub struct SourceStates {
        /// Always `list`.
        object!: ListTag,
        /// The data sources of the organisation.
        data: Vec<SourceState>,
    }
}

open_enum! {
    /// Whether a webhook endpoint is sent events.
    pub enum WebhookStatus {
        /// It is sent events.
        Enabled = "enabled",
        /// It is not.
        Disabled = "disabled",
    }
}

record! {
    /// The body of `POST /v1/webhook_endpoints`.
    pub struct WebhookCreate {
        /// The address to send events to.
        url: String,
        /// Types of events such as `task.created`, `task.*` or `*`; empty means all.
        enabled_events?: Vec<String>,
    }
}

record! {
    /// The body of `PATCH /v1/webhook_endpoints/{id}`.
    pub struct WebhookUpdate {
        /// The address to send events to.
        url?: String,
        /// Types of events such as `task.created`, `task.*` or `*`; empty means all.
        enabled_events?: Vec<String>,
        /// Whether to send events.
        status?: WebhookStatus,
    }
}

record! {
    /// A webhook endpoint.
    pub struct WebhookEndpoint {
        /// Always `webhook_endpoint`.
        object!: WebhookTag,
        /// Id of the endpoint.
        id: String,
        /// The address that is sent events.
        url: String,
        /// Types of events; empty means all.
        enabled_events: Vec<String>,
        /// Whether it is sent events.
        status: WebhookStatus,
        /// The last four characters of the secret.
        last4: String | null,
        /// The sync id up to which events were sent.
        cursor: SyncId,
        /// Number of failed attempts to send the next message.
        attempts: u64,
        /// Time of the next attempt, ISO 8601.
        next_attempt_at: String | null,
        /// Time of the last success, ISO 8601.
        last_success_at: String | null,
        /// Time of the last failure, ISO 8601.
        last_error_at: String | null,
        /// The last failure.
        last_error: String | null,
        /// Creation time, ISO 8601.
        created_at: String | null,
        /// The secret that signs messages; only in the response that creates the endpoint.
        secret?: String,
    }
}

record! {
    /// The response of `GET /v1/webhook_endpoints`.
    pub struct WebhookList {
        /// Always `list`.
        object!: ListTag,
        /// The endpoints of the organisation.
        data: Vec<WebhookEndpoint>,
    }
}

record! {
    /// The response of `DELETE /v1/webhook_endpoints/{id}`.
    pub struct WebhookDeleted {
        /// Always `webhook_endpoint`.
        object!: WebhookTag,
        /// Id of the endpoint.
        id: String,
        /// Always true.
        deleted: bool,
    }
}

record! {
    /// A message that an endpoint did not accept.
    pub struct DeadLetter {
        /// Always `dead_letter`.
        object!: DeadLetterTag,
        /// Id of the message.
        id: String,
        /// The last failure.
        error: String | null,
        /// Time of the last attempt, ISO 8601.
        died_at: String,
        /// Whether it is to be sent again.
        again: bool,
        /// The events.
        data: RawJson,
    }
}

record! {
    /// The response of `GET /v1/webhook_endpoints/{id}/dead_letters`.
    pub struct DeadLetterList {
        /// Always `list`.
        object!: ListTag,
        /// The oldest 100 dead letters.
        data: Vec<DeadLetter>,
    }
}

record! {
    /// The response of `POST /v1/webhook_endpoints/{id}/redrive`.
    pub struct Redriven {
        /// Number of messages that are sent again.
        redriven: u64,
    }
}

record! {
    /// A model and its fields.
    pub struct ModelSummary {
        /// The key.
        key: String,
        /// The typename.
        typename: String,
        /// Whether clients may write rows.
        mutable: bool,
        /// The names of its fields.
        fields: Vec<String>,
    }
}

record! {
    /// The response of `GET /schema`.
    pub struct SchemaSummary {
        /// Always true.
        active: bool,
        /// The `contentHash` of the schema.
        hash: String,
        /// The models.
        models: Vec<ModelSummary>,
    }
}
