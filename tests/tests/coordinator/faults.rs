//! Faults around the coordinator: lost database connections and invalid input.
//!
//! | fault | tests |
//! |---|---|
//! | the process is killed during commits | `ablo-cli/tests/command/serve.rs` |
//! | one of three processes on PostgreSQL is killed | `ablo-cli/tests/command/serve_nodes.rs` |
//! | database connections are cut | here, `server_together.rs` |
//! | PostgreSQL becomes a standby, or has no free connections | `failover.rs` |
//! | a handler panics | here |
//! | malformed, deep, oversized and binary frames | here |
//! | expired, foreign and forged credentials | `server_protocol.rs`, `client_rows.rs` |
//! | replayed requests | `server_engine.rs`, `server_together.rs`, `server_values.rs` |
//! | SQL in ids, filters, orders and cursors | `server_values.rs`, `server_isolation.rs`, here |
//! | a clock that jumps or goes back | `server_together.rs`, `server_clock.rs` |
//! | sockets whose client does not read | `ablo-cli/tests/command/serve_stalled.rs` |
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::Store;
use ablo_server::engine::Engine;
use ablo_server::identity::Identity;
use ablo_server::store::Tx;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use ablo_wire::ErrorCode;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    invalid_frames_do_not_affect_other_clients
    sql_in_parameters_is_treated_as_text
    pages_of_the_log_are_bounded_in_size
    a_panic_of_one_request_answers_500_and_stops_no_other
    answers_to_failed_statements_contain_no_sql
}

/// Large rows are read a few at a time, without gaps.
async fn pages_of_the_log_are_bounded_in_size(world: World) {
    let ann = ablo_tests::server::user("ann");
    for at in 0..8 {
        let text = "x".repeat(1_000_000);
        let operation = format!(
            r#"[{{"action":"create","model":"notes","id":"n{at}","data":{{"text":"{text}"}}}}]"#
        );
        world.commit(&ann, &operation).await.expect("the commit succeeds");
    }
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = world.log(&ann, after).await.expect("the log is readable");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 5, "{} large rows at once", page.len());
        assert!(ablo_server::engine::log::is_full(&page, 10_000) || last.row == "n7");
        after = last.id;
        seen.extend(page.into_iter().map(|delta| delta.row));
    }
    assert_eq!(seen, ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"]);
}

async fn a_panic_of_one_request_answers_500_and_stops_no_other(world: World) {
    let store = Observed::new(Arc::clone(&world.store));
    let server = Coordinator::start(world.schema(), Arc::clone(&store) as Arc<dyn Store>).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        // A background task may read the clock first.
        store.panic_once();
        let (status, answer) = server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
        if status == 500 {
            assert_eq!(answer["code"], "internal_error", "{answer}");
            assert!(!answer.to_string().contains("wishes"), "{answer}");
            break;
        }
        assert!(status == 200 && Instant::now() < deadline, "{status} {answer}");
    }
    assert_eq!(server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await.0, 200);
    let mut socket = server.socket(&server.key, "").await;
    socket.sync(0).await;
    assert_eq!(persist(&server, "n").await, 0);
    assert_eq!(socket.deltas().await[0]["modelId"], "n");
}

async fn answers_to_failed_statements_contain_no_sql(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    assert_eq!(persist(&server, "n").await, 0);
    let rename = |_: &Engine, tx: &mut Tx<'_>, _: &Identity| {
        Ok(tx.connection().execute("ALTER TABLE notes RENAME TO elsewhere", &[])?)
    };
    world.write(&ablo_tests::server::user("ann"), rename).await.expect("every statement fails");
    let operation = json!({ "action": "delete", "model": "notes", "id": "n" });
    let commit = json!({ "clientTxId": "c", "operations": [operation] });
    let queries = json!({ "queries": [{ "model": "notes", "where": [["text", "=", "a"]] }] });
    let mut answers = Vec::new();
    for (method, path, body) in [
        ("GET", "/v1/models/notes", None),
        ("GET", "/v1/models/notes/n", None),
        ("GET", "/sync/bootstrap", None),
        ("POST", "/sync/query", Some(queries)),
        ("PATCH", "/v1/models/notes/n", Some(json!({ "data": { "text": "a" } }))),
        ("POST", "/v1/commits", Some(commit.clone())),
        ("POST", "/v1/models/notes/n/claim", Some(json!({}))),
    ] {
        let (status, answer) = server.ask(&server.key, method, path, body).await;
        assert_eq!(status, 500, "{method} {path}: {answer}");
        answers.push(answer.to_string());
    }
    let mut socket = server.socket(&server.key, "").await;
    socket.send("commit", commit).await;
    answers.push(socket.receive("mutation_result").await.to_string());
    for answer in answers {
        for word in ["SELECT", "select", "relation", "table", "column", "organization_id"] {
            assert!(!answer.contains(word), "{word} in {answer}");
        }
    }
}

