//! The bodies of requests on both stores: those with the documented required members alone are
//! accepted, and each of these members is required.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    each_body_needs_its_required_members_and_no_others
    work_that_is_not_done_is_not_acknowledged
}

/// The routes with a body: method, path, and the smallest body. Its members are required.
fn bodies() -> Vec<(&'static str, &'static str, Value)> {
    let operation = |row: &str| json!([{ "action": "delete", "model": "notes", "id": row }]);
    let target = json!({ "model": "notes", "id": "n" });
    let presence = json!({ "userId": "key_test", "organizationId": "acme", "status": "online" });
    vec![
        ("POST", "/auth/capability", json!({ "participantKind": "user" })),
        ("POST", "/v1/capabilities", json!({})),
        ("POST", "/v1/capabilities/{capability}/rotate", json!({})),
        ("POST", "/v1/keys", json!({ "label": "other" })),
        ("POST", "/v1/tasks", json!({ "prompt": "p" })),
        ("POST", "/v1/tasks/{turn}/close", json!({})),
        ("POST", "/agent/turn", json!({ "prompt": "p" })),
        ("POST", "/agent/turn/{turn}/close", json!({})),
        ("POST", "/presence", presence),
        ("POST", "/sync/query", json!({ "queries": [{ "model": "notes" }] })),
        ("POST", "/v1/models/notes", json!({ "data": { "text": "one" } })),
        ("PATCH", "/v1/models/notes/{id}", json!({ "data": { "text": "two" } })),
        ("POST", "/v1/models/notes/{id}/claim", json!({})),
        ("POST", "/v1/models/notes/{id}/claim/reorder", json!({ "order": [] })),
        ("DELETE", "/v1/models/notes/{id}", json!({})),
        ("POST", "/v1/commits", json!({ "operations": operation("n") })),
        (
            "POST",
            "/v1/intents",
            json!({ "intentId": "int_1", "target": target, "action": "editing" }),
        ),
        ("POST", "/v1/webhook_endpoints", json!({ "url": "https://example.com/hook" })),
        ("POST", "/v1/datasource", json!({})),
    ]
}

/// Returns the required members of a schema of the OpenAPI document.
fn required(document: &Value, schema: &Value) -> BTreeSet<String> {
    if let Some(path) = schema["$ref"].as_str() {
        let found = document.pointer(path.trim_start_matches('#')).expect("a definition");
        return required(document, found);
    }
    if let Some(schema) = schema["content"]["application/json"].get("schema") {
        return required(document, schema);
    }
    let own = schema["required"].as_array().into_iter().flatten();
    let own = own.map(|name| name.as_str().expect("a name").to_owned());
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|part| required(document, part))).collect()
}

async fn each_body_needs_its_required_members_and_no_others(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let key = server.key.as_str();
    let (_, document) = server.ask(key, "GET", "/openapi.json", None).await;
    let (_, session) =
        server.ask(key, "POST", "/v1/capabilities", Some(json!({ "participantId": "a" }))).await;
    let (_, turn) = server.ask(key, "POST", "/v1/tasks", Some(json!({ "prompt": "p" }))).await;
    for (method, template, smallest) in bodies() {
        let id = format!("{method}-{}", template.len());
        let row = Some(json!({ "id": id, "data": { "text": "zero" } }));
        server.ask(key, "POST", "/v1/models/notes", row).await;
        let path = template
            .replace("{capability}", session["capabilityId"].as_str().expect("an id"))
            .replace("{turn}", turn["id"].as_str().expect("an id"))
            .replace("{id}", &id);
        let names: BTreeSet<String> =
            smallest.as_object().expect("an object").keys().cloned().collect();
        let route = template.replace("{capability}", "{id}").replace("{turn}", "{id}");
        let body = &document["paths"][route][method.to_lowercase()]["requestBody"];
        assert!(body.is_object(), "{method} {template} has a body in the document");
        assert_eq!(required(&document, body), names, "{method} {template} as documented");
        for name in &names {
            let mut without = smallest.clone();
            without.as_object_mut().expect("an object").remove(name);
            let (status, refusal) = server.ask(key, method, &path, Some(without)).await;
            assert_eq!(status, 400, "{method} {path} without {name}: {refusal}");
            assert!(refusal["code"].is_string() && refusal["message"].is_string(), "{refusal}");
        }
        let (status, answer) = server.ask(key, method, &path, Some(smallest)).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
    }
}

async fn work_that_is_not_done_is_not_acknowledged(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    // The 0.9 client does not start if this fails, and reads no more than the status.
    let body = json!({ "connectionString": "postgres://localhost/app" });
    let (status, answer) = server.ask(&server.key, "POST", "/v1/datasource", Some(body)).await;
    assert_eq!((status, &answer["registered"]), (200, &json!(false)), "{answer}");
    assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    // Without a data source, its events have no place.
    let events = json!({ "events": [{ "id": "e", "model": "notes", "entityId": "n" }] });
    let (status, answer) = server.ask(&server.key, "POST", "/source/events", Some(events)).await;
    assert!(status >= 400, "{answer}");
    let released = server.ask(&server.key, "DELETE", "/v1/models/notes/n/claim", None).await;
    assert_eq!((released.0, &released.1["released"]), (200, &json!(false)), "nothing to release");
    let released = server.ask(&server.key, "DELETE", "/v1/intents/none", None).await;
    assert_eq!((released.0, &released.1["released"]), (200, &json!(false)), "nothing to release");
}
