//! Data sources: requests of the coordinator to a customer's endpoint, its responses, and pushed
//! events and webhooks (docs/protocol/data-source.md). Signing and retries are not part of this
//! crate.

use crate::open::BufferedMembers;
use crate::record::{open_enum, record};
use crate::{
    Maybe, Millis, Object, Operation, Order, ParticipantKind, RawRow, Spelling, SyncId, Verb, Where,
};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

open_enum! {
    /// The mode of a request: test or live rows.
    pub enum SourceMode {
        /// Test rows.
        Test = "test",
        /// Live rows; the default.
        Live = "live",
    }
}

open_enum! {
    /// The verb of a change, in the spelling of data sources (docs/protocol/data-source.md §1).
    pub enum SourceVerb {
        /// The row was inserted.
        Create = "CREATE",
        /// The row was updated.
        Update = "UPDATE",
        /// The row was deleted.
        Delete = "DELETE",
        /// The row was archived.
        Archive = "ARCHIVE",
        /// The row was restored from the archive.
        Unarchive = "UNARCHIVE",
    }
}

impl From<&Verb> for SourceVerb {
    fn from(verb: &Verb) -> Self {
        match verb {
            Verb::Create => SourceVerb::Create,
            Verb::Update => SourceVerb::Update,
            Verb::Delete => SourceVerb::Delete,
            Verb::Archive => SourceVerb::Archive,
            Verb::Unarchive => SourceVerb::Unarchive,
            // Data sources get no relative changes.
            Verb::Adjust => SourceVerb::Other(verb.text(Spelling::Frame).into()),
            Verb::Other(other) => SourceVerb::from(other.to_string()),
        }
    }
}

impl From<&SourceVerb> for Verb {
    fn from(verb: &SourceVerb) -> Self {
        match verb {
            SourceVerb::Create => Verb::Create,
            SourceVerb::Update => Verb::Update,
            SourceVerb::Delete => Verb::Delete,
            SourceVerb::Archive => Verb::Archive,
            SourceVerb::Unarchive => Verb::Unarchive,
            SourceVerb::Other(other) => Verb::Other(other.clone()),
        }
    }
}

record! {
    /// The participant and organisation that a request is made for (docs/protocol/data-source.md
    /// §1).
    pub struct SourceScope {
        /// Id of the participant, such as `agent:triage`.
        participant_id?: String,
        /// Kind of participant.
        participant_kind?: ParticipantKind,
        /// Organisation of the participant.
        organization_id?: String,
        /// The sync groups that rows must belong to. The endpoint enforces them.
        required_sync_groups?: Vec<String>,
        /// Test or live; defaults to live.
        mode?: SourceMode,
    }
}

record! {
    /// `load`: requests one row.
    pub struct SourceLoad {
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        id: String,
        /// The participant and organisation that the request is made for.
        scope?: SourceScope,
    }
}

record! {
    /// `list`: requests rows.
    pub struct SourceList {
        /// The schema key of the model.
        model: String,
        /// The selection of rows.
        query?: SourceQuery,
        /// The participant and organisation that the request is made for.
        scope?: SourceScope,
    }
}

record! {
    /// The selection of rows in a `list` request.
    pub struct SourceQuery {
        /// Conditions on fields, all of which must hold.
        r#where?: Vec<Where>,
        /// Maximum number of rows.
        limit?: u64,
        /// The field to order by.
        order_by?: String,
        /// The sort direction.
        order?: Order,
        /// Names of relations to nest in the rows.
        related?: Vec<String>,
        /// The start of the page: the `nextCursor` of the previous response.
        cursor?: String,
    }
}

record! {
    /// `commit`: writes rows, all or none. Repeating a `clientTxId` has no further effect.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceCommit"))]
    pub struct SourceCommit<D = RawRow> {
        /// Identifies the commit.
        client_tx_id?: String,
        /// The schema key of the model, if all operations share it.
        model?: String,
        /// The operations, in the spelling of frames.
        operations: Vec<Operation<D>>,
        /// The participant and organisation that the request is made for.
        scope?: SourceScope,
    }
}

