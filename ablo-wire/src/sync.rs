//! Synchronisation: acknowledgements, sync requests, bootstrap and queries
//! (docs/protocol/websocket.md §3–4, docs/protocol/http.md §5).

use crate::record::{open_enum, record};
use crate::{Action, Delta, Maybe, Millis, RawData, RawJson, RawRow, SyncId};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of each model that a client keeps, by lower-case typename.
pub type Versions = BTreeMap<String, u64>;

open_enum! {
    /// A capability of a client during catch-up (docs/protocol/websocket.md §3).
    pub enum SyncCapability {
        /// Partial bootstrap.
        PartialBootstrap = "partialBootstrap",
        /// Compressed deltas; advertised only.
        CompressedDeltas = "compressedDeltas",
        /// Bootstrap in several parts.
        StreamingBootstrap = "streamingBootstrap",
        /// Several deltas in one frame.
        BatchedDeltas = "batchedDeltas",
    }
}

record! {
    /// `ack`: acknowledges the deltas that are stored (docs/protocol/websocket.md §3).
    pub struct Ack {
        /// The watermark: the highest sync id that is stored.
        last_sync_id: SyncId,
        /// The model versions that the client keeps.
        versions: Versions,
    }
}

record! {
    /// `sync_request`: requests the missed deltas (docs/protocol/websocket.md §3).
    pub struct SyncRequest {
        /// The last cursor sent by the coordinator.
        cursor: String | null,
        /// The model versions that the client keeps.
        versions: Versions,
        /// The watermark: the highest sync id that is stored; 0 if there is none.
        last_sync_id: SyncId,
        /// The capabilities of the client.
        capabilities: Vec<SyncCapability>,
        /// The epoch of `lastSyncId`: the `createdAt` of the delta there. The coordinator notices
        /// by it that the log is another one.
        epoch?: String | null,
    }
}

record! {
    /// `frame_refused`: a frame of the client that cannot be read (docs/protocol/websocket.md §3).
    pub struct FrameRefused {
        /// The code, as in an error response.
        code: String,
        /// The fault of the frame, for people.
        message: String,
        /// The type of the frame, if it has one.
        frame?: String,
        /// The invalid member.
        param?: String,
    }
}

open_enum! {
    /// The reason a bootstrap is preferable to catching up (docs/protocol/websocket.md §4).
    pub enum BootstrapReason {
        /// The client is too far behind.
        TooFarBehind = "too_far_behind",
        /// There are too many deltas.
        TooManyDeltas = "too_many_deltas",
        /// The client lacks rows.
        MissingEntities = "missing_entities",
        /// The log is not the one that the client has followed: a backup was restored, or the
        /// database was replaced.
        LogReplaced = "log_replaced",
    }
}

record! {
    /// The suggested scope of a bootstrap.
    pub struct BootstrapHint {
        /// Models to load.
        tables?: Vec<String>,
        /// The reason.
        reason?: BootstrapReason,
        /// Models whose rows are out of date.
        stale_tables?: Vec<String>,
        /// Number of missed deltas.
        total_delta_count?: u64,
    }
}

record! {
    /// `sync_response`: the missed deltas, or the head of the sync log (docs/protocol/websocket.md
    /// §4).
    #[cfg_attr(feature = "schema", schemars(rename = "SyncResponse"))]
    pub struct SyncResponse<D = RawData> {
        /// The missed deltas, in ascending order of id.
        deltas?: Vec<Delta<D>>,
        /// The head of the sync log. Without deltas and below the client's watermark it moves the
        /// client back.
        current_sync_id?: SyncId,
        /// The epoch of `currentSyncId`; absent if the log is empty.
        epoch?: String,
        /// Whether the client has to bootstrap: the log does not continue from its position.
        requires_bootstrap?: bool,
        /// The suggested scope of the bootstrap.
        bootstrap_hint?: BootstrapHint,
        /// The cursor for the next request.
        new_cursor?: String | null,
        /// The older spelling of `newCursor`; used if that is absent.
        cursor?: String | null,
        /// Versions to merge into those that the client keeps.
        new_versions?: Versions,
    }
}

impl<D> SyncResponse<D> {
    /// Returns the cursor for the next request, in either spelling.
    pub fn next_cursor(&self) -> Option<&str> {
        self.new_cursor.value().or(self.cursor.value()).map(String::as_str)
    }
}

