//! Data sources: what the coordinator asks of a customer's endpoint, what that endpoint answers, and what it pushes
//! (docs/protocol/data-source.md). Signatures, retries and adapters are not here.

use crate::open::Held;
use crate::record::{open_enum, record};
use crate::{Maybe, Millis, Object, Operation, Order, ParticipantKind, RawRow, SyncId, Where};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

open_enum! {
    /// Which rows a request is about.
    pub enum SourceMode {
        /// Rows of tests.
        Test = "test",
        /// Real rows; the default.
        Live = "live",
    }
}

open_enum! {
    /// What was done to a row, in the spelling of data sources (docs/protocol/data-source.md §1).
    pub enum SourceVerb {
        /// Inserted.
        Create = "CREATE",
        /// Changed.
        Update = "UPDATE",
        /// Deleted.
        Delete = "DELETE",
        /// Archived.
        Archive = "ARCHIVE",
        /// Taken out of the archive.
        Unarchive = "UNARCHIVE",
    }
}

record! {
    /// For whom a request is made (docs/protocol/data-source.md §1).
    pub struct SourceScope {
        /// The participant, such as `agent:triage`.
        participant_id?: String,
        /// What kind of participant.
        participant_kind?: ParticipantKind,
        /// Its organisation.
        organization_id?: String,
        /// The sync groups the rows must belong to; the customer enforces them.
        required_sync_groups?: Vec<String>,
        /// Test or live; absent is live.
        mode?: SourceMode,
    }
}

record! {
    /// `load`: asks for one row.
    pub struct SourceLoad {
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        id: String,
        /// For whom.
        scope?: SourceScope,
    }
}

record! {
    /// `list`: asks for rows.
    pub struct SourceList {
        /// The schema key of the model.
        model: String,
        /// Which rows.
        query?: SourceQuery,
        /// For whom.
        scope?: SourceScope,
    }
}

record! {
    /// Which rows a `list` asks for.
    pub struct SourceQuery {
        /// Conditions on fields that must all hold.
        r#where?: Vec<Where>,
        /// At most this many rows.
        limit?: u64,
        /// The field to order by.
        order_by?: String,
        /// Which way.
        order?: Order,
        /// Relations to nest in the rows, by name.
        related?: Vec<String>,
        /// Where the page starts: the `nextCursor` of the answer before.
        cursor?: String,
    }
}

record! {
    /// `commit`: writes rows, all or none. The same `clientTxId` again changes nothing.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceCommit"))]
    pub struct SourceCommit<D = RawRow> {
        /// Identifies the commit.
        client_tx_id?: String,
        /// The schema key of the model, when all operations have the same.
        model?: String,
        /// The operations, in the dialect of frames.
        operations: Vec<Operation<D>>,
        /// For whom.
        scope?: SourceScope,
    }
}

record! {
    /// `events`: asks for what changed at the customer.
    pub struct SourceEvents {
        /// The `nextCursor` of the answer before.
        cursor?: String | null,
        /// At most this many events.
        limit?: u64,
        /// For whom.
        scope?: SourceScope,
    }
}

/// A request to a customer's endpoint: `{ "type": …, … }`, the members of the request beside its type.
///
/// ```
/// # use ablo_wire::SourceRequest;
/// let text = r#"{"type":"load","model":"tasks","id":"t_1"}"#;
/// let request: SourceRequest = serde_json::from_str(text)?;
/// assert!(matches!(&request, SourceRequest::Load(load) if load.id == "t_1"));
/// assert_eq!(serde_json::to_string(&request)?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum SourceRequest<D = RawRow> {
    /// Asks for one row.
    Load(SourceLoad),
    /// Asks for rows.
    List(SourceList),
    /// Writes rows.
    Commit(SourceCommit<D>),
    /// Asks for what changed.
    Events(SourceEvents),
    /// A request this version does not know.
    Other {
        /// Its type.
        kind: String,
        /// Its members.
        members: Object,
    },
}

