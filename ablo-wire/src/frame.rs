//! Frames: `{ "type": …, "payload": … }`, one enum per direction (docs/protocol/websocket.md §3–4).
//! The payload types are in the other modules.
//!
//! If `type` precedes `payload`, as in all known writers, the payload is read in one pass;
//! otherwise it is buffered as text. Other members of the envelope are dropped from known frames.
//! `D` is the type of rows: the payload of an operation in client frames, the data of a delta in
//! server frames.

use crate::open::BufferedMembers;
use crate::record::record;
use crate::{
    Ack, Actor, BootstrapPart, BootstrapRequest, ClaimAck, ClaimExpired, ClaimFrame, CommitFrame,
    DeltaFrame, FrameRefused, IntentAbandon, IntentAcquired, IntentBegin, IntentGranted,
    IntentLost, IntentQueue, IntentQueued, IntentRejected, IntentReorder, Maybe, MutationResult,
    Object, PresenceReport, PresenceUpdate, RawData, RawJson, RawRow, ReleaseFrame, SyncRequest,
    SyncResponse,
};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor,
};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::marker::PhantomData;

/// A frame of a type unknown to this version, such as an application's own frame to its peers
/// (`slide_cursor`).
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
    /// The `type`. An event name with `:` is written with `_`.
    pub kind: String,
    /// The payload.
    pub payload: Maybe<RawJson>,
    /// The members other than `type` and `payload`.
    pub other: Object,
}

impl OtherFrame {
    /// Creates a frame with this type and payload.
    pub fn new(kind: impl Into<String>, payload: impl Into<Maybe<RawJson>>) -> Self {
        Self { kind: kind.into(), payload: payload.into(), other: Object::new() }
    }
}

record! {
    /// The payload of a `mutation` frame: a named mutation. Defined but not in use
    /// (docs/protocol/websocket.md §3).
    pub struct Mutation {
        /// The name of the mutation.
        mutator_name: String,
        /// The input of the mutation.
        input: RawJson,
        /// Identifies the mutation.
        client_tx_id: String,
    }
}

record! {
    /// An application's event for the sender's peers (docs/protocol/websocket.md §3).
    pub struct RelayFrame {
        /// The name of the event.
        event: String,
        /// Any value that the application sends.
        data?: RawJson,
    }
}

record! {
    /// An application's event from a peer (docs/protocol/websocket.md §4).
    pub struct RelayedFrame {
        /// The name of the event.
        event: String,
        /// The peer that sent it, as the coordinator knows it.
        from: Actor,
        /// Any value that the application sends.
        data?: RawJson,
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

        /// Reads and writes frames with rows as text. For typed rows use `serde_json`.
        impl $name<$row> {
            /// The frame types known to this version.
            pub const KINDS: &'static [&'static str] = &[$($kind),*];

            /// Parses a frame.
            pub fn parse(text: &str) -> serde_json::Result<Self> {
                serde_json::from_str(text)
            }

            /// Serialises the frame.
            pub fn to_text(&self) -> serde_json::Result<String> {
                serde_json::to_string(self)
            }
        }

        impl<$d> $name<$d> {
            /// Returns the `type` of the frame.
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
                    $(frames!(@pat $v payload $($payload)?) => {
                        frames!(@put map payload $($payload)?);
                    })*
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
            fn is_known(kind: &str) -> bool {
                $name::KINDS.contains(&kind)
            }

            fn read<'de, R: Deserializer<'de>>(kind: &str, from: R) -> Result<Self, R::Error> {
                match kind {
                    $($kind => frames!(@read Self $v from $($payload)?),)*
                    _ => Err(Error::unknown_variant(kind, $name::KINDS)),
                }
            }

            fn without_payload(kind: &str) -> Option<Self> {
                match kind {
                    $($kind => frames!(@without_payload Self $v $($payload)?),)*
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
                    "description": crate::definition::description(&[$($doc),*]),
                    "anyOf": frames,
                })
            }
        }
    };
    (@pat $v:ident $payload:ident) => { Self::$v };
    (@pat $v:ident $payload:ident $t:ty) => { Self::$v($payload) };
    (@put $map:ident $payload:ident) => {};
    (@put $map:ident $payload:ident $t:ty) => { $map.serialize_entry("payload", $payload)? };
    (@read $self:ident $v:ident $from:ident) => {
        IgnoredAny::deserialize($from).map(|_| $self::$v)
    };
    (@read $self:ident $v:ident $from:ident $t:ty) => { <$t>::deserialize($from).map($self::$v) };
    (@without_payload $self:ident $v:ident) => { Some($self::$v) };
    (@without_payload $self:ident $v:ident $t:ty) => { None };
    (@schema $generator:ident) => { None };
    (@schema $generator:ident $t:ty) => { Some($generator.subschema_for::<$t>()) };
}

frames! {
    /// A frame from a client to the coordinator (docs/protocol/websocket.md §3).
    pub enum ClientFrame<D = RawRow> as "OtherClientFrame" {
        /// Requests a `pong`.
        "ping" Ping,
        /// Acknowledges the deltas that are stored.
        "ack" Ack(Ack),
        /// Requests missed deltas.
        "sync_request" SyncRequest(SyncRequest),
        /// Requests rows of models over the socket.
        "bootstrap_request" BootstrapRequest(BootstrapRequest),
        /// Writes rows.
        "commit" Commit(CommitFrame<D>),
        /// Reports this participant's activity.
        "presence_update" PresenceUpdate(PresenceReport),
        /// Subscribes to further sync groups.
        "claim" Claim(ClaimFrame),
        /// Ends a subscription.
        "release" Release(ReleaseFrame),
        /// Requests a claim on a row.
        "intent_begin" IntentBegin(IntentBegin),
        /// Releases a claim or leaves the claim queue.
        "intent_abandon" IntentAbandon(IntentAbandon),
        /// Reorders the claim queue of a row.
        "intent_reorder" IntentReorder(IntentReorder),
        /// Runs a named mutation.
        "mutation" Mutation(Mutation),
        /// Sends an application's event to peers.
        "relay" Relay(RelayFrame),
    }
}

