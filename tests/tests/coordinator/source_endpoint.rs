//! The endpoint of a data source: the order of its checks, its answers, and errors without internal
//! details.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo::source::{Call, Endpoint, Error, Result, Scopes, Source, Verifier, sign};
use ablo::wire::{
    EventsAnswer, ListAnswer, RawRow, SourceCommit, SourceCommitAnswer, SourceErrorCode,
    SourceEvents, SourceList, SourceLoad,
};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

const KEY: &str = "sk_test_example";

/// Serves the model `tasks`. The row `broken` fails, and guests can only read.
#[derive(Default)]
struct Tasks {
    committed: Mutex<Vec<String>>,
}

fn row(text: &Value) -> RawRow {
    serde_json::from_value(text.clone()).expect("an object")
}

impl Source for Tasks {
    async fn authorize(&self, call: &Call) -> Result<Scopes> {
        match call.scope.participant_id.as_deref() {
            Some("guest") => Ok(Scopes::READ),
            Some("stranger") => Err(Error::refused(SourceErrorCode::Forbidden, "who are you?")),
            _ => Ok(Scopes::ALL),
        }
    }

    async fn load(&self, _: &Call, request: SourceLoad) -> Result<Option<RawRow>> {
        match (request.model.as_str(), request.id.as_str()) {
            ("tasks", "broken") => Err(Error::failed("the password is hunter2")),
            ("tasks", "none") => Ok(None),
            ("tasks", id) => Ok(Some(row(&json!({ "id": id, "title": "Write spec" })))),
            (model, _) => Err(Error::refused(SourceErrorCode::LoadNotConfigured, model)),
        }
    }

    async fn list(&self, _: &Call, request: SourceList) -> Result<ListAnswer> {
        let limit = request.query.and_then(|query| query.limit).unwrap_or(2);
        let mut answer = ListAnswer::new(
            (0..limit).map(|at| row(&json!({ "id": at.to_string() }))).collect::<Vec<_>>(),
        );
        answer.next_cursor = Some("2".to_owned());
        Ok(answer)
    }

    async fn commit(&self, call: &Call, request: SourceCommit) -> Result<SourceCommitAnswer> {
        assert!(call.is_test && !call.message_id.is_empty());
        let id = request.client_tx_id.expect("the endpoint checks it");
        self.committed.lock().expect("the lock is not poisoned").push(id);
        let mut answer = SourceCommitAnswer::new();
        answer.rows = Some(vec![row(&json!({ "id": "t_1" }))]);
        Ok(answer)
    }

    async fn events(&self, _: &Call, _: SourceEvents) -> Result<EventsAnswer> {
        Ok(EventsAnswer::new(Vec::new()))
    }
}

/// A source without handlers.
struct Empty;

impl Source for Empty {}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is after 1970").as_secs()
}

/// Returns the headers of a signed message.
fn signed(id: &str, key: &str, at: u64, body: &str) -> Vec<(String, String)> {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    vec![
        pair("webhook-id", id.to_owned()),
        pair("webhook-timestamp", at.to_string()),
        pair("webhook-signature", sign(key, id, at, body.as_bytes())),
    ]
}

