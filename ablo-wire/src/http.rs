//! The bodies of the HTTP data and claim routes (docs/protocol/http.md §6–7). Commits and receipts
//! are in `commit.rs`, sync routes in `sync.rs`, credentials and turns in `auth.rs`.

use crate::record::{literal, open_enum, record};
use crate::{
    ClaimTarget, IntentStatus, IntentTag, Millis, ModelClaim, Object, OnStale, QueueSlot, RawRow,
    SyncId,
};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

literal! {
    /// The `object` of a list.
    pub struct ListTag = "list";
}

literal! {
    /// The `object` of a row.
    pub struct ModelTag = "model";
}

record! {
    /// The response of `GET /v1/models/{model}`: a page of rows (docs/protocol/http.md §7).
    ///
    /// ```
    /// # use ablo_wire::ListPage;
    /// #[derive(serde::Deserialize)]
    /// struct Task { title: String }
    /// let page: ListPage<Task> = serde_json::from_str(
    ///     r#"{"object":"list","model":"task","data":[{"id":"t_1","title":"Write"}],"has_more":false,"next_cursor":null,"stamp":412}"#,
    /// )?;
    /// assert_eq!(page.data[0].title, "Write");
    /// assert_eq!(page.next_cursor, None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[cfg_attr(feature = "schema", schemars(rename = "ListPage"))]
    pub struct ListPage<T = RawRow> {
        /// Always `list`.
        object!: ListTag,
        /// The model.
        model?: String,
        /// The rows.
        data: Vec<T>,
        /// Whether there is a next page.
        #[serde(rename = "has_more")]
        has_more!: bool,
        /// The cursor of the next page, for `starting_after`; null on the last page.
        #[serde(rename = "next_cursor")]
        next_cursor: String | null,
        /// The head of the sync log when the rows were read: the `readAt` of writes based on them.
        stamp?: SyncId,
    }
}

record! {
    /// The response of `GET /v1/models/{model}/{id}`: a row and its claims (docs/protocol/http.md
    /// §7).
    #[cfg_attr(feature = "schema", schemars(rename = "Read"))]
    pub struct Read<T = RawRow> {
        /// Always `model`.
        object!: ModelTag,
        /// The model.
        model: String,
        /// The id of the row.
        id: String,
        /// The row.
        data: T,
        /// The head of the sync log when the row was read: the `readAt` of writes based on it.
        stamp!: SyncId,
        /// The claims on the row.
        claims!: Vec<ModelClaim>,
    }
}

record! {
    /// The body of `POST /v1/models/{model}` (docs/protocol/http.md §7).
    #[cfg_attr(feature = "schema", schemars(rename = "CreateBody"))]
    pub struct CreateBody<T = RawRow> {
        /// The same value as the `Idempotency-Key` header.
        idempotency_key?: String,
        /// Id of the claim under which the write is made.
        intent?: String,
        /// The handling of a row that has changed since `readAt`.
        on_stale?: OnStale,
        /// The sync id that the write is based on.
        read_at?: SyncId,
        /// The id of the new row.
        id?: String,
        /// The row, camelCase, without base fields.
        data: T,
    }
}

record! {
    /// The body of `PATCH /v1/models/{model}/{id}` (docs/protocol/http.md §7).
    #[cfg_attr(feature = "schema", schemars(rename = "UpdateBody"))]
    pub struct UpdateBody<T = RawRow> {
        /// The same value as the `Idempotency-Key` header.
        idempotency_key?: String,
        /// Id of the claim under which the write is made.
        intent?: String,
        /// The handling of a row that has changed since `readAt`.
        on_stale?: OnStale,
        /// The sync id that the write is based on.
        read_at?: SyncId,
        /// The members to set; null clears a member.
        data?: T,
        /// The changes that start from the current values, by member: `{"votes":{"increment":1}}`.
        /// A body has either `data` or `relative`.
        relative?: RawRow,
    }
}

record! {
    /// The body of `DELETE /v1/models/{model}/{id}` (docs/protocol/http.md §7).
    pub struct DeleteBody {
        /// The same value as the `Idempotency-Key` header.
        idempotency_key?: String,
        /// Id of the claim under which the write is made.
        intent?: String,
        /// The handling of a row that has changed since `readAt`.
        on_stale?: OnStale,
        /// The sync id that the write is based on.
        read_at?: SyncId,
    }
}

/// The requested duration of a claim: a number of **seconds**, or text such as `500ms`, `30s`,
/// `5m`, `2h` (docs/protocol/http.md §6).
///
/// ```
/// # use ablo_wire::{Millis, Ttl};
/// let ttl: Ttl = serde_json::from_str(r#""5m""#)?;
/// assert_eq!(ttl.millis(), Some(Millis(300_000)));
/// assert_eq!(Ttl::seconds(90).millis(), Some(Millis(90_000)));
/// assert_eq!(Ttl::Text("soon".into()).millis(), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(transform = crate::definition::tidy)
)]
#[serde(untagged)]
pub enum Ttl {
    /// Seconds.
    Seconds(Number),
    /// A number with a unit: `ms`, `s`, `m` or `h`.
    Text(String),
}

impl Ttl {
    /// Creates a duration from whole seconds.
    pub fn seconds(seconds: u64) -> Self {
        Ttl::Seconds(seconds.into())
    }

