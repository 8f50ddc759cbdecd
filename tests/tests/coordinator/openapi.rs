//! Every operation of the coordinator's OpenAPI document behaves as documented.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::conformance::problems;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = include_str!("../../../fixtures/schemas/newsroom/schema.json");

on_both_stores! { super::SCHEMA;
    every_operation_behaves_as_documented
}

/// Returns the number of examples for each operation; `ABLO_LONG` raises it.
fn examples() -> u32 {
    if std::env::var_os("ABLO_LONG").is_some() { 100 } else { 4 }
}

async fn judge(server: &Coordinator, document: String) -> Option<String> {
    let (url, key) = (format!("http://{}/api", server.address), server.key.clone());
    tokio::task::spawn_blocking(move || problems(&document, &url, &key, examples()))
        .await
        .expect("the judge does not panic")
}

async fn every_operation_behaves_as_documented(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (model, id, data) in [
        ("users", "0", json!({ "name": "Ann" })),
        ("desks", "0", json!({ "name": "Weather", "beat": "weather" })),
    ] {
        let row = json!({ "id": id, "data": data });
        server.ask(&server.key, "POST", &format!("/api/v1/models/{model}"), Some(row)).await;
    }
    let found = judge(&server, format!("http://{}/api/openapi.json", server.address)).await;
    assert!(found.is_none(), "{}", found.unwrap_or_default());
    for query in ["limit=x", "order=up"] {
        let (_, refused) =
            server.ask(&server.key, "GET", &format!("/api/v1/models/users?{query}"), None).await;
        assert_eq!(refused["code"], "model_query_failed", "{query}: the coordinator still answers");
    }
}

/// The judge finds errors: it gets a document that does not match the coordinator.
#[tokio::test(flavor = "multi_thread")]
async fn the_judge_rejects_a_wrong_document() {
    let world = World::sqlite(SCHEMA);
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (_, mut document) = server.ask(&server.key, "GET", "/api/openapi.json", None).await;
    let list = "/v1/models/users";
    let paths = document["paths"].as_object_mut().expect("an object");
    paths.retain(|path, _| path == list);
    let answers = paths[list]["get"]["responses"].as_object_mut().expect("an object");
    let refusals: Vec<String> =
        answers.keys().filter(|status| status.starts_with('4')).cloned().collect();
    refusals.iter().for_each(|status| drop(answers.remove(status)));
    answers.insert(
        "200".to_owned(),
        json!({
            "description": "A text",
            "content": { "text/plain": { "schema": { "type": "string" } } },
        }),
    );
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join("openapi.json");
    std::fs::write(&file, Value::to_string(&document)).expect("the file is written");
    let found = judge(&server, file.to_str().expect("a UTF-8 path").to_owned())
        .await
        .expect("the judge finds a problem");
    assert!(found.contains("Undocumented Content-Type"), "{found}");
}