record! {
    /// `events`: requests changes that the customer recorded.
    pub struct SourceEvents {
        /// The `nextCursor` of the previous response.
        cursor?: String | null,
        /// Maximum number of events.
        limit?: u64,
        /// The participant and organisation that the request is made for.
        scope?: SourceScope,
    }
}

/// A request to a customer's endpoint: `{ "type": …, … }`, with the members of the request beside
/// its type.
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
    /// Requests one row.
    Load(SourceLoad),
    /// Requests rows.
    List(SourceList),
    /// Writes rows.
    Commit(SourceCommit<D>),
    /// Requests recorded changes.
    Events(SourceEvents),
    /// A request unknown to this version.
    Other {
        /// The type of the request.
        kind: String,
        /// The members of the request.
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
        struct RequestVisitor<D>(std::marker::PhantomData<D>);
        impl<'de, D: DeserializeOwned> Visitor<'de> for RequestVisitor<D> {
            type Value = SourceRequest<D>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a source request, an object with a `type`")
            }

            fn visit_map<M: MapAccess<'de>>(
                self,
                mut map: M,
            ) -> Result<SourceRequest<D>, M::Error> {
                let mut kind: Option<String> = None;
                let mut buffered = BufferedMembers::default();
                while let Some(key) = map.next_key::<String>()? {
                    match (key.as_str(), &kind) {
                        ("type", Some(_)) => return Err(Error::duplicate_field("type")),
                        ("type", None) => kind = Some(map.next_value()?),
                        _ => buffered.0.push((key, map.next_value()?)),
                    }
                }
                let kind = kind.ok_or_else(|| Error::missing_field("type"))?;
                match kind.as_str() {
                    "load" => buffered.read().map(SourceRequest::Load),
                    "list" => buffered.read().map(SourceRequest::List),
                    "commit" => buffered.read().map(SourceRequest::Commit),
                    "events" => buffered.read().map(SourceRequest::Events),
                    _ => Ok(SourceRequest::Other { kind, members: buffered.into_object()? }),
                }
            }
        }
        from.deserialize_map(RequestVisitor(std::marker::PhantomData))
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
        let tagged = |tag: serde_json::Value| {
            serde_json::json!({
                "type": "object",
                "properties": { "type": tag },
                "required": ["type"],
            })
        };
        let mut requests: Vec<_> = std::iter::zip(known, members)
            .map(|(kind, members)| {
                let tag = tagged(serde_json::json!({ "type": "string", "const": kind }));
                serde_json::json!({ "allOf": [tag, members] })
            })
            .collect();
        requests.push(tagged(serde_json::json!({ "type": "string", "not": { "enum": known } })));
        schemars::json_schema!({
            "description": "A request to a customer's endpoint: a type with the members of the \
                request.",
            "anyOf": requests,
        })
    }
}

record! {
    /// The response to `load`.
    #[cfg_attr(feature = "schema", schemars(rename = "LoadAnswer"))]
    pub struct LoadAnswer<T = RawRow> {
        /// The row, or null if it does not exist.
        row: T | null,
    }
}

record! {
    /// The response to `list`.
    #[cfg_attr(feature = "schema", schemars(rename = "ListAnswer"))]
    pub struct ListAnswer<T = RawRow> {
        /// The rows.
        rows: Vec<T>,
        /// The cursor of the next page; absent on the last page.
        next_cursor?: String,
    }
}

record! {
    /// The response to `commit`: the rows after the writes, or the changes.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceCommitAnswer"))]
    pub struct SourceCommitAnswer<T = RawRow> {
        /// The rows, in the order of the operations.
        rows?: Vec<T>,
        /// The changes, in order.
        deltas?: Vec<SourceDelta<T>>,
    }
}

record! {
    /// A change reported by a customer's endpoint.
    #[cfg_attr(feature = "schema", schemars(rename = "SourceDelta"))]
    pub struct SourceDelta<T = RawRow> {
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        id: String,
        /// The verb of the change.
        r#type: SourceVerb,
        /// The row after the change; null for a delete.
        data?: T | null,
        /// Id of the operation that caused the change.
        transaction_id?: String | null,
    }
}