frames! {
    /// A frame from the coordinator to a client (docs/protocol/websocket.md §4).
    pub enum ServerFrame<D = RawData> as "OtherServerFrame" {
        /// Answers a ping.
        "pong" Pong,
        /// A keep-alive. It is not answered.
        "ping" Ping,
        /// Confirmed changes.
        "delta" Delta(DeltaFrame<D>),
        /// Missed deltas.
        "sync_response" SyncResponse(Box<SyncResponse<D>>),
        /// Rows of one model.
        "bootstrap_response" BootstrapResponse(BootstrapPart),
        /// The receipt of a commit.
        "mutation_result" MutationResult(Box<MutationResult>),
        /// The result of a subscription.
        "claim_ack" ClaimAck(Box<ClaimAck>),
        /// A subscription has ended.
        "claim_expired" ClaimExpired(ClaimExpired),
        /// A frame of the client cannot be read.
        "frame_refused" FrameRefused(FrameRefused),
        /// A claim is held.
        "intent_acquired" IntentAcquired(IntentAcquired),
        /// A queued claim is now held.
        "intent_granted" IntentGranted(IntentGranted),
        /// A claim is in the claim queue.
        "intent_queued" IntentQueued(IntentQueued),
        /// A claim was lost.
        "intent_lost" IntentLost(IntentLost),
        /// A claim was refused.
        "intent_rejected" IntentRejected(IntentRejected),
        /// The claim queue of a row.
        "intent_queue" IntentQueue(IntentQueue),
        /// A peer's presence.
        "presence_update" PresenceUpdate(Box<PresenceUpdate>),
        /// An application's event from a peer.
        "relay" Relay(RelayedFrame),
    }
}

/// The frames of one direction, as needed to read an envelope.
trait Frame: Sized {
    /// Returns whether the `type` is known.
    fn is_known(kind: &str) -> bool;
    /// Reads the payload of a known frame.
    fn read<'de, R: Deserializer<'de>>(kind: &str, from: R) -> Result<Self, R::Error>;
    /// Returns the frame of a known type without a payload.
    fn without_payload(kind: &str) -> Option<Self>;
    /// Wraps a frame of an unknown type.
    fn other(frame: OtherFrame) -> Self;
}

/// Known frames whose payload members may be at the top level, and the members that identify a
/// delta without `type` (docs/protocol/websocket.md §4).
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
        let mut buffered = BufferedMembers::default();
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), &kind) {
                ("type", Some(_)) => return Err(Error::duplicate_field("type")),
                ("type", None) => kind = Some(map.next_value()?),
                ("payload", _) if frame.is_some() || payload.is_some() => {
                    return Err(Error::duplicate_field("payload"));
                }
                ("payload", Some(kind)) if F::is_known(kind) => {
                    frame = Some(map.next_value_seed(Payload::<F>::of(kind))?)
                }
                ("payload", _) => payload = Some(map.next_value()?),
                _ => buffered.0.push((key, map.next_value()?)),
            }
        }
        let kind = match kind {
            Some(kind) => kind,
            None if DELTA_MEMBERS.iter().all(|member| buffered.has(member))
                && F::is_known("delta") =>
            {
                "delta".to_owned()
            }
            None => return Err(Error::missing_field("type")),
        };
        match (frame, payload) {
            (Some(frame), _) => Ok(frame),
            (None, payload) if !F::is_known(&kind) => {
                let payload = Maybe::or_absent(
                    payload.map(RawJson::try_from).transpose().map_err(Error::custom)?,
                );
                let payload = if payload.value().is_some_and(|raw| raw.get() == "null") {
                    Maybe::Null
                } else {
                    payload
                };
                Ok(F::other(OtherFrame { kind, payload, other: buffered.into_object()? }))
            }
            (None, Some(payload)) => F::read(&kind, &*payload).map_err(Error::custom),
            (None, None) => match F::without_payload(&kind) {
                Some(frame) => Ok(frame),
                None if FLAT.contains(&kind.as_str()) => {
                    buffered.read_seed(Payload::<F>::of(&kind))
                }
                None => Err(Error::missing_field("payload")),
            },
        }
    }
}

/// Reads the payload of a known frame.
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

    /// Returns the schema of one frame.
    pub(super) fn frame(kind: &str, doc: &[&str], payload: Option<Schema>) -> Schema {
        let kind = serde_json::json!({ "type": "string", "const": kind });
        let description = crate::definition::description(doc);
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

    /// Returns a reference to the definition of frames of unknown types.
    pub(super) fn other(generator: &mut SchemaGenerator, name: &str, known: &[&str]) -> Schema {
        let schema = serde_json::json!({
            "description": "A frame of a type outside the contract, sent by an application to its \
                peers.",
            "type": "object",
            "properties": {
                "type": { "type": "string", "not": { "enum": known } },
                "payload": { "description": "Any value that the application sends." },
            },
            "required": ["type"],
            "additionalProperties": true,
        });
        crate::definition::define(generator, name, schema)
    }
}
