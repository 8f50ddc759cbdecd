//! Limits of what a client may send, on both stores, and how connections end.

use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, code, user};
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    ids_of_new_rows_are_bounded
    a_query_has_at_most_100_conditions
    a_refused_commit_names_the_head_and_a_close_frame_is_answered
}

fn create(id: &str) -> String {
    let data = json!({ "text": "one" });
    json!([{ "action": "create", "model": "notes", "id": id, "data": data }]).to_string()
}

async fn ids_of_new_rows_are_bounded(world: World) {
    let ann = user("ann");
    for id in [".", "..", "a\nb", "a\u{7f}", "a\u{85}b", &"x".repeat(257)] {
        assert_eq!(code(world.commit(&ann, &create(id)).await), "invalid_id", "{id:?}");
    }
    for id in ["...", "a b", "ä/ö?#%", &"x".repeat(256)] {
        world.commit(&ann, &create(id)).await.expect("a valid id");
        let row = world.retrieve(&ann, "notes", id).await.expect("a read");
        assert!(row.is_some(), "{id:?}");
    }
}

async fn a_query_has_at_most_100_conditions(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let ask = async |number: usize| {
        let conditions: Vec<Value> = (0..number).map(|_| json!(["text", "=", "one"])).collect();
        let body = json!({ "queries": [{ "model": "notes", "where": conditions }] });
        let asked = server.ask(&server.key, "POST", "/api/sync/query", Some(body)).await;
        let filters = vec!["text=one"; number].join("&");
        let path = format!("/api/v1/models/notes?{filters}");
        let listed = server.ask(&server.key, "GET", &path, None).await;
        [asked.0, listed.0]
    };
    assert_eq!(ask(100).await, [200, 200]);
    assert_eq!(ask(101).await, [400, 400]);
}

async fn a_refused_commit_names_the_head_and_a_close_frame_is_answered(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    world.commit(&user("ann"), &create("n")).await.expect("a row");
    let mut socket = server.socket(&server.key, "").await;
    let operations: Value = serde_json::from_str(&create("n")).expect("JSON");
    socket.send("commit", json!({ "clientTxId": "c", "operations": operations })).await;
    let refused = socket.receive("mutation_result").await;
    assert_eq!((&refused["status"], &refused["serverTxId"]), (&json!("rejected"), &json!("1")));
    socket.send_close(1000).await;
    assert_eq!(socket.close_code().await, Some(1000));
}
