//! The JSON Schema of the types in this crate: one document with stable names.
//!
//! * [`frames_schema`] is the whole contract as one JSON Schema 2020-12 document: a definition for
//!   every payload and body under `$defs`, and a frame of either direction at the root. The
//!   TypeScript emitter prints its definitions.
//! * [`http_components`] is the part an OpenAPI document needs, with references into
//!   `components/schemas`. [`HTTP_BODIES`] lists the bodies by direction; the emitter assigns them
//!   to routes.
//!
//! Rows are placeholders: bodies refer to the definitions `Row` (any object) and `Data` (an object
//! or a string that contains one), which an emitter that knows the models replaces. Open string
//! enums are `{type: string, examples: […]}`, in TypeScript `"a" | "b" | (string & {})`. Members
//! that are not in `required` are absent, not null, unless their type includes null. Unknown
//! members are allowed everywhere (`additionalProperties: true`). The schema describes the written
//! form; reading is more lenient (null for an absent member, flat frames, fractions of a
//! millisecond).

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// A definition that is an HTTP body, and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpBody {
    /// The name of the definition.
    pub name: &'static str,
    /// Whether clients send or receive it.
    pub direction: Direction,
}

/// The direction of an HTTP body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Sent by the client.
    Request,
    /// Sent by the coordinator.
    Response,
}

macro_rules! bodies {
    (
        requests { $($q:ty = $qn:literal,)* }
        responses { $($r:ty = $rn:literal,)* }
        others { $($o:ty = $on:literal,)* }
    ) => {
        /// All bodies of the HTTP routes, requests first (docs/protocol/http.md §4–7,
        /// docs/protocol/errors.md §1).
        pub const HTTP_BODIES: &[HttpBody] = &[
            $(HttpBody { name: $qn, direction: Direction::Request },)*
            $(HttpBody { name: $rn, direction: Direction::Response },)*
        ];

        fn add_http(generator: &mut SchemaGenerator) {
            $(generator.subschema_for::<$q>();)*
            $(generator.subschema_for::<$r>();)*
        }

        fn add_others(generator: &mut SchemaGenerator) {
            $(generator.subschema_for::<$o>();)*
        }

        #[cfg(test)]
        #[test]
        fn bodies_are_named_as_their_types() {
            use schemars::JsonSchema;
            $(assert_eq!(<$q>::schema_name(), $qn);)*
            $(assert_eq!(<$r>::schema_name(), $rn);)*
            $(assert_eq!(<$o>::schema_name(), $on);)*
        }
    };
}

bodies! {
    requests {
        crate::CreateBody = "CreateBody",
        crate::UpdateBody = "UpdateBody",
        crate::DeleteBody = "DeleteBody",
        crate::CommitRequest = "CommitRequest",
        crate::ClaimBody = "ClaimBody",
        crate::ReorderBody = "ReorderBody",
        crate::IntentBody = "IntentBody",
        crate::ExchangeRequest = "ExchangeRequest",
        crate::CapabilityCreate = "CapabilityCreate",
        crate::CapabilityRotate = "CapabilityRotate",
        crate::TaskOpen = "TaskOpen",
        crate::TaskClose = "TaskClose",
        crate::QueryRequest = "QueryRequest",
        crate::PresencePost = "PresencePost",
        crate::PushBody = "PushBody",
        crate::KeyCreate = "KeyCreate",
        crate::WebhookCreate = "WebhookCreate",
        crate::WebhookUpdate = "WebhookUpdate",
    }
    responses {
        crate::ListPage = "ListPage",
        crate::Read = "Read",
        crate::CommitReceipt = "CommitReceipt",
        crate::ClaimAnswer = "ClaimAnswer",
        crate::ClaimReleased = "ClaimReleased",
        crate::IntentList = "IntentList",
        crate::IntentReleased = "IntentReleased",
        crate::ExchangeResponse = "ExchangeResponse",
        crate::Identity = "Identity",
        crate::CapabilityCreated = "CapabilityCreated",
        crate::CapabilityState = "CapabilityState",
        crate::CapabilityDeleted = "CapabilityDeleted",
        crate::TaskOpened = "TaskOpened",
        crate::TaskClosed = "TaskClosed",
        crate::BootstrapResponse = "BootstrapResponse",
        crate::QueryResponse = "QueryResponse",
        crate::PresenceRoster = "PresenceRoster",
        crate::PresenceReported = "PresenceReported",
        crate::Health = "Health",
        crate::SchemaSummary = "SchemaSummary",
        crate::KeyCreated = "KeyCreated",
        crate::KeyList = "KeyList",
        crate::DataSourceAnswer = "DataSourceAnswer",
        crate::PushAnswer = "PushAnswer",
        crate::SourceStates = "SourceStates",
        crate::WebhookEndpoint = "WebhookEndpoint",
        crate::WebhookList = "WebhookList",
        crate::WebhookDeleted = "WebhookDeleted",
        crate::DeadLetterList = "DeadLetterList",
        crate::Redriven = "Redriven",
        crate::ErrorEnvelope = "ErrorEnvelope",
    }
    others {
        crate::GroupChange = "GroupChange",
        crate::SourceRequest = "SourceRequest",
        crate::LoadAnswer = "LoadAnswer",
        crate::ListAnswer = "ListAnswer",
        crate::SourceCommitAnswer = "SourceCommitAnswer",
        crate::EventsAnswer = "EventsAnswer",
        crate::SourceFailure = "SourceFailure",
        crate::WebhookDelivery = "WebhookDelivery",
        crate::DataSourceBody = "DataSourceBody",
    }
}

