//! Catching up: acknowledgements, sync requests, bootstrap and queries (docs/protocol/websocket.md §3–4, docs/protocol/http.md §5). What is sent to
//! whom is not decided here.

use crate::record::{open_enum, record};
use crate::{Action, Delta, Maybe, Millis, RawData, RawJson, RawRow, SyncId};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The version of each model a client keeps, by lower-cased typename.
pub type Versions = BTreeMap<String, u64>;

open_enum! {
    /// What a client can do when it catches up (docs/protocol/websocket.md §3).
    pub enum SyncCapability {
        /// A partial bootstrap.
        PartialBootstrap = "partialBootstrap",
        /// Compressed deltas; advertised only.
        CompressedDeltas = "compressedDeltas",
        /// A bootstrap in parts.
        StreamingBootstrap = "streamingBootstrap",
        /// Several deltas in one frame.
        BatchedDeltas = "batchedDeltas",
    }
}

record! {
    /// `ack`: the deltas up to here are stored (docs/protocol/websocket.md §3).
    pub struct Ack {
        /// The highest delta that is stored.
        last_sync_id: SyncId,
        /// The versions the client keeps.
        versions: Versions,
    }
}

record! {
    /// `sync_request`: asks for what was missed (docs/protocol/websocket.md §3).
    pub struct SyncRequest {
        /// The cursor the coordinator sent last.
        cursor: String | null,
        /// The versions the client keeps.
        versions: Versions,
        /// The highest delta that is stored; 0 is none.
        last_sync_id: SyncId,
        /// What the client can do.
        capabilities: Vec<SyncCapability>,
    }
}

open_enum! {
    /// Why a bootstrap is better than catching up (docs/protocol/websocket.md §4).
    pub enum BootstrapReason {
        /// The client is too far behind.
        TooFarBehind = "too_far_behind",
        /// There are too many deltas.
        TooManyDeltas = "too_many_deltas",
        /// The client lacks rows.
        MissingEntities = "missing_entities",
    }
}

record! {
    /// What a bootstrap should cover.
    pub struct BootstrapHint {
        /// Models to load.
        tables?: Vec<String>,
        /// Why.
        reason?: BootstrapReason,
        /// Models whose rows are out of date.
        stale_tables?: Vec<String>,
        /// How many deltas were missed.
        total_delta_count?: u64,
    }
}

record! {
    /// `sync_response`: what was missed, or where the log stands (docs/protocol/websocket.md §4).
    #[cfg_attr(feature = "schema", schemars(rename = "SyncResponse"))]
    pub struct SyncResponse<D = RawData> {
        /// The missed deltas, ids increasing.
        deltas?: Vec<Delta<D>>,
        /// The end of the log. Without deltas and below the client's position it moves the client back.
        current_sync_id?: SyncId,
        /// Whether the client should bootstrap instead; clients do nothing about it.
        requires_bootstrap?: bool,
        /// What to bootstrap.
        bootstrap_hint?: BootstrapHint,
        /// The cursor to come back with.
        new_cursor?: String | null,
        /// The same, in the older spelling; read when `newCursor` is absent.
        cursor?: String | null,
        /// Versions to merge into those the client keeps.
        new_versions?: Versions,
    }
}

impl<D> SyncResponse<D> {
    /// The cursor to come back with, in either spelling.
    pub fn next_cursor(&self) -> Option<&str> {
        self.new_cursor.value().or(self.cursor.value()).map(String::as_str)
    }
}

record! {
    /// `bootstrap_request`: asks for models over the socket. Defined, and not in use (docs/protocol/websocket.md §3).
    pub struct BootstrapRequest {
        /// The models.
        entities: Vec<String>,
        /// The versions the client keeps.
        versions: Versions,
        /// What the client can do.
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
        /// Whether this was the last part.
        is_complete: bool,
        /// The cursor to come back with.
        cursor?: String | null,
        /// The version of the model.
        version?: u64,
    }
}

open_enum! {
    /// What a bootstrap answer covers (docs/protocol/http.md §5).
    pub enum BootstrapType {
        /// Every row; `models` is present.
        Full = "full",
        /// What changed since; `deltas` is present.
        Partial = "partial",
    }
}

