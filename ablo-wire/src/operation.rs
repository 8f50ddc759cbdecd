//! Operations of commits, in both spellings (docs/protocol/commits.md §1).

use crate::record::open_enum;
use crate::{Maybe, Object, RawRow, SyncId};
use serde::de::{Deserializer, Error};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

/// The verb of an operation. Frames and HTTP spell it differently.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Inserts a row.
    Create,
    /// Changes members of a row.
    Update,
    /// Deletes a row.
    Delete,
    /// Archives a row.
    Archive,
    /// Restores an archived row.
    Unarchive,
    /// Changes members of a row relative to their current values (docs/protocol/commits.md §1.1).
    Adjust,
    /// An unknown verb, or a known one in the other spelling. It is kept as received.
    Other(Box<str>),
}

/// The spelling in which an operation is read and written (docs/protocol/commits.md §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spelling {
    /// `type: "UPDATE"`, `input`: WebSocket frames and data sources.
    Frame,
    /// `action: "update"`, `data`: HTTP.
    Http,
}

/// Every verb in both spellings.
const VERBS: [(Verb, &str, &str); 6] = [
    (Verb::Create, "CREATE", "create"),
    (Verb::Update, "UPDATE", "update"),
    (Verb::Delete, "DELETE", "delete"),
    (Verb::Archive, "ARCHIVE", "archive"),
    (Verb::Unarchive, "UNARCHIVE", "unarchive"),
    (Verb::Adjust, "ADJUST", "adjust"),
];

impl Verb {
    /// Parses a verb in a spelling.
    pub fn read(text: &str, spelling: Spelling) -> Self {
        let known = VERBS.iter().find(|(_, upper, lower)| match spelling {
            Spelling::Frame => *upper == text,
            Spelling::Http => *lower == text,
        });
        known.map_or_else(|| Verb::Other(text.into()), |(verb, ..)| verb.clone())
    }

    /// Returns the verb in a spelling.
    pub fn text(&self, spelling: Spelling) -> &str {
        match (self, spelling) {
            (Verb::Other(text), _) => text,
            (verb, spelling) => {
                VERBS.iter().find(|(known, ..)| known == verb).map_or("", |(_, upper, lower)| {
                    match spelling {
                        Spelling::Frame => upper,
                        Spelling::Http => lower,
                    }
                })
            }
        }
    }
}

open_enum! {
    /// The handling of a stale write, whose row has changed since `readAt`
    /// (docs/protocol/commits.md §5).
    pub enum OnStale {
        /// Refuse the write with `stale_context`. The default if `readAt` is set.
        Reject = "reject",
        /// Apply the write without the check.
        Force = "force",
        /// Apply the write and mark it for review.
        Flag = "flag",
        /// Reserved.
        Merge = "merge",
    }
}

/// One operation of a commit, in either spelling (docs/protocol/commits.md §1).
///
/// Both spellings are accepted everywhere; an operation is written in the one in which it was read.
///
/// ```
/// use ablo_wire::{Spelling, Maybe, Operation, RawRow, Verb};
///
/// let frame = r#"{"type":"UPDATE","model":"task","id":"t_1","input":{"status":"done"},"readAt":118}"#;
/// let http = r#"{"action":"create","model":"tasks","id":null,"data":{"title":"New"},"transactionId":null,"readAt":null,"onStale":null}"#;
/// for (text, verb, spelling) in [
///     (frame, Verb::Update, Spelling::Frame),
///     (http, Verb::Create, Spelling::Http),
/// ] {
///     let operation: Operation = serde_json::from_str(text)?;
///     assert_eq!((operation.verb.clone(), operation.spelling), (verb, spelling));
///     assert_eq!(serde_json::to_string(&operation)?, text);
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Operation<D = RawRow> {
    /// The spelling in which it was read and is written.
    pub spelling: Spelling,
    /// The verb.
    pub verb: Verb,
    /// The model, in any of its spellings (docs/protocol/commits.md §1).
    pub model: String,
    /// The id of the row. For a create, the coordinator generates one if it is absent, null or
    /// empty.
    pub id: Maybe<String>,
    /// `input` or `data`: the members to set; null clears a member. Absent for delete, archive and
    /// unarchive.
    pub data: Maybe<D>,
    /// The changes that start from the current values, by member. Only for `adjust`, which
    /// coordinators that do not know them refuse.
    pub relative: Option<RawRow>,
    /// Identifies the operation across retries and on its delta.
    pub transaction_id: Maybe<String>,
    /// The sync id that the write is based on; absent, null or 0 disables the stale guard.
    pub read_at: Maybe<SyncId>,
    /// The handling of a row that has changed since `readAt`.
    pub on_stale: Maybe<OnStale>,
    /// The transaction ids of the writer's own operations on which this one is based: the stale
    /// guard does not count them.
    pub after: Option<Vec<String>>,
    /// Requests to override another participant's claim; honoured only for privileged keys.
    pub bypass: Option<bool>,
    /// Members unknown to this version.
    pub other: Object,
}