/// Returns the whole contract as one JSON Schema 2020-12 document. It is built once per process.
///
/// ```
/// let schema = ablo_wire::frames_schema();
/// assert_eq!(schema["anyOf"][0]["$ref"], "#/$defs/ClientFrame");
/// assert_eq!(schema["$defs"]["Delta"]["required"][0], "id");
/// ```
pub fn frames_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let mut generator = settings("/$defs").into_generator();
        let client = generator.subschema_for::<crate::ClientFrame>();
        let server = generator.subschema_for::<crate::ServerFrame>();
        add_http(&mut generator);
        add_others(&mut generator);
        let mut definitions = generator.take_definitions(true);
        definitions.insert(
            "MutationResult".into(),
            json!({
                "description": "The receipt of a commit frame.",
                "$ref": "#/$defs/CommitReceipt",
            }),
        );
        definitions.sort_keys();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ablo wire frames",
            "description": "A frame of the coordination protocol, in either direction. The \
                definitions also include the bodies of HTTP routes and data sources.",
            "anyOf": [client, server],
            "$defs": definitions,
        })
    })
}

/// Returns the definitions of all HTTP bodies and everything that they refer to, with references of
/// the form `#/components/schemas/Name`. [`HTTP_BODIES`] lists the names of the bodies.
///
/// ```
/// let components = ablo_wire::http_components();
/// assert!(ablo_wire::HTTP_BODIES.iter().all(|body| components.contains_key(body.name)));
/// let data = &components["ListPage"]["properties"]["data"];
/// assert_eq!(data["items"]["$ref"], "#/components/schemas/Row");
/// ```
pub fn http_components() -> &'static Map<String, Value> {
    static COMPONENTS: OnceLock<Map<String, Value>> = OnceLock::new();
    COMPONENTS.get_or_init(|| {
        let mut components = Map::new();
        let mut open: Vec<String> = definition_names_for_http().map(str::to_owned).collect();
        while let Some(name) = open.pop() {
            if let Some(definition) = frames_schema()["$defs"].get(&name)
                && !components.contains_key(&name)
            {
                let mut definition = definition.clone();
                move_references(&mut definition, &mut open);
                components.insert(name, definition);
            }
        }
        components.sort_keys();
        components
    })
}

/// Rewrites references to point below `#/components/schemas` and collects the names of their
/// targets.
fn move_references(value: &mut Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| move_references(item, found)),
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get_mut("$ref")
                && let Some(name) = to.strip_prefix("#/$defs/").map(str::to_owned)
            {
                *to = ["#/components/schemas/", &name].concat();
                found.push(name);
            }
            members.values_mut().for_each(|member| move_references(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns the names of all HTTP bodies, requests first: the roots of [`http_components`].
pub fn definition_names_for_http() -> impl Iterator<Item = &'static str> {
    HTTP_BODIES.iter().map(|body| body.name)
}

/// Returns the settings for generating the schema of a single type: JSON Schema 2020-12 of the
/// written form, with definitions under `path`.
pub fn settings(path: &'static str) -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = path.into();
    let formats: fn(&mut schemars::Schema) = crate::definition::common_formats;
    settings.with_transform(schemars::transform::RecursiveTransform(formats))
}
