//! The JSON Schema of everything in this crate: one document, stable names. Comes in: the types. Goes out: JSON.
//!
//! * [`frames_schema`] is the whole contract as one JSON Schema 2020-12 document: a definition for every payload and
//!   body under `$defs`, and a frame of either direction at the root. The TypeScript emitter prints its definitions.
//! * [`http_components`] is the part an OpenAPI document needs, with references into `components/schemas`.
//!   [`HTTP_BODIES`] names the bodies by direction; the emitter gives them routes.
//!
//! Rows are holes: bodies refer to the definition `Row` (any object) and `Data` (an object or a string holding one);
//! an emitter that knows the models puts its own definition there. Open string enums are
//! `anyOf: [{type: string, enum: […]}, {type: string}]`, in TypeScript `"a" | "b" | (string & {})`. Members that are
//! not in `required` are absent, not null, unless their type says null. Unknown members are allowed everywhere
//! (`additionalProperties: true`). The schema says what is written; reading is more lenient (null for an absent
//! member, flat frames, fractions of a millisecond).

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// A definition and which way it crosses HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpBody {
    /// The name of its definition.
    pub name: &'static str,
    /// Whether clients send it or receive it.
    pub direction: Direction,
}

/// Which way a body crosses HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Sent by the client.
    Request,
    /// Sent by the coordinator.
    Response,
}

macro_rules! bodies {
    (requests { $($q:ty = $qn:literal,)* } responses { $($r:ty = $rn:literal,)* } others { $($o:ty = $on:literal,)* }) => {
        /// Every body of the HTTP routes, requests first (docs/protocol/http.md §4–7, docs/protocol/errors.md §1).
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
        crate::DataSourceBody = "DataSourceBody",
        crate::PushBody = "PushBody",
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
        crate::Health = "Health",
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
    }
}

/// The whole contract as one JSON Schema 2020-12 document, made once in a process.
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
            json!({ "description": "The answer to a commit frame: its receipt.", "$ref": "#/$defs/CommitReceipt" }),
        );
        definitions.sort_keys();
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Ablo wire frames",
            "description": "A frame of the coordination protocol, in either direction; the bodies of its HTTP routes \
                and of data sources are definitions beside it.",
            "anyOf": [client, server],
            "$defs": definitions,
        })
    })
}

/// The definitions that HTTP bodies need, themselves included, with references of the form
/// `#/components/schemas/Name`. Pick from them by the names in [`HTTP_BODIES`].
///
/// ```
/// let components = ablo_wire::http_components();
/// assert!(ablo_wire::HTTP_BODIES.iter().all(|body| components.contains_key(body.name)));
/// assert_eq!(components["ListPage"]["properties"]["data"]["items"]["$ref"], "#/components/schemas/Row");
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

/// Makes references lead below `#/components/schemas`, and collects the names that they lead to.
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

/// The names of all HTTP bodies, requests first: the roots of [`http_components`].
pub fn definition_names_for_http() -> impl Iterator<Item = &'static str> {
    HTTP_BODIES.iter().map(|body| body.name)
}

/// How this crate's types are meant to become schemas: JSON Schema 2020-12, as written rather than as read, with
/// definitions under `path`. For emitters that generate the schema of a single type.
pub fn settings(path: &'static str) -> SchemaSettings {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = path.into();
    settings
}

/// The schema of an open string enum.
pub(crate) fn open_enum(doc: &[&str], known: &[&str]) -> Schema {
    json_schema!({
        "description": description(doc),
        "anyOf": [{ "type": "string", "enum": known }, { "type": "string" }],
    })
}

/// A description from the lines of a doc comment.
pub(crate) fn description(lines: &[&str]) -> String {
    prose(&lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"))
}

/// Marks a schema whose null is meant, so that [`tidy_record`] leaves it.
pub(crate) fn nullable(mut schema: Schema) -> Schema {
    schema.insert(MARK.into(), true.into());
    schema
}

const MARK: &str = "x-null-is-meant";

/// Applied to definitions that are no records: their descriptions keep prose and lose code.
pub(crate) fn tidy(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = prose(text);
    }
}

/// Adds a definition that has no type of its own, and refers to it.
pub(crate) fn define(generator: &mut SchemaGenerator, name: &str, schema: Value) -> Schema {
    generator.definitions_mut().insert(name.to_owned(), schema);
    let path = generator.settings().definitions_path.trim_start_matches('#').trim_end_matches('/');
    json_schema!({ "$ref": format!("#{path}/{name}") })
}

/// Applied to every record: `Option` means absent here, so null goes from optional members; descriptions keep their
/// prose and lose code examples.
pub(crate) fn tidy_record(schema: &mut Schema) {
    tidy(schema);
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties {
        let Value::Object(property) = property else { continue };
        if let Some(Value::String(text)) = property.get_mut("description") {
            *text = prose(text);
        }
        property.shift_remove("default"); // a reader's default is no promise of the writer
        let meant = property.shift_remove(MARK).is_some();
        if !meant && !required.iter().any(|required| required == name) {
            drop_null(property);
        }
    }
}

fn drop_null(property: &mut Map<String, Value>) {
    if let Some(Value::Array(values)) = property.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(kinds)) = property.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = &kinds[..] {
            let only = only.clone();
            property.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = &mut choices[..] {
            let only = std::mem::take(only);
            property.shift_remove("anyOf");
            let said = std::mem::replace(property, only);
            property.extend(said);
        }
    }
}

/// The prose of a doc comment, for users of the API: up to its first example, without the brackets of links and the
/// notes that say where a rule is written. A paragraph is one line.
fn prose(text: &str) -> String {
    let end = text.find("```").unwrap_or(text.len());
    let mut rest = text[..end].trim_end();
    let mut said = String::with_capacity(rest.len());
    while let Some((before, inner, after)) = note(rest) {
        said.push_str(before);
        if !inner.contains(".md") {
            said.push_str(&rest[before.len()..rest.len() - after.len()]);
        }
        rest = after;
    }
    said.push_str(rest);
    let paragraphs: Vec<String> =
        said.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n").replace("[`", "`").replace("`]", "`")
}

/// The first words in brackets: what stands before their space, they, and what follows.
fn note(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once(" (")?;
    let (inner, after) = rest.split_once(')')?;
    Some((before, inner, after))
}

#[cfg(test)]
#[test]
fn notes_of_sources_go_and_other_brackets_stay() {
    let said = prose(
        "Held (or\nqueued) now (docs/protocol/claims.md §2, docs/protocol/http.md §6). As [`Claim`]\nsays.\n\nMore (docs/protocol/http.md §7)\n\n```\ncode\n```",
    );
    assert_eq!(said, "Held (or queued) now. As `Claim` says.\n\nMore");
    assert_eq!(prose("An open (bracket"), "An open (bracket");
}