record! {
    /// `bootstrap_request`: requests rows of models over the socket. Defined but not in use
    /// (docs/protocol/websocket.md §3).
    pub struct BootstrapRequest {
        /// The models.
        entities: Vec<String>,
        /// The model versions that the client keeps.
        versions: Versions,
        /// The capabilities of the client.
        capabilities: BTreeMap<String, bool>,
    }
}

record! {
    /// `bootstrap_response`: rows of one model over the socket (docs/protocol/websocket.md §4).
    pub struct BootstrapPart {
        /// The model.
        entity_type: String,
        /// The rows.
        data: RawJson,
        /// Whether this is the last part.
        is_complete: bool,
        /// The cursor for the next request.
        cursor?: String | null,
        /// The version of the model.
        version?: u64,
    }
}

open_enum! {
    /// The scope of a bootstrap response (docs/protocol/http.md §5).
    pub enum BootstrapType {
        /// All rows; `models` is present.
        Full = "full",
        /// Changes only; `deltas` is present.
        Partial = "partial",
    }
}

record! {
    /// The response of `GET /sync/bootstrap` (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "BootstrapResponse"))]
    #[serde(bound(deserialize = "T: DeserializeOwned"))]
    pub struct BootstrapResponse<T = RawRow> {
        /// The scope of the response.
        r#type: BootstrapType,
        /// The sync id of the snapshot.
        last_sync_id: SyncId,
        /// The epoch of `lastSyncId`; absent if the log is empty.
        epoch?: String,
        /// Time of the snapshot, in milliseconds since 1970.
        timestamp?: Millis,
        /// The rows by typename.
        models?: BTreeMap<String, Rows<T>>,
        /// The changes since the `lastSyncId` of the request.
        deltas?: Vec<BootstrapDelta<T>>,
        /// Number of deltas.
        delta_count?: u64,
        /// Typenames of models whose rows could not be read.
        failed_models?: Vec<String>,
    }
}

record! {
    /// A change inside a partial bootstrap. Its member names differ from those of a delta
    /// (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "BootstrapDelta"))]
    pub struct BootstrapDelta<T = RawRow> {
        /// The sync id.
        id: SyncId,
        /// The action on the row.
        operation: Action,
        /// The exact typename of the model.
        model_name: String,
        /// The id of the row.
        entity_id: String,
        /// The full row after the change; null for a delete.
        data: T | null,
    }
}

/// The result of one model or query: rows, one row, rows inside a JSON string, or null
/// (docs/protocol/http.md §5).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Rows", transform = crate::definition::tidy)
)]
#[serde(untagged)]
pub enum Rows<T = RawRow> {
    /// A list of rows.
    Many(Vec<T>),
    /// One row.
    One(T),
    /// Rows inside a JSON string.
    Text(String),
    /// No rows.
    Null(()),
}

impl<T: DeserializeOwned> Rows<T> {
    /// Converts the result into rows.
    pub fn into_vec(self) -> serde_json::Result<Vec<T>> {
        match self {
            Rows::Many(rows) => Ok(rows),
            Rows::One(row) => Ok(vec![row]),
            Rows::Text(text) => serde_json::from_str(&text),
            Rows::Null(()) => Ok(Vec::new()),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        let raw = RawJson::deserialize(from)?;
        let read = match raw.get().as_bytes().first() {
            Some(b'[') => raw.decode().map(Rows::Many),
            Some(b'"') => raw.decode().map(Rows::Text),
            Some(b'n') => Ok(Rows::Null(())),
            _ => raw.decode().map(Rows::One),
        };
        read.map_err(R::Error::custom)
    }
}

open_enum! {
    /// A comparison operator (docs/protocol/http.md §5).
    pub enum Operator {
        /// Equal; the operator of a two-part clause.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// Less.
        Lt = "<",
        /// Less than or equal.
        Le = "<=",
        /// Greater.
        Gt = ">",
        /// Greater than or equal.
        Ge = ">=",
        /// One of a list.
        In = "IN",
        /// None of a list.
        NotIn = "NOT IN",
        /// Is null, true or false.
        Is = "IS",
        /// Is not null, true or false.
        IsNot = "IS NOT",
        /// Matches a pattern.
        Like = "LIKE",
        /// Does not match a pattern.
        NotLike = "NOT LIKE",
        /// Matches a pattern, ignoring case.
        Ilike = "ILIKE",
        /// Does not match a pattern, ignoring case.
        NotIlike = "NOT ILIKE",
    }
}

/// A condition: `[column, value]` or `[column, operator, value]` (docs/protocol/http.md §5).
///
/// ```
/// # use ablo_wire::{Operator, Where};
/// let clause: Where = serde_json::from_str(r#"["status","IN",["todo","doing"]]"#)?;
/// assert_eq!((clause.column.as_str(), clause.operator()), ("status", &Operator::In));
/// let short: Where = serde_json::from_str(r#"["project_id","p_1"]"#)?;
/// assert_eq!((short.op.clone(), short.operator()), (None, &Operator::Eq));
/// assert_eq!(serde_json::to_string(&short)?, r#"["project_id","p_1"]"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Where {
    /// The column: snake_case of the field, or the name it declares. Data sources take the field.
    pub column: String,
    /// The operator; absent in a two-part clause.
    pub op: Option<Operator>,
    /// The operand; a list for `IN` and `NOT IN`.
    pub value: Value,
}