async fn post<S: Source>(
    endpoint: &Endpoint<S>,
    headers: &[(String, String)],
    body: &str,
) -> (u16, Value) {
    let header = |name: &str| {
        headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let answer = endpoint.answer("POST", header, body.as_bytes()).await;
    (answer.status, serde_json::from_str(&answer.body).expect("valid JSON"))
}

/// Sends a request with a valid signature and a new message id.
async fn ask<S: Source>(endpoint: &Endpoint<S>, body: &Value) -> (u16, Value) {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let id = format!("msg_{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    let text = body.to_string();
    let headers = signed(&id, KEY, now(), &text);
    post(endpoint, &headers, &text).await
}

fn scoped(body: Value, scope: Value) -> Value {
    let mut body = body;
    body["scope"] = scope;
    body["scope"]["mode"] = "test".into();
    body
}

#[tokio::test]
async fn signatures_are_checked_before_the_body_is_read() {
    let endpoint = Endpoint::new(Tasks::default(), [KEY]);
    let invalid = "{ this is no JSON";
    let (status, answer) = post(&endpoint, &[], invalid).await;
    assert_eq!((status, &answer["error"]), (401, &json!("source_id_missing")));
    let foreign = signed("m", "sk_test_other", now(), invalid);
    assert_eq!(post(&endpoint, &foreign, invalid).await.1["error"], "source_signature_invalid");
    let old = signed("m", KEY, now() - 3600, invalid);
    assert_eq!(post(&endpoint, &old, invalid).await.1["error"], "source_timestamp_expired");
    let good = signed("m", KEY, now(), invalid);
    let (status, answer) = post(&endpoint, &good, invalid).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_json")));
    assert_eq!(
        post(&endpoint, &good, invalid).await,
        (401, json!({ "error": "source_message_replayed" }))
    );
    let get = endpoint.answer("GET", |_| None, b"").await;
    assert_eq!((get.status, get.body.as_str()), (405, r#"{"error":"method_not_allowed"}"#));
    let huge = " ".repeat(Endpoint::<Tasks>::max_body_bytes() + 1);
    assert_eq!(
        post(&endpoint, &[], &huge).await,
        (413, json!({ "error": "source_body_too_large" }))
    );
    let keyless = Endpoint::with(Tasks::default(), Verifier::new([""]));
    assert_eq!(post(&keyless, &good, invalid).await.1["error"], "source_api_key_missing");
}

#[tokio::test]
async fn each_request_type_is_answered() {
    let endpoint = Endpoint::new(Tasks::default(), ["sk_test_former", KEY]);
    let test = || json!({ "mode": "test" });
    let load = |id: &str| scoped(json!({ "type": "load", "model": "tasks", "id": id }), test());
    assert_eq!(
        ask(&endpoint, &load("t_1")).await,
        (200, json!({ "row": { "id": "t_1", "title": "Write spec" } }))
    );
    assert_eq!(ask(&endpoint, &load("none")).await, (200, json!({ "row": null })));
    let list = scoped(json!({ "type": "list", "model": "tasks", "query": { "limit": 1 } }), test());
    assert_eq!(
        ask(&endpoint, &list).await,
        (200, json!({ "rows": [{ "id": "0" }], "nextCursor": "2" }))
    );
    let operations =
        json!([{ "type": "UPDATE", "model": "tasks", "id": "t_1", "input": { "status": "done" } }]);
    let commit =
        scoped(json!({ "type": "commit", "clientTxId": "tx", "operations": operations }), test());
    assert_eq!(ask(&endpoint, &commit).await, (200, json!({ "rows": [{ "id": "t_1" }] })));
    assert_eq!(
        ask(&endpoint, &json!({ "type": "events", "cursor": null })).await,
        (200, json!({ "events": [] }))
    );
}

#[tokio::test]
async fn invalid_requests_are_refused_with_their_codes() {
    let endpoint = Endpoint::new(Tasks::default(), [KEY]);
    let commit = |id: Value, operations: Value| {
        json!({
            "type": "commit", "clientTxId": id, "operations": operations,
        })
    };
    let one = json!([{ "type": "DELETE", "model": "tasks", "id": "t_1" }]);
    let refused = [
        (commit(Value::Null, one.clone()), 400, "source_commit_requires_client_tx_id"),
        (commit("".into(), one.clone()), 400, "source_commit_requires_client_tx_id"),
        (commit("tx".into(), json!([])), 400, "source_commit_invalid"),
        (
            scoped(commit("tx".into(), one), json!({ "participantId": "guest" })),
            403,
            "source_forbidden",
        ),
        (json!({ "type": "subscribe" }), 400, "unknown_source_request"),
        (
            commit("tx".into(), json!([{ "type": "MERGE", "model": "tasks", "id": "t" }])),
            400,
            "source_commit_invalid",
        ),
        (
            commit("tx".into(), json!([{ "type": "DELETE", "model": "tasks", "id": "" }])),
            400,
            "source_commit_invalid",
        ),
        (
            commit("tx".into(), json!([{ "type": "UPDATE", "model": "tasks" }])),
            400,
            "source_commit_invalid",
        ),
        (
            commit("tx".into(), json!([{ "type": "DELETE", "model": "", "id": "t" }])),
            400,
            "source_commit_invalid",
        ),
        (commit("tx".into(), json!([{}])), 400, "source_commit_invalid"),
        (json!({ "model": "tasks" }), 400, "unknown_source_request"),
        (json!({ "type": "load", "model": "tasks" }), 400, "invalid_json"),
        (json!(["load"]), 400, "invalid_json"),
        (json!({ "type": "load", "model": "users", "id": "u" }), 404, "source_load_not_configured"),
        (
            scoped(json!({ "type": "events" }), json!({ "participantId": "stranger" })),
            403,
            "source_forbidden",
        ),
    ];
    for (body, status, code) in refused {
        let (got, answer) = ask(&endpoint, &body).await;
        assert_eq!((got, answer["error"].as_str()), (status, Some(code)), "{body}");
    }
    let (_, guest) = ask(
        &endpoint,
        &scoped(
            commit("tx".into(), json!([{ "type": "DELETE", "model": "tasks", "id": "t_1" }])),
            json!({ "participantId": "guest" }),
        ),
    )
    .await;
    let granted = json!(["load", "list", "events"]);
    assert_eq!(
        guest,
        json!({ "error": "source_forbidden", "required": "commit", "granted": granted })
    );

    // A test key does not reach live rows.
    let live =
        json!({ "type": "load", "model": "tasks", "id": "t_1", "scope": { "mode": "live" } });
    assert_eq!(ask(&endpoint, &live).await.0, 403);

    let empty = Endpoint::new(Empty, [KEY]);
    for (body, code) in [
        (json!({ "type": "load", "model": "tasks", "id": "t" }), "source_load_not_configured"),
        (json!({ "type": "list", "model": "tasks" }), "source_list_not_configured"),
        (
            commit("tx".into(), json!([{ "type": "DELETE", "model": "tasks", "id": "t" }])),
            "source_commit_not_configured",
        ),
        (json!({ "type": "events" }), "source_events_not_configured"),
    ] {
        let (status, answer) = ask(&empty, &body).await;
        assert_eq!((status, answer["error"].as_str()), (404, Some(code)));
        assert!(answer["model"].is_null() || answer["model"] == "tasks", "{answer}");
    }
}

#[tokio::test]
async fn failures_do_not_reveal_their_cause() {
    let endpoint = Endpoint::new(Tasks::default(), [KEY]);
    let (status, answer) =
        ask(&endpoint, &json!({ "type": "load", "model": "tasks", "id": "broken" })).await;
    assert_eq!(
        (status, answer),
        (500, json!({ "error": "source_failed", "message": "the source failed" }))
    );
}

#[tokio::test]
async fn an_endpoint_is_an_axum_service() {
    let router = axum::Router::new()
        .route_service("/api/ablo/source", Endpoint::new(Tasks::default(), [KEY]));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/api/ablo/source", listener.local_addr().expect("a local address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = ablo_tests::coordinator::client();
    let body = r#"{"type":"load","model":"tasks","id":"t_1"}"#;
    let mut request = client.post(&url).body(body);
    for (name, value) in signed("msg_route", KEY, now(), body) {
        request = request.header(name, value);
    }
    let answer = request.send().await.expect("the request succeeds");
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().expect("a header value"))
    );
    assert_eq!(
        answer.text().await.expect("the body is readable"),
        r#"{"row":{"id":"t_1","title":"Write spec"}}"#
    );
    let huge =
        client.post(&url).body(vec![b' '; 5 << 20]).send().await.expect("the request succeeds");
    assert_eq!(huge.status().as_u16(), 413);
    assert_eq!(client.get(&url).send().await.expect("the request succeeds").status().as_u16(), 405);
}