impl<D> Operation<D> {
    /// Creates an operation for a WebSocket commit or a data source: unset members are absent.
    pub fn frame(verb: Verb, model: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            spelling: Spelling::Frame,
            verb,
            model: model.into(),
            id: Maybe::Value(id.into()),
            data: Maybe::Absent,
            relative: None,
            transaction_id: Maybe::Absent,
            read_at: Maybe::Absent,
            on_stale: Maybe::Absent,
            after: None,
            bypass: None,
            other: Object::new(),
        }
    }

    /// Creates an operation for `POST /v1/commits`: unset members are null.
    pub fn http(verb: Verb, model: impl Into<String>, id: Option<String>) -> Self {
        Self {
            spelling: Spelling::Http,
            id: Maybe::or_null(id),
            data: Maybe::Null,
            transaction_id: Maybe::Null,
            read_at: Maybe::Null,
            on_stale: Maybe::Null,
            ..Self::frame(verb, model, "")
        }
    }
}

impl<D: Serialize> Serialize for Operation<D> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        fn put<M: SerializeMap, T: Serialize>(
            map: &mut M,
            key: &str,
            value: &Maybe<T>,
        ) -> Result<(), M::Error> {
            if value.is_absent() { Ok(()) } else { map.serialize_entry(key, value) }
        }
        let (verb, data) = match self.spelling {
            Spelling::Frame => ("type", "input"),
            Spelling::Http => ("action", "data"),
        };
        let mut map = to.serialize_map(None)?;
        map.serialize_entry(verb, self.verb.text(self.spelling))?;
        map.serialize_entry("model", &self.model)?;
        put(&mut map, "id", &self.id)?;
        put(&mut map, data, &self.data)?;
        if let Some(relative) = &self.relative {
            map.serialize_entry("relative", relative)?;
        }
        put(&mut map, "transactionId", &self.transaction_id)?;
        put(&mut map, "readAt", &self.read_at)?;
        put(&mut map, "onStale", &self.on_stale)?;
        if let Some(after) = &self.after {
            map.serialize_entry("after", after)?;
        }
        if let Some(bypass) = self.bypass {
            map.serialize_entry("bypass", &bypass)?;
        }
        for (key, value) in &self.other {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de, D: Deserialize<'de>> Deserialize<'de> for Operation<D> {
    fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
        let read = EitherOperation::<D>::deserialize(from)?;
        let (spelling, verb) = match (read.r#type, read.action) {
            (Some(verb), None) => (Spelling::Frame, verb),
            (None, Some(verb)) => (Spelling::Http, verb),
            (Some(_), Some(_)) => {
                return Err(Error::custom("an operation cannot have both `type` and `action`"));
            }
            (None, None) => return Err(Error::custom("an operation needs `type` or `action`")),
        };
        let data = match (read.input, read.data) {
            (input, Maybe::Absent) => input,
            (Maybe::Absent, data) => data,
            _ => return Err(Error::custom("an operation cannot have both `input` and `data`")),
        };
        Ok(Self {
            spelling,
            verb: Verb::read(&verb, spelling),
            model: read.model,
            id: read.id,
            data,
            relative: read.relative,
            transaction_id: read.transaction_id,
            read_at: read.read_at,
            on_stale: read.on_stale,
            after: read.after,
            bypass: read.bypass,
            other: read.other,
        })
    }
}

