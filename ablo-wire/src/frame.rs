//! Frames: `{ "type": …, "payload": … }`, one enum per direction (docs/protocol/websocket.md §3–4). The lists below are the contract;
//! the rest is how an envelope is read whatever the order of its members. What a payload looks like is said in the
//! other modules.
//!
//! Payloads are read where they stand, in one pass, when `type` comes before `payload`, as every known writer does;
//! otherwise the payload waits as text. Members of the envelope other than these two are dropped from known frames.
//! `D` is the row inside: the payload of a commit operation on the way in, the data of a delta on the way out.

use crate::open::Held;
use crate::record::record;
use crate::{
    Ack, BootstrapPart, BootstrapRequest, ClaimAck, ClaimExpired, ClaimFrame, CommitFrame,
    DeltaFrame, IntentAbandon, IntentAcquired, IntentBegin, IntentGranted, IntentLost, IntentQueue,
    IntentQueued, IntentRejected, IntentReorder, Maybe, MutationResult, Object, PresenceReport,
    PresenceUpdate, RawData, RawJson, RawRow, ReleaseFrame, SyncRequest, SyncResponse,
};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::marker::PhantomData;

/// A frame of a type this version does not know, such as what an application sends to its peers (`slide_cursor`).
///
/// ```
/// # use ablo_wire::ClientFrame;
/// let text = r#"{"type":"slide_cursor","payload":{"x":1.50,"timestamp":1760000000000}}"#;
/// let ClientFrame::Other(frame) = ClientFrame::parse(text)? else { unreachable!() };
/// assert_eq!(frame.kind, "slide_cursor");
/// assert_eq!(ClientFrame::Other(frame).to_text()?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct OtherFrame {
    /// Its `type`. An event name with `:` is written with `_`.
    pub kind: String,
    /// Its payload.
    pub payload: Maybe<RawJson>,
    /// Its members beside `type` and `payload`.
    pub other: Object,
}

impl OtherFrame {
    /// A frame of this type with this payload.
    pub fn new(kind: impl Into<String>, payload: impl Into<Maybe<RawJson>>) -> Self {
        Self { kind: kind.into(), payload: payload.into(), other: Object::new() }
    }
}

record! {
    /// The payload of a `mutation` frame: a named mutation. Defined, and not in use (docs/protocol/websocket.md §3).
    pub struct Mutation {
        /// The name of the mutation.
        mutator_name: String,
        /// What it is given.
        input: RawJson,
        /// Identifies the mutation.
        client_tx_id: String,
    }
}

macro_rules! frames {
    ($(#[doc = $doc:literal])* pub enum $name:ident<$d:ident = $row:ty> as $other:literal {
        $($(#[doc = $vdoc:literal])* $kind:literal $v:ident $(($payload:ty))?,)*
    }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name<$d = $row> {
            $($(#[doc = $vdoc])* $v $(($payload))?,)*
            /// A frame of another type.
            Other(OtherFrame),
        }

        /// With rows as text; frames with typed rows are read and written with `serde_json`.
        impl $name<$row> {
            /// The types of frame this version knows.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Reads a frame from its text.
            pub fn parse(text: &str) -> serde_json::Result<Self> {
                serde_json::from_str(text)
            }

            /// Writes the frame as text.
            pub fn to_text(&self) -> serde_json::Result<String> {
                serde_json::to_string(self)
            }
        }

        impl<$d> $name<$d> {
            /// The `type` of the frame.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$v { .. } => $kind,)*
                    Self::Other(frame) => &frame.kind,
                }
            }
        }

        impl<$d: Serialize> Serialize for $name<$d> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                let mut map = to.serialize_map(None)?;
                map.serialize_entry("type", self.kind())?;
                match self {
                    $(frames!(@pat $v payload $($payload)?) => { frames!(@put map payload $($payload)?); })*
                    Self::Other(frame) => {
                        if !frame.payload.is_absent() {
                            map.serialize_entry("payload", &frame.payload)?;
                        }
                        for (key, value) in &frame.other {
                            map.serialize_entry(key, value)?;
                        }
                    }
                }
                map.end()
            }
        }

        impl<'de, $d: DeserializeOwned> Deserialize<'de> for $name<$d> {
            fn deserialize<R: Deserializer<'de>>(from: R) -> Result<Self, R::Error> {
                from.deserialize_map(Envelope(PhantomData))
            }
        }

        impl<$d: DeserializeOwned> Frame for $name<$d> {
            fn known(kind: &str) -> bool {
                $name::KINDS.contains(&kind)
            }

            fn read<'de, R: Deserializer<'de>>(kind: &str, from: R) -> Result<Self, R::Error> {
                match kind {
                    $($kind => frames!(@read Self $v from $($payload)?),)*
                    _ => Err(Error::unknown_variant(kind, $name::KINDS)),
                }
            }

            fn bare(kind: &str) -> Option<Self> {
                match kind {
                    $($kind => frames!(@bare Self $v $($payload)?),)*
                    _ => None,
                }
            }

            fn other(frame: OtherFrame) -> Self {
                Self::Other(frame)
            }
        }

        #[cfg(feature = "schema")]
        impl<$d: schemars::JsonSchema> schemars::JsonSchema for $name<$d> {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> std::borrow::Cow<'static, str> {
                format!("{}<{}>", stringify!($name), $d::schema_id()).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut frames = vec![$(schema::frame(
                    $kind,
                    &[$($vdoc),*],
                    frames!(@schema generator $($payload)?),
                )),*];
                frames.push(schema::other(generator, $other, $name::KINDS));
                schemars::json_schema!({
                    "description": crate::schema::description(&[$($doc),*]),
                    "anyOf": frames,
                })
            }
        }
    };
    (@pat $v:ident $payload:ident) => { Self::$v };
    (@pat $v:ident $payload:ident $t:ty) => { Self::$v($payload) };
    (@put $map:ident $payload:ident) => {};
    (@put $map:ident $payload:ident $t:ty) => { $map.serialize_entry("payload", $payload)? };
    (@read $self:ident $v:ident $from:ident) => { IgnoredAny::deserialize($from).map(|_| $self::$v) };
    (@read $self:ident $v:ident $from:ident $t:ty) => { <$t>::deserialize($from).map($self::$v) };
    (@bare $self:ident $v:ident) => { Some($self::$v) };
    (@bare $self:ident $v:ident $t:ty) => { None };
    (@schema $generator:ident) => { None };
    (@schema $generator:ident $t:ty) => { Some($generator.subschema_for::<$t>()) };
}