impl<D: Serialize> Serialize for SourceRequest<D> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Tagged<'a, T> {
            r#type: &'a str,
            #[serde(flatten)]
            members: &'a T,
        }
        match self {
            Self::Load(members) => Tagged { r#type: "load", members }.serialize(to),
            Self::List(members) => Tagged { r#type: "list", members }.serialize(to),
            Self::Commit(members) => Tagged { r#type: "commit", members }.serialize(to),
            Self::Events(members) => Tagged { r#type: "events", members }.serialize(to),
            Self::Other { kind, members } => Tagged { r#type: kind, members }.serialize(to),
        }
    }
}

impl<'de, D: DeserializeOwned> Deserialize<'de> for SourceRequest<D> {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        struct Request<D>(std::marker::PhantomData<D>);
        impl<'de, D: DeserializeOwned> Visitor<'de> for Request<D> {
            type Value = SourceRequest<D>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a source request, an object with a `type`")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> Result<SourceRequest<D>, M::Error> {
                let mut kind: Option<String> = None;
                let mut held = Held::default();
                while let Some(key) = map.next_key::<String>()? {
                    match (key.as_str(), &kind) {
                        ("type", Some(_)) => return Err(Error::duplicate_field("type")),
                        ("type", None) => kind = Some(map.next_value()?),
                        _ => held.0.push((key, map.next_value()?)),
                    }
                }
                let kind = kind.ok_or_else(|| Error::missing_field("type"))?;
                match kind.as_str() {
                    "load" => held.read().map(SourceRequest::Load),
                    "list" => held.read().map(SourceRequest::List),
                    "commit" => held.read().map(SourceRequest::Commit),
                    "events" => held.read().map(SourceRequest::Events),
                    _ => Ok(SourceRequest::Other { kind, members: held.into_object()? }),
                }
            }
        }
        from.deserialize_map(Request(std::marker::PhantomData))
    }
}

#[cfg(feature = "schema")]
impl<D: schemars::JsonSchema> schemars::JsonSchema for SourceRequest<D> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SourceRequest".into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        format!("SourceRequest<{}>", D::schema_id()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let known = ["load", "list", "commit", "events"];
        let members = [
            generator.subschema_for::<SourceLoad>(),
            generator.subschema_for::<SourceList>(),
            generator.subschema_for::<SourceCommit<D>>(),
            generator.subschema_for::<SourceEvents>(),
        ];
        let tagged = |tag: serde_json::Value| serde_json::json!({ "type": "object", "properties": { "type": tag }, "required": ["type"] });
        let mut requests: Vec<_> = std::iter::zip(known, members)
            .map(|(kind, members)| {
                let tag = tagged(serde_json::json!({ "type": "string", "const": kind }));
                serde_json::json!({ "allOf": [tag, members] })
            })
            .collect();
        requests.push(tagged(serde_json::json!({ "type": "string", "not": { "enum": known } })));
        schemars::json_schema!({
            "description": "A request to a customer's endpoint: a type, and its members beside it.",
            "anyOf": requests,
        })
    }
}

record! {
    /// The answer to `load`.
    #[cfg_attr(feature = "schema", schemars(rename = "LoadAnswer"))]
    pub struct LoadAnswer<T = RawRow> {
        /// The row; null when there is none.
        row: T | null,
    }
}

record! {
    /// The answer to `list`.
    #[cfg_attr(feature = "schema", schemars(rename = "ListAnswer"))]
    pub struct ListAnswer<T = RawRow> {
        /// The rows.
        rows: Vec<T>,
        /// Where the next page starts; absent on the last page.
        next_cursor?: String,
    }
}

record! {
    /// The answer to `commit`: the rows after the writes, or what changed.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceCommitAnswer"))]
    pub struct SourceCommitAnswer<T = RawRow> {
        /// The rows, in the order of the operations.
        rows?: Vec<T>,
        /// What changed, in order.
        deltas?: Vec<SourceDelta<T>>,
    }
}

record! {
    /// A change a customer's endpoint reports.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceDelta"))]
    pub struct SourceDelta<T = RawRow> {
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        id: String,
        /// What was done.
        r#type: SourceVerb,
        /// The row after the change; null for a delete.
        data?: T | null,
        /// The operation behind it.
        transaction_id?: String | null,
    }
}