/// An operation before its spelling is known.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound = "D: Deserialize<'de>")]
struct EitherOperation<D> {
    r#type: Option<String>,
    action: Option<String>,
    model: String,
    #[serde(default)]
    id: Maybe<String>,
    #[serde(default = "Maybe::absent")]
    input: Maybe<D>,
    #[serde(default = "Maybe::absent")]
    data: Maybe<D>,
    relative: Option<RawRow>,
    #[serde(default)]
    transaction_id: Maybe<String>,
    #[serde(default)]
    read_at: Maybe<SyncId>,
    #[serde(default)]
    on_stale: Maybe<OnStale>,
    after: Option<Vec<String>>,
    bypass: Option<bool>,
    #[serde(flatten)]
    other: Object,
}

#[cfg(feature = "schema")]
impl<D: schemars::JsonSchema> schemars::JsonSchema for Operation<D> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Operation".into()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        format!("Operation<{}>", D::schema_id()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let null_type = serde_json::json!({ "type": "null" });
        let data = serde_json::json!({
            "description": "The members to set; null clears a member. Absent or null for delete, \
                archive and unarchive.",
            "anyOf": [generator.subschema_for::<D>(), null_type],
        });
        let sync_id = generator.subschema_for::<SyncId>();
        let on_stale = generator.subschema_for::<OnStale>();
        let spelling = |spelling: Spelling, verb: &str, payload: &str| {
            let verbs: Vec<&str> = VERBS.iter().map(|(known, ..)| known.text(spelling)).collect();
            serde_json::json!({
                "description":
                    format!("One operation of a commit, written with `{verb}` and `{payload}`."),
                "type": "object",
                "properties": {
                    verb: {
                        "description": "The verb of the operation.",
                        "type": "string",
                        "examples": verbs,
                    },
                    "model": {
                        "description": "The model, in any of its spellings.",
                        "type": "string",
                    },
                    "id": {
                        "description": "The id of the row; generated if a create has none.",
                        "type": ["string", "null"],
                    },
                    payload: data,
                    "relative": {
                        "description": "The changes that start from the current values, by \
                            member; only for the verb `adjust`.",
                        "type": "object",
                    },
                    "transactionId": {
                        "description": "Identifies the operation across retries and on its delta.",
                        "type": ["string", "null"],
                    },
                    "readAt": {
                        "description": "The sync id that the write is based on; absent, null or 0 \
                            disables the stale guard.",
                        "anyOf": [sync_id, null_type],
                    },
                    "onStale": {
                        "description": "The handling of a row that has changed since `readAt`.",
                        "anyOf": [on_stale, null_type],
                    },
                    "after": {
                        "description": "The transaction ids of the writer's own operations on \
                            which this one is based: the stale guard does not count them.",
                        "type": "array",
                        "items": { "type": "string" },
                    },
                    "bypass": {
                        "description": "Requests to override another participant's claim.",
                        "type": "boolean",
                    },
                },
                "required": [verb, "model"],
                "additionalProperties": true,
            })
        };
        let frame = spelling(Spelling::Frame, "type", "input");
        let http = spelling(Spelling::Http, "action", "data");
        schemars::json_schema!({
            "description": "One operation of a commit, in either spelling.",
            "oneOf": [
                crate::definition::define(generator, "FrameOperation", frame),
                crate::definition::define(generator, "HttpOperation", http),
            ],
        })
    }
}
