//! Events that a data source pushes are applied or refused, never acknowledged and dropped.

use super::source_coordinator::{coordinator, row, source, stores};
use ablo::source::{Message, Remote};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::postgres::Database;
use ablo_tests::source::{Application, KEY, on_postgres, run};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Signs a message and returns the status and the body of the answer.
async fn push(server: &Coordinator, key: &str, body: Value) -> (u16, Value) {
    let message = Message::signed(key, "q_1", body.to_string().into_bytes());
    let url = format!("http://{}/api/source/events", server.address);
    let remote = Remote::new(&url, Duration::from_secs(20)).expect("a local address");
    let answer = remote.send(message).await.expect("the request succeeds");
    (answer.status, serde_json::from_slice(&answer.body).expect("valid JSON"))
}

/// Starts a coordinator that does not poll the outbox, with a mirrored row `first`.
async fn mirrored() -> (Database<'static>, Application, Coordinator) {
    let (database, adapter) = on_postgres().await;
    let values = "('first', 'acme', 'app', 'one')";
    let insert =
        format!("INSERT INTO tasks (id, organization_id, created_by, title) VALUES {values}");
    run(&database, "acme", &insert).await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    options.poll = Duration::from_mins(10);
    let server = coordinator(stores().remove(0).0, vec![options]).await;
    let start = Instant::now();
    while push(&server, KEY, json!({ "events": [update("first", "begin")] })).await.0 != 200 {
        assert!(start.elapsed() < Duration::from_secs(30), "the mirror is filled");
    }
    assert_eq!(row(&server, "first").await["title"], "one");
    (database, application, server)
}

fn update(row: &str, event: &str) -> Value {
    json!({ "id": event, "model": "tasks", "entityId": row, "type": "UPDATE" })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_with_an_invalid_signature_is_refused() {
    let (database, _application, server) = mirrored().await;
    run(&database, "acme", "UPDATE tasks SET title = 'two' WHERE id = 'first'").await;
    let events = json!({ "events": [update("first", "e")] });
    assert_eq!(push(&server, "sk_test_other", events.clone()).await.0, 401);
    assert_eq!(push(&server, KEY, json!({ "events": [] })).await.0, 400);
    assert_eq!(push(&server, KEY, json!({ "events": [{}] })).await.0, 400);
    assert_eq!(row(&server, "first").await["title"], "one");
    assert_eq!(push(&server, KEY, events).await, (200, json!({ "received": 1 })));
    assert_eq!(row(&server, "first").await["title"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_the_outbox_lacks_are_applied() {
    let (database, _application, server) = mirrored().await;
    run(
        &database,
        "acme",
        "ALTER TABLE tasks DISABLE TRIGGER USER; UPDATE tasks SET title = 'two' WHERE id = \
         'first'; ALTER TABLE tasks ENABLE TRIGGER USER",
    )
    .await;
    let events = json!({ "events": [update("first", "by hand")] });
    assert_eq!(push(&server, KEY, events).await, (200, json!({ "received": 1 })));
    assert_eq!(row(&server, "first").await["title"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_applied_are_refused_with_the_reason() {
    let (_database, _application, server) = mirrored().await;
    let with = |event: &str, member: &str, value: Value| {
        let mut event = update("first", event);
        event[member] = value;
        event
    };
    let row_without_title = json!({ "id": "first", "title": 5 });
    for (event, reason) in [
        (with("a", "model", json!("planets")), "no such model"),
        (with("b", "organizationId", json!("umbrella")), "another organisation"),
        (with("c", "data", row_without_title), "title"),
    ] {
        // A second time the answer is the same: the event was not recorded.
        for _ in 0..2 {
            let pushed = json!({ "events": [event] });
            let (status, answer) = push(&server, KEY, pushed).await;
            assert_eq!((status, &answer["error"]), (400, &json!("ingest_failed")), "{answer}");
            let message = answer["message"].as_str().expect("a message");
            assert!(message.contains(reason), "{message}");
        }
    }
    // Valid events of the same message are applied.
    let changed = json!({ "id": "first", "title": "changed" });
    let events = [with("d", "model", json!("planets")), with("e", "data", changed)];
    assert_eq!(push(&server, KEY, json!({ "events": events })).await.0, 400);
    assert_eq!(row(&server, "first").await["title"], "changed");
}