    /// Returns the duration in milliseconds, or `None` if the text is not a duration.
    pub fn millis(&self) -> Option<Millis> {
        let (amount, unit) = match self {
            Ttl::Seconds(seconds) => (seconds.as_f64()?, 1000.0),
            Ttl::Text(text) => {
                let text = text.trim();
                let (amount, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
                let unit = match unit {
                    "ms" => 1.0,
                    "s" => 1000.0,
                    "m" => 60_000.0,
                    "h" => 3_600_000.0,
                    _ => return None,
                };
                (amount.trim().parse().ok()?, unit)
            }
        };
        let millis: f64 = amount * unit;
        (millis.is_finite() && millis >= 0.0).then_some(Millis(millis as u64))
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        match Value::deserialize(from)? {
            Value::Number(seconds) => Ok(Ttl::Seconds(seconds)),
            Value::String(text) => Ok(Ttl::Text(text)),
            _ => Err(R::Error::custom("expected a number of seconds or text such as `30s`")),
        }
    }
}

record! {
    /// The body of `POST /v1/models/{model}/{id}/claim` (docs/protocol/http.md §7).
    pub struct ClaimBody {
        /// The kind of work, in one word; defaults to `editing`.
        action?: String,
        /// Requested duration of the claim.
        ttl?: Ttl,
        /// A description of the work, in one sentence.
        description?: String,
        /// Additional data; its `description` repeats the description.
        meta?: Object,
        /// Whether to join the claim queue if the row is held; defaults to true.
        queue?: bool,
    }
}

record! {
    /// The claim inside a response.
    pub struct GrantedIntent {
        /// Always `intent`, where present.
        object?: IntentTag,
        /// Id of the claim.
        id: String,
        /// The status of the claim.
        status?: IntentStatus,
        /// Target of the claim.
        target?: ClaimTarget,
        /// The kind of work, in one word.
        action?: String,
        /// Expiry time, ISO 8601.
        expires_at?: String,
    }
}

open_enum! {
    /// The outcome of a request for a claim.
    pub enum ClaimStatus {
        /// The claim is held.
        Active = "active",
        /// The claim is in the claim queue (202).
        Queued = "queued",
    }
}

record! {
    /// The response to a request for a claim, held or queued (docs/protocol/http.md §6–7). The id
    /// of the claim is in one of three members.
    pub struct ClaimAnswer {
        /// The outcome of the request.
        status?: ClaimStatus,
        /// Id of the claim.
        intent?: GrantedIntent,
        /// The id of the claim.
        id?: String,
        /// The id of the claim.
        intent_id?: String,
        /// Position in the claim queue while queued; 0 is next.
        position?: u64,
    }
}

impl ClaimAnswer {
    /// Returns the id of the claim, whichever member carries it.
    pub fn claim_id(&self) -> Option<&str> {
        let inner = self.intent.as_ref().map(|intent| &intent.id);
        inner.or(self.id.as_ref()).or(self.intent_id.as_ref()).map(String::as_str)
    }

    /// Returns whether the claim is in the claim queue.
    pub fn is_queued(&self) -> bool {
        self.status == Some(ClaimStatus::Queued)
    }
}

record! {
    /// The response of `DELETE /v1/models/{model}/{id}/claim` and of a reorder
    /// (docs/protocol/http.md §7).
    pub struct ClaimReleased {
        /// Whether the request was understood.
        ok: bool,
        /// Whether the caller had a claim to release.
        released?: bool,
    }
}

record! {
    /// The body of `POST /v1/models/{model}/{id}/claim/reorder` (docs/protocol/http.md §7).
    pub struct ReorderBody {
        /// The waiters to move to the front, in this order.
        order: Vec<QueueSlot>,
    }
}

record! {
    /// The body of `POST /v1/intents`: a request for a claim whose id the client chooses
    /// (docs/protocol/http.md §6).
    pub struct IntentBody {
        /// `int_<uuid>`, chosen by the client.
        intent_id: String,
        /// Target of the claim.
        target: ClaimTarget,
        /// The kind of work, in one word.
        action: String,
        /// A description of the work, in one sentence. By default `target.meta.description`.
        description?: String,
        /// Requested duration of the claim.
        ttl?: Ttl,
        /// Whether to join the claim queue if the row is held.
        queue?: bool,
    }
}

record! {
    /// The response of `GET /v1/intents`: holders and waiters (docs/protocol/http.md §6).
    pub struct IntentList {
        /// Always `list`.
        object!: ListTag,
        /// Holders and waiters, for clients that read lists.
        data?: Vec<ModelClaim>,
        /// The holders.
        intents!: Vec<ModelClaim>,
        /// The waiters, next first.
        queue!: Vec<ModelClaim>,
    }
}

record! {
    /// The response of `DELETE /v1/intents/{id}` (docs/protocol/http.md §6).
    pub struct IntentReleased {
        /// Always `intent`.
        object!: IntentTag,
        /// Id of the claim.
        id: String,
        /// Whether the claim existed.
        released?: bool,
    }
}

record! {
    /// The response of `GET /health` (docs/protocol/http.md §5).
    pub struct Health {
        /// `healthy` if the coordinator is operational.
        status: String,
    }
}

record! {
    /// The body of `POST /v1/datasource`: the address of the customer's database
    /// (docs/protocol/http.md §6).
    pub struct DataSourceBody {
        /// The connection string.
        connection_string: String,
        /// The database schema.
        schema?: String,
    }
}