record! {
    /// A change in a customer's outbox (docs/protocol/data-source.md §1).
    #[cfg_attr(feature = "schema", schemars(rename = "SourceEvent"))]
    pub struct SourceEvent<T = RawRow> {
        /// Unique everywhere; an id seen before is ignored.
        id: String,
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        entity_id: String,
        /// What was done.
        r#type: SourceVerb,
        /// The row after the change; null for a delete. Without it the change reaches nobody.
        data?: T | null,
        /// The organisation whose members see it; absent is the source's own.
        organization_id?: String,
        /// The commit behind it; absent when the write did not come through the coordinator.
        client_tx_id?: String,
        /// When, in milliseconds since 1970; a hint, the order of events wins.
        occurred_at?: Millis,
    }
}

record! {
    /// The answer to `events`.
    #[cfg_attr(feature = "schema", schemars(rename = "EventsAnswer"))]
    pub struct EventsAnswer<T = RawRow> {
        /// The events, oldest first.
        events: Vec<SourceEvent<T>>,
        /// Where the next events start; absent when there are none yet.
        next_cursor?: String,
    }
}

record! {
    /// The body of a push of events (docs/protocol/data-source.md §8).
    #[cfg_attr(feature = "schema", schemars(rename = "PushBody"))]
    pub struct PushBody<T = RawRow> {
        /// The events, oldest first.
        events: Vec<SourceEvent<T>>,
    }
}

open_enum! {
    /// Why a customer's endpoint refused a request (docs/protocol/data-source.md §3).
    pub enum SourceErrorCode {
        /// The method is not POST (405).
        MethodNotAllowed = "method_not_allowed",
        /// The body is not JSON (400).
        InvalidJson = "invalid_json",
        /// There is no key to check the signature with (401).
        ApiKeyMissing = "source_api_key_missing",
        /// The message has no id (401).
        IdMissing = "source_id_missing",
        /// The message has no timestamp (401).
        TimestampMissing = "source_timestamp_missing",
        /// The timestamp is not a number (401).
        TimestampInvalid = "source_timestamp_invalid",
        /// The timestamp is too old or too new (401).
        TimestampExpired = "source_timestamp_expired",
        /// The message has no signature of version 1 (401).
        SignatureMissing = "source_signature_missing",
        /// No signature fits (401).
        SignatureInvalid = "source_signature_invalid",
        /// The key may not make this request (403).
        Forbidden = "source_forbidden",
        /// The model cannot be loaded (404).
        LoadNotConfigured = "source_load_not_configured",
        /// The model cannot be listed (404).
        ListNotConfigured = "source_list_not_configured",
        /// The operations are of several models (400).
        CommitRequiresSingleModel = "source_commit_requires_single_model",
        /// The model cannot be written (404).
        CommitNotConfigured = "source_commit_not_configured",
        /// The commit has no `clientTxId` (400).
        CommitRequiresClientTxId = "source_commit_requires_client_tx_id",
        /// The operations are malformed (400).
        CommitInvalid = "source_commit_invalid",
        /// There are no events here (404).
        EventsNotConfigured = "source_events_not_configured",
        /// The request is of no known type (400).
        UnknownRequest = "unknown_source_request",
    }
}

record! {
    /// A refusal of a customer's endpoint (docs/protocol/data-source.md §3).
    pub struct SourceFailure {
        /// Why.
        error: SourceErrorCode,
        /// For humans.
        message?: String,
        /// The model that is not configured.
        model?: String,
        /// The scope that was needed.
        required?: String,
        /// The scopes there were.
        granted?: Vec<String>,
    }
}

record! {
    /// One change as a webhook tells it (docs/protocol/data-source.md §9).
    #[cfg_attr(feature = "schema", schemars(rename = "WebhookEvent"))]
    pub struct WebhookEvent<T = RawRow> {
        /// The position in the log, as text.
        id: String,
        /// `<model>.<created|updated|deleted|archived|unarchived>`, lower-case.
        r#type: String,
        /// The typename of the model.
        model: String,
        /// The id of the row.
        object_id: String,
        /// The position in the log.
        sync_id: SyncId,
        /// The row after the change; null for a delete.
        data: T | null,
        /// When, ISO 8601.
        created_at: String,
    }
}

record! {
    /// The body of a webhook (docs/protocol/data-source.md §9).
    #[cfg_attr(feature = "schema", schemars(rename = "WebhookDelivery"))]
    pub struct WebhookDelivery<T = RawRow> {
        /// The events, in the order of the log.
        data: Vec<WebhookEvent<T>>,
    }
}