record! {
    /// The answer of `GET /sync/bootstrap` (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "BootstrapResponse"))]
    #[serde(bound(deserialize = "T: DeserializeOwned"))]
    pub struct BootstrapResponse<T = RawRow> {
        /// What it covers.
        r#type: BootstrapType,
        /// The position of the snapshot in the log.
        last_sync_id: SyncId,
        /// When it was taken, in milliseconds since 1970.
        timestamp?: Millis,
        /// The rows by typename.
        models?: BTreeMap<String, Rows<T>>,
        /// What changed since `lastSyncId` of the request.
        deltas?: Vec<BootstrapDelta<T>>,
        /// How many deltas.
        delta_count?: u64,
        /// Typenames whose rows could not be read.
        failed_models?: Vec<String>,
    }
}

record! {
    /// A change inside a partial bootstrap; it has names of its own (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "BootstrapDelta"))]
    pub struct BootstrapDelta<T = RawRow> {
        /// Position in the log.
        id: SyncId,
        /// What happened to the row.
        operation: Action,
        /// The exact typename of the model.
        model_name: String,
        /// The id of the row.
        entity_id: String,
        /// The full row after the change; null for a delete.
        data: T | null,
    }
}

/// What one model or one query gave: rows, one row, rows inside a JSON string, or nothing (docs/protocol/http.md §5).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Rows", transform = crate::schema::tidy))]
#[serde(untagged)]
pub enum Rows<T = RawRow> {
    /// Rows.
    Many(Vec<T>),
    /// One row.
    One(T),
    /// Rows inside a JSON string.
    Text(String),
    /// Nothing.
    Null(()),
}

impl<T: DeserializeOwned> Rows<T> {
    /// The rows, whichever way they were sent.
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
    /// How a column is compared (docs/protocol/http.md §5).
    pub enum Operator {
        /// Equal; what a clause of two parts means.
        Eq = "=",
        /// Not equal.
        Ne = "!=",
        /// Less.
        Lt = "<",
        /// Less or equal.
        Le = "<=",
        /// Greater.
        Gt = ">",
        /// Greater or equal.
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
        /// Matches a pattern in any case.
        Ilike = "ILIKE",
        /// Does not match a pattern in any case.
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
    /// How it is compared; absent in a clause of two parts.
    pub op: Option<Operator>,
    /// With what; a list for `IN` and `NOT IN`.
    pub value: Value,
}

impl Where {
    /// How the column is compared.
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
        struct Clause;
        impl<'de> Visitor<'de> for Clause {
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
                    return Err(Error::custom("the operator of a clause is a string"));
                };
                Ok(Where { column, op: Some(Operator::from(op)), value })
            }
        }
        from.deserialize_seq(Clause)
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
                { "type": "array", "prefixItems": [column, any], "items": false, "minItems": 2 },
                { "type": "array", "prefixItems": [column, op, any], "items": false, "minItems": 3 },
            ],
        })
    }
}

open_enum! {
    /// Which way rows are ordered. Absent is ascending.
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
        /// Conditions that must all hold.
        r#where?: Vec<Where>,
        /// Relations to nest in the rows, by name.
        related?: Vec<String>,
        /// At most this many rows.
        limit?: u64,
        /// The column to order by.
        order_by?: String,
        /// Which way.
        order?: Order,
        /// The rows with these ids, in the older form.
        ids?: Vec<String>,
    }
}

record! {
    /// The body of `POST /sync/query` (docs/protocol/http.md §5).
    pub struct QueryRequest {
        /// The queries, at most 16.
        queries: Vec<Query>,
        /// The organisation, in the older form.
        organization_id?: String,
    }
}

record! {
    /// The answer of `POST /sync/query` (docs/protocol/http.md §5).
    #[cfg_attr(feature = "schema", schemars(rename = "QueryResponse"))]
    #[serde(bound(deserialize = "T: DeserializeOwned"))]
    pub struct QueryResponse<T = RawRow> {
        /// The answer to each query, in order.
        results: Vec<Rows<T>>,
        /// The end of the log when the rows were read.
        last_sync_id?: SyncId,
    }
}