/// Repeats a create until it is confirmed, and returns the number of refusals. Each refusal has to
/// be retryable.
async fn persist(server: &Coordinator, id: &str) -> u32 {
    let body = json!({ "idempotencyKey": format!("tx-{id}"), "id": id, "data": { "text": id } });
    for refused in 0..200 {
        let (status, answer) =
            server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body.clone())).await;
        if status == 201 {
            return refused;
        }
        let code = answer["code"].as_str().expect("the error has a code").to_owned();
        assert!(ErrorCode::from(code).retryable(), "{status} {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{id} was not written")
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_survive_cut_database_connections() {
    let world = World::postgres(SCHEMA);
    let server = Arc::new(Coordinator::start(world.schema(), Arc::clone(&world.store)).await);
    let mut socket = server.socket(&server.key, "").await;
    socket.sync(0).await;
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                for at in 0..40 {
                    persist(&server, &format!("n{writer}-{at}")).await;
                }
            })
        })
        .collect();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        let database = world.database().expect("the world is on PostgreSQL").clone();
        let cut = std::thread::spawn(move || {
            let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            database.admin().texts(sql).len()
        });
        cut.join().expect("the thread succeeds");
    }
    for writer in writers {
        writer.await.expect("the writer does not panic");
    }
    // A subscriber receives each note once and in order, although its listener was cut as well.
    let mut received: Vec<(u64, String)> = Vec::new();
    while received.len() < 240 {
        let deltas = socket.deltas().await;
        received.extend(deltas.iter().map(|delta| {
            (
                delta["id"].as_u64().expect("a sync id"),
                delta["modelId"].as_str().expect("the id is a string").to_owned(),
            )
        }));
    }
    assert!(received.is_sorted_by(|one, next| one.0 < next.0));
    assert_eq!(received.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(), 240);
}

async fn invalid_frames_do_not_affect_other_clients(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut good = server.socket(&server.key, "").await;
    good.sync(0).await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let large = format!(r#"{{"type":"ping","payload":"{}"}}"#, "x".repeat(5 << 20));
    let begin =
        |id: &str| json!({ "type": "intent_begin", "payload": { "intentId": id } }).to_string();
    let invalid = [
        "",
        "null",
        "{",
        "[]",
        "\u{0}",
        "{\"type\":1}",
        "{\"type\":\"commit\"}",
        "{\"type\":\"commit\",\"payload\":[]}",
        "{\"type\":\"sync_request\",\"payload\":{\"lastSyncId\":1e999}}",
        "{\"type\":\"nobody_knows\",\"payload\":{}}",
    ];
    let mut bad = server.socket(&server.key, "").await;
    for text in invalid.iter().map(|text| (*text).to_owned()).chain([deep, begin("i1")]) {
        bad.send_text(&text).await;
    }
    assert_eq!(
        bad.receive("intent_lost").await["intentId"],
        "i1",
        "an invalid intent_begin is answered"
    );
    bad.send("ping", Value::Null).await;
    bad.receive("pong").await;
    // A flood of invalid frames and an oversized frame close only their own connections.
    let mut endless = server.socket(&server.key, "").await;
    for _ in 0..200 {
        if !endless.try_send_text("{").await {
            break;
        }
    }
    while endless.next(Duration::from_secs(5)).await.is_some() {}
    let mut oversized = server.socket(&server.key, "").await;
    oversized.try_send_text(&large).await;
    while oversized.next(Duration::from_secs(5)).await.is_some() {}
    persist(&server, "n1").await;
    assert_eq!(good.deltas().await[0]["modelId"], "n1");
}

async fn sql_in_parameters_is_treated_as_text(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    persist(&server, "n1").await;
    let hostile =
        ["' OR '1'='1", "\"; DROP TABLE notes; --", "n1') OR (1=1", "%", "\\", "$1", "{1}", "𝒳'"];
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for text in hostile {
        let id = encoded(text);
        let row = format!("/api/v1/models/notes/{id}");
        let patch = || Some(json!({ "data": { "text": text } }));
        for (method, path, body, expected) in [
            ("GET", row.clone(), None, 404),
            ("PATCH", row.clone(), patch(), 404),
            ("DELETE", row.clone(), None, 200),
            ("GET", format!("/api/sync/entity/Note/{id}"), None, 404),
            ("GET", format!("/api/v1/models/notes?text={id}"), None, 200),
            ("GET", format!("/api/v1/models/notes?order_by={id}"), None, 400),
            ("GET", format!("/api/v1/models/notes?starting_after={id}"), None, 400),
            ("GET", format!("/api/v1/models/{id}"), None, 400),
            ("GET", format!("/api/v1/intents?model=notes&id={id}&field={id}"), None, 200),
            ("POST", format!("{row}/claim"), Some(json!({ "action": text })), 201),
            ("DELETE", format!("{row}/claim"), None, 200),
        ] {
            let (status, answer) = server.ask(&server.key, method, &path, body).await;
            assert_eq!(status, expected, "{method} {path}: {answer}");
            assert_eq!(
                answer["data"].as_array().map_or(0, Vec::len),
                0,
                "{method} {path}: {answer}"
            );
        }
        let create = json!({ "id": text, "data": { "text": text } });
        let (status, answer) =
            server.ask(&server.key, "POST", "/api/v1/models/notes", Some(create)).await;
        assert_eq!(status, 201, "{answer}");
        let (_, read) = server.ask(&server.key, "GET", &row, None).await;
        assert_eq!(read["data"]["text"], text);
    }
    let (_, all) = server.ask(&server.key, "GET", "/api/v1/models/notes", None).await;
    assert_eq!(all["data"].as_array().expect("an array").len(), hostile.len() + 1);
}