frames! {
    /// A frame from a client to the coordinator (docs/protocol/websocket.md §3).
    pub enum ClientFrame<D = RawRow> as "OtherClientFrame" {
        /// Asks for a sign of life.
        "ping" Ping,
        /// Says which deltas are stored.
        "ack" Ack(Ack),
        /// Asks for what was missed.
        "sync_request" SyncRequest(SyncRequest),
        /// Asks for models over the socket.
        "bootstrap_request" BootstrapRequest(BootstrapRequest),
        /// Writes rows.
        "commit" Commit(CommitFrame<D>),
        /// Says what this participant is doing.
        "presence_update" PresenceUpdate(PresenceReport),
        /// Subscribes to further sync groups.
        "claim" Claim(ClaimFrame),
        /// Ends such a subscription.
        "release" Release(ReleaseFrame),
        /// Asks for a claim on a row.
        "intent_begin" IntentBegin(IntentBegin),
        /// Gives a claim up, or leaves the line for it.
        "intent_abandon" IntentAbandon(IntentAbandon),
        /// Reorders the line for a row.
        "intent_reorder" IntentReorder(IntentReorder),
        /// Runs a named mutation.
        "mutation" Mutation(Mutation),
    }
}

frames! {
    /// A frame from the coordinator to a client (docs/protocol/websocket.md §4).
    pub enum ServerFrame<D = RawData> as "OtherServerFrame" {
        /// Answers a ping.
        "pong" Pong,
        /// A sign of life; nobody answers it.
        "ping" Ping,
        /// Confirmed changes.
        "delta" Delta(DeltaFrame<D>),
        /// What was missed.
        "sync_response" SyncResponse(Box<SyncResponse<D>>),
        /// Rows of one model.
        "bootstrap_response" BootstrapResponse(BootstrapPart),
        /// What became of a commit.
        "mutation_result" MutationResult(Box<MutationResult>),
        /// Whether a subscription stands.
        "claim_ack" ClaimAck(Box<ClaimAck>),
        /// A subscription is over.
        "claim_expired" ClaimExpired(ClaimExpired),
        /// A claim is held.
        "intent_acquired" IntentAcquired(IntentAcquired),
        /// A waiting claim is held now.
        "intent_granted" IntentGranted(IntentGranted),
        /// A claim waits in line.
        "intent_queued" IntentQueued(IntentQueued),
        /// A claim is gone.
        "intent_lost" IntentLost(IntentLost),
        /// A claim was refused.
        "intent_rejected" IntentRejected(IntentRejected),
        /// The whole line for a row.
        "intent_queue" IntentQueue(IntentQueue),
        /// What a peer is doing.
        "presence_update" PresenceUpdate(Box<PresenceUpdate>),
    }
}