impl Where {
    /// Returns the operator.
    pub fn operator(&self) -> &Operator {
        self.op.as_ref().unwrap_or(&Operator::Eq)
    }
}

impl Serialize for Where {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut seq = to.serialize_seq(Some(2 + usize::from(self.op.is_some())))?;
        seq.serialize_element(&self.column)?;
        if let Some(op) = &self.op {
            seq.serialize_element(op)?;
        }
        seq.serialize_element(&self.value)?;
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Where {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        struct ClauseVisitor;
        impl<'de> Visitor<'de> for ClauseVisitor {
            type Value = Where;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("[column, value] or [column, operator, value]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Where, A::Error> {
                let column = seq.next_element()?.ok_or_else(|| Error::invalid_length(0, &self))?;
                let second: Value =
                    seq.next_element()?.ok_or_else(|| Error::invalid_length(1, &self))?;
                let Some(value) = seq.next_element()? else {
                    return Ok(Where { column, op: None, value: second });
                };
                if seq.next_element::<Value>()?.is_some() {
                    return Err(Error::invalid_length(4, &self));
                }
                let Value::String(op) = second else {
                    return Err(Error::custom("the operator of a clause must be a string"));
                };
                Ok(Where { column, op: Some(Operator::from(op)), value })
            }
        }
        from.deserialize_seq(ClauseVisitor)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Where {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Where".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let column = serde_json::json!({ "type": "string" });
        let op = generator.subschema_for::<Operator>();
        let any = generator.subschema_for::<RawJson>();
        schemars::json_schema!({
            "description": "A condition: `[column, value]` or `[column, operator, value]`.",
            "anyOf": [
                {
                    "type": "array",
                    "prefixItems": [column, any],
                    "items": {},
                    "minItems": 2,
                    "maxItems": 2,
                },
                {
                    "type": "array",
                    "prefixItems": [column, op, any],
                    "items": {},
                    "minItems": 3,
                    "maxItems": 3,
                },
            ],
        })
    }
}

open_enum! {
    /// The sort direction. Defaults to ascending.
    pub enum Order {
        /// Smallest first.
        Asc = "asc",
        /// Largest first.
        Desc = "desc",
    }
}

record! {
    /// One query of a `POST /sync/query` (docs/protocol/http.md §5).
    pub struct Query {
        /// The typename, or any other spelling of the model.
        model: String,
        /// Conditions, all of which must hold.
        r#where?: Vec<Where>,
        /// Names of relations to nest in the rows.
        related?: Vec<String>,
        /// Maximum number of rows.
        limit?: u64,
        /// The column to order by.
        order_by?: String,
        /// The sort direction.
        order?: Order,
        /// Ids of the wanted rows. An older form of selection.
        ids?: Vec<String>,
    }
}

record! {
    /// The body of `POST /sync/query` (docs/protocol/http.md §5).
    pub struct QueryRequest {
        /// The queries, at most 16.
        queries: Vec<Query>,
        /// The organisation. An older form of addressing.
        organization_id?: String,
    }
}

record! {
    /// The response of `POST /sync/query` (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "QueryResponse"))]
    #[serde(bound(deserialize = "T: DeserializeOwned"))]
    pub struct QueryResponse<T = RawRow> {
        /// The result of each query, in order.
        results: Vec<Rows<T>>,
        /// The head of the sync log when the rows were read.
        last_sync_id?: SyncId,
        /// The epoch of `lastSyncId`; absent if the log is empty.
        epoch?: String,
    }
}