record! {
    /// A change in a customer's outbox (docs/protocol/data-source.md §1).
    #[cfg_attr(feature = "schema", schemars(rename = "SourceEvent"))]
    pub struct SourceEvent<T = RawRow> {
        /// A globally unique id. An event whose id was seen before is ignored.
        id: String,
        /// The schema key of the model.
        model: String,
        /// The id of the row.
        entity_id: String,
        /// The verb of the change.
        r#type: SourceVerb,
        /// The row after the change; null for a delete. If it is absent, no client receives the
        /// change.
        data?: T | null,
        /// The organisation whose members see the change; defaults to that of the data source.
        organization_id?: String,
        /// Id of the commit that caused the change; absent if the write bypassed the coordinator.
        client_tx_id?: String,
        /// Time of the change, in milliseconds since 1970. Informational: the order of events is
        /// authoritative.
        occurred_at?: Millis,
    }
}

record! {
    /// The response to `events`.
    #[cfg_attr(feature = "schema", schemars(rename = "EventsAnswer"))]
    pub struct EventsAnswer<T = RawRow> {
        /// The events, oldest first.
        events: Vec<SourceEvent<T>>,
        /// The cursor of the next events; absent if there are none yet.
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
    /// The reason a customer's endpoint refused a request (docs/protocol/data-source.md §3).
    pub enum SourceErrorCode {
        /// The method is not POST (405).
        MethodNotAllowed = "method_not_allowed",
        /// The body is not JSON (400).
        InvalidJson = "invalid_json",
        /// The endpoint has no key to check the signature (401).
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
        /// No signature is valid (401).
        SignatureInvalid = "source_signature_invalid",
        /// The key does not permit this request (403).
        Forbidden = "source_forbidden",
        /// The model cannot be loaded (404).
        LoadNotConfigured = "source_load_not_configured",
        /// The model cannot be listed (404).
        ListNotConfigured = "source_list_not_configured",
        /// The operations belong to several models (400).
        CommitRequiresSingleModel = "source_commit_requires_single_model",
        /// The model cannot be written (404).
        CommitNotConfigured = "source_commit_not_configured",
        /// The commit has no `clientTxId` (400).
        CommitRequiresClientTxId = "source_commit_requires_client_tx_id",
        /// The operations are malformed (400).
        CommitInvalid = "source_commit_invalid",
        /// Events are not configured (404).
        EventsNotConfigured = "source_events_not_configured",
        /// The request type is unknown (400).
        UnknownRequest = "unknown_source_request",
    }
}

record! {
    /// A refusal by a customer's endpoint (docs/protocol/data-source.md §3).
    pub struct SourceFailure {
        /// The reason.
        error: SourceErrorCode,
        /// A human-readable message.
        message?: String,
        /// The model that is not configured.
        model?: String,
        /// The required scope.
        required?: String,
        /// The granted scopes.
        granted?: Vec<String>,
    }
}

record! {
    /// A change reported by a webhook (docs/protocol/data-source.md §9).
    #[cfg_attr(feature = "schema", schemars(rename = "WebhookEvent"))]
    pub struct WebhookEvent<T = RawRow> {
        /// The sync id, as text.
        id: String,
        /// `<model>.<created|updated|deleted|archived|unarchived>`, lower-case.
        r#type: String,
        /// The typename of the model.
        model: String,
        /// The id of the row.
        object_id: String,
        /// The sync id.
        sync_id: SyncId,
        /// The row after the change; null for a delete.
        data: T | null,
        /// Time of the change, ISO 8601.
        created_at: String,
    }
}

record! {
    /// The body of a webhook (docs/protocol/data-source.md §9).
    #[cfg_attr(feature = "schema", schemars(rename = "WebhookDelivery"))]
    pub struct WebhookDelivery<T = RawRow> {
        /// The events, in the order of the sync log.
        data: Vec<WebhookEvent<T>>,
    }
}