/// What an envelope must know about the frames of a direction.
trait Frame: Sized {
    /// Whether there is a payload type for this `type`.
    fn known(kind: &str) -> bool;
    /// Reads the payload of a known frame.
    fn read<'de, R: Deserializer<'de>>(kind: &str, from: R) -> Result<Self, R::Error>;
    /// The frame of a type that has no payload.
    fn bare(kind: &str) -> Option<Self>;
    /// The frame of an unknown type.
    fn other(frame: OtherFrame) -> Self;
}

/// Known frames whose payload may stand at top level, and the members that give a frame without `type` away
/// (docs/protocol/websocket.md §4).
const FLAT: [&str; 3] = ["mutation_result", "presence_update", "delta"];
const DELTA_MEMBERS: [&str; 4] = ["id", "actionType", "modelName", "modelId"];

struct Envelope<F>(PhantomData<F>);

impl<'de, F: Frame> Visitor<'de> for Envelope<F> {
    type Value = F;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a frame, an object with a `type`")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<F, M::Error> {
        let mut kind: Option<String> = None;
        let mut frame = None;
        let mut payload: Option<Box<RawValue>> = None;
        let mut held = Held::default();
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), &kind) {
                ("type", Some(_)) => return Err(Error::duplicate_field("type")),
                ("type", None) => kind = Some(map.next_value()?),
                ("payload", _) if frame.is_some() || payload.is_some() => {
                    return Err(Error::duplicate_field("payload"));
                }
                ("payload", Some(kind)) if F::known(kind) => {
                    frame = Some(map.next_value_seed(Payload::<F>::of(kind))?)
                }
                ("payload", _) => payload = Some(map.next_value()?),
                _ => held.0.push((key, map.next_value()?)),
            }
        }
        let kind = match kind {
            Some(kind) => kind,
            None if DELTA_MEMBERS.iter().all(|member| held.has(member)) && F::known("delta") => {
                "delta".to_owned()
            }
            None => return Err(Error::missing_field("type")),
        };
        match (frame, payload) {
            (Some(frame), _) => Ok(frame),
            (None, payload) if !F::known(&kind) => {
                let payload = Maybe::or_absent(
                    payload.map(RawJson::try_from).transpose().map_err(Error::custom)?,
                );
                let payload = if payload.value().is_some_and(|raw| raw.get() == "null") {
                    Maybe::Null
                } else {
                    payload
                };
                Ok(F::other(OtherFrame { kind, payload, other: held.into_object()? }))
            }
            (None, Some(payload)) => F::read(&kind, &*payload).map_err(Error::custom),
            (None, None) => match F::bare(&kind) {
                Some(frame) => Ok(frame),
                None if FLAT.contains(&kind.as_str()) => held.read_seed(Payload::<F>::of(&kind)),
                None => Err(Error::missing_field("payload")),
            },
        }
    }
}

/// Reads the payload of a known frame from wherever it stands.
struct Payload<'k, F> {
    kind: &'k str,
    frame: PhantomData<F>,
}

impl<'k, F> Payload<'k, F> {
    fn of(kind: &'k str) -> Self {
        Self { kind, frame: PhantomData }
    }
}

impl<'de, F: Frame> DeserializeSeed<'de> for Payload<'_, F> {
    type Value = F;

    fn deserialize<R: Deserializer<'de>>(self, from: R) -> Result<F, R::Error> {
        F::read(self.kind, from)
    }
}

#[cfg(feature = "schema")]
mod schema {
    use schemars::{Schema, SchemaGenerator, json_schema};

    /// One alternative of a direction.
    pub(super) fn frame(kind: &str, doc: &[&str], payload: Option<Schema>) -> Schema {
        let kind = serde_json::json!({ "type": "string", "const": kind });
        let description = crate::schema::description(doc);
        match payload {
            Some(payload) => json_schema!({
                "description": description,
                "type": "object",
                "properties": { "type": kind, "payload": payload },
                "required": ["type", "payload"],
            }),
            None => json_schema!({
                "description": description,
                "type": "object",
                "properties": { "type": kind },
                "required": ["type"],
            }),
        }
    }

    /// The alternative of unknown types, a definition of its own.
    pub(super) fn other(generator: &mut SchemaGenerator, name: &str, known: &[&str]) -> Schema {
        let schema = serde_json::json!({
            "description": "A frame of a type outside the contract; an application sends it to its peers.",
            "type": "object",
            "properties": {
                "type": { "type": "string", "not": { "enum": known } },
                "payload": { "description": "Anything the application sends." },
            },
            "required": ["type"],
            "additionalProperties": true,
        });
        crate::schema::define(generator, name, schema)
    }
}
