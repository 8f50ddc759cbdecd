//! The end of a credential on both stores: revocation and expiry take effect in the transaction
//! that reads, writes or issues, and close sockets.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::Mode;
use ablo_server::engine::credentials::{self, CredentialKind, NewCredential};
use ablo_server::identity::{Identity, Operations, organization_group};
use ablo_server::store::Store;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use ablo_wire::ParticipantKind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    no_token_survives_a_racing_revocation
    a_rotation_keeps_the_original_end_and_parent
    a_replaced_key_ends_with_everything_derived_from_it
    a_revocation_closes_every_socket_within_a_second
    a_revocation_needs_no_notification
    an_expired_token_reads_and_writes_nothing
    a_fresh_token_resumes_without_a_bootstrap
    secret_keys_are_administered_with_a_secret_key
}

async fn start(world: &World) -> (Arc<Observed>, Coordinator) {
    let store = Observed::new(Arc::clone(&world.store));
    let server = Coordinator::start(world.schema(), Arc::clone(&store) as Arc<dyn Store>).await;
    (store, server)
}

/// Exchanges a credential. Returns the answer.
async fn exchange(server: &Coordinator, key: &str, body: Value) -> Value {
    let (status, answer) = server.ask(key, "POST", "/api/auth/capability", Some(body)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap_or_else(|| panic!("no {member} in {answer}")).to_owned()
}

/// Returns the status of `/auth/check` and its `X-Auth-Failure`.
async fn check(server: &Coordinator, token: &str) -> (u16, String) {
    let response = server.ask_raw(token, "HEAD", "/api/auth/check", None).await;
    let failure = response.headers().get("x-auth-failure").map(|code| code.to_str().expect("text"));
    (response.status().as_u16(), failure.unwrap_or_default().to_owned())
}

fn revoked() -> (u16, String) {
    (401, "apikey_revoked".to_owned())
}

fn expired() -> (u16, String) {
    (401, "apikey_expired".to_owned())
}

async fn no_token_survives_a_racing_revocation(world: World) {
    let (_, server) = start(&world).await;
    let mut issued = 0;
    for _ in 0..40 {
        let parent = exchange(
            &server,
            &server.key,
            json!({ "participantKind": "user", "participantId": "bob" }),
        )
        .await;
        let (token, path) = (
            text(&parent, "token"),
            format!("/api/v1/capabilities/{}", text(&parent, "capabilityId")),
        );
        let body = json!({ "participantKind": "agent", "participantId": "w" });
        let ask = || server.ask(&token, "POST", "/api/auth/capability", Some(body.clone()));
        let revoke = server.ask(&server.key, "DELETE", &path, None);
        let (first, second, third, _, fourth) = tokio::join!(ask(), ask(), ask(), revoke, ask());
        for (status, child) in [first, second, third, fourth] {
            if status == 200 {
                issued += 1;
                assert_eq!(check(&server, &text(&child, "token")).await, revoked());
            } else {
                assert_eq!((status, &child["code"]), (401, &json!("apikey_revoked")), "{child}");
            }
        }
    }
    assert!(issued > 0, "no exchange came before its revocation");
}

async fn a_rotation_keeps_the_original_end_and_parent(world: World) {
    let (_, server) = start(&world).await;
    let body = json!({ "participantKind": "user", "participantId": "bob", "ttlSeconds": 600 });
    let first = exchange(&server, &server.key, body).await;
    let wish = json!({ "ttlSeconds": 86_400 });
    let rotate = async |token: String, id: String| {
        let path = format!("/api/v1/capabilities/{id}/rotate");
        let (status, answer) = server.ask(&token, "POST", &path, Some(wish.clone())).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let mut chain = vec![first];
    for _ in 0..3 {
        let last = chain.last().expect("the first");
        chain.push(rotate(text(last, "token"), text(last, "capabilityId")).await);
    }
    for rotated in &chain {
        assert_eq!(rotated["expiresAt"], chain[0]["expiresAt"], "the original end");
        assert_eq!(check(&server, &text(rotated, "token")).await.0, 204, "in its grace period");
    }
    // A shorter life is possible.
    let path = format!("/api/v1/capabilities/{}/rotate", text(&chain[3], "capabilityId"));
    let shorter = Some(json!({ "ttlSeconds": 120 }));
    let (_, short) = server.ask(&text(&chain[3], "token"), "POST", &path, shorter).await;
    assert!(text(&short, "expiresAt") < text(&chain[0], "expiresAt"));
    chain.push(short);
    // The application knows only the token that it created.
    let path = format!("/api/v1/capabilities/{}", text(&chain[0], "capabilityId"));
    assert_eq!(server.ask(&server.key, "DELETE", &path, None).await.0, 200);
    for rotated in &chain {
        assert_eq!(check(&server, &text(rotated, "token")).await, revoked());
    }
    let path = format!("{path}/rotate");
    let (status, refused) = server.ask(&server.key, "POST", &path, Some(json!({}))).await;
    assert_eq!((status, &refused["code"]), (403, &json!("capability_invalid")), "{refused}");
}

async fn a_replaced_key_ends_with_everything_derived_from_it(world: World) {
    let (_, server) = start(&world).await;
    let old = server.app.issue_secret_key("acme", "old").await.expect("a key");
    let user = json!({ "participantKind": "user", "participantId": "bob" });
    let user = text(&exchange(&server, &old, user).await, "token");
    let me = json!({ "participantKind": "system" });
    let system = exchange(&server, &old, me).await;
    let id = world
        .write(&acme(), {
            let old = old.clone();
            move |_, tx, _| Ok(credentials::identify(tx, Mode::Test, &old)?.id)
        })
        .await
        .expect("the key");
    let mut socket = server.socket(&user, "").await;
    let path = format!("/api/v1/capabilities/{id}/rotate");
    let (status, new) = server.ask(&old, "POST", &path, Some(json!({ "graceSeconds": 0 }))).await;
    assert_eq!(status, 200, "{new}");
    for token in [&old, &user, &text(&system, "token")] {
        assert_eq!(check(&server, token).await, expired());
    }
    assert_eq!(socket.close_code().await, Some(4408));
    let new = text(&new, "token");
    assert!(new.starts_with("sk_test_"));
    assert_eq!(check(&server, &new).await.0, 204);
}

fn acme() -> Identity {
    user("somebody")
}

/// Issues tokens that derive from another one, in one transaction.
async fn derive(world: &World, parent: &str, count: usize) -> Vec<String> {
    let parent = parent.to_owned();
    world
        .write(&acme(), move |_, tx, _| {
            let mut tokens = Vec::with_capacity(count);
            for at in 0..count {
                let grant = NewCredential {
                    kind: CredentialKind::Restricted,
                    organization: "acme".to_owned(),
                    participant: format!("w{at}"),
                    participant_kind: ParticipantKind::Agent,
                    on_behalf_of: Some("bob".to_owned()),
                    operations: Operations::All,
                    groups: BTreeSet::from([organization_group("acme")]),
                    user_meta: serde_json::Map::new(),
                    label: None,
                    full_reach: true,
                    parent: Some(parent.clone()),
                    ttl: Some(3600),
                    not_after: None,
                };
                tokens.push(credentials::issue(tx, Mode::Test, &grant)?.token);
            }
            Ok(tokens)
        })
        .await
        .expect("tokens")
}

/// Asserts that every socket is closed with a code within a second of `start`.
async fn all_closed(sockets: Vec<Socket>, code: u16, start: Instant) {
    let closed = sockets.into_iter().map(|mut socket| async move { socket.close_code().await });
    let within = Duration::from_secs(1).saturating_sub(start.elapsed());
    let codes = tokio::time::timeout(within, futures_util::future::join_all(closed)).await;
    let codes = codes.expect("every socket is closed within a second");
    assert!(codes.iter().all(|closed| *closed == Some(code)), "{codes:?}");
}

async fn a_revocation_closes_every_socket_within_a_second(world: World) {
    let (_, server) = start(&world).await;
    let user = json!({ "participantKind": "user", "participantId": "bob" });
    let user = exchange(&server, &server.key, user).await;
    let id = text(&user, "capabilityId");
    // More than a channel of notifications holds.
    let tokens = derive(&world, &id, 3000).await;
    let mut sockets = vec![server.socket(&text(&user, "token"), "").await];
    for token in tokens.iter().step_by(100) {
        sockets.push(server.socket(token, "").await);
    }
    let start = Instant::now();
    let path = format!("/api/v1/capabilities/{id}");
    let (status, answer) = server.ask(&server.key, "DELETE", &path, None).await;
    assert_eq!(status, 200, "{answer}");
    all_closed(sockets, 4001, start).await;
    for token in tokens.iter().step_by(500) {
        assert_eq!(check(&server, token).await, revoked());
    }
}

async fn a_revocation_needs_no_notification(world: World) {
    let (store, server) = start(&world).await;
    let user = json!({ "participantKind": "user", "participantId": "bob" });
    let user = exchange(&server, &server.key, user).await;
    let id = text(&user, "capabilityId");
    let mut sockets = vec![server.socket(&text(&user, "token"), "").await];
    for token in derive(&world, &id, 3).await {
        sockets.push(server.socket(&token, "").await);
    }
    store.lose_notifications();
    let start = Instant::now();
    let path = format!("/api/v1/capabilities/{id}");
    assert_eq!(server.ask(&server.key, "DELETE", &path, None).await.0, 200);
    all_closed(sockets, 4001, start).await;
}

async fn create(server: &Coordinator, key: &str, id: &str) -> (u16, Value) {
    let body = json!({ "id": id, "data": { "text": id } });
    server.ask(key, "POST", "/api/v1/models/notes", Some(body)).await
}

async fn an_expired_token_reads_and_writes_nothing(world: World) {
    let (clock, server) = start(&world).await;
    let token = server.session("user", "bob", json!({ "ttlSeconds": 600 })).await;
    let mut socket = server.socket(&token, "").await;
    socket.sync(0).await;
    assert_eq!(create(&server, &token, "n1").await.0, 201);
    assert_eq!(socket.deltas().await[0]["modelId"], "n1");
    clock.set_ahead(600);
    assert_eq!(create(&server, &server.key, "n2").await.0, 201);
    let operation =
        json!({ "type": "CREATE", "model": "note", "id": "n3", "input": { "text": "x" } });
    let commit = json!({ "clientTxId": "late", "operations": [operation] });
    socket.send("commit", commit).await;
    let (mut frames, mut code) = (Vec::new(), None);
    while code.is_none() {
        match socket.next_or_close().await {
            Ok(frame) => frames.push(frame),
            Err(closed) => code = Some(closed),
        }
    }
    assert_eq!(code, Some(Some(4408)));
    let kinds: Vec<&str> = frames.iter().filter_map(|frame| frame["type"].as_str()).collect();
    assert!(!kinds.contains(&"delta") && !kinds.contains(&"mutation_result"), "{kinds:?}");
    assert_eq!(check(&server, &token).await, expired());
    for (method, path, body) in [
        ("GET", "/api/v1/models/notes", None),
        ("GET", "/api/sync/bootstrap", None),
        ("POST", "/api/auth/capability", Some(json!({ "participantKind": "user" }))),
        ("POST", "/api/v1/models/notes/n1/claim", Some(json!({}))),
    ] {
        let (status, refused) = server.ask(&token, method, path, body).await;
        assert_eq!((status, &refused["code"]), (401, &json!("apikey_expired")), "{path}");
    }
    let (_, rows) = server.ask(&server.key, "GET", "/api/v1/models/notes", None).await;
    let ids: Vec<&str> = rows["data"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["id"].as_str())
        .collect();
    assert_eq!(ids, ["n1", "n2"]);
}

async fn a_fresh_token_resumes_without_a_bootstrap(world: World) {
    let (clock, server) = start(&world).await;
    let token = server.session("user", "bob", json!({ "ttlSeconds": 600 })).await;
    let mut socket = server.socket(&token, "").await;
    socket.sync(0).await;
    create(&server, &server.key, "n1").await;
    let position = socket.deltas().await[0]["id"].as_u64().expect("a sync id");
    clock.set_ahead(700);
    assert_eq!(socket.close_code().await, Some(4408), "without anything to send");
    create(&server, &server.key, "n2").await;
    let fresh = server.session("user", "bob", json!({})).await;
    let mut socket = server.socket(&fresh, "").await;
    socket.sync(position).await;
    let deltas = socket.deltas().await;
    let rows: Vec<&str> = deltas.iter().filter_map(|delta| delta["modelId"].as_str()).collect();
    assert_eq!(rows, ["n2"]);
}

async fn secret_keys_are_administered_with_a_secret_key(world: World) {
    let (_, server) = start(&world).await;
    let user = server.session("user", "bob", json!({})).await;
    let body = || Some(json!({ "label": "backend" }));
    for (method, body) in [("GET", None), ("POST", body())] {
        let (status, refused) = server.ask(&user, method, "/api/v1/keys", body).await;
        assert_eq!((status, &refused["code"]), (403, &json!("forbidden")));
    }
    let (status, made) = server.ask(&server.key, "POST", "/api/v1/keys", body()).await;
    assert_eq!((status, &made["label"]), (201, &json!("backend")));
    let (key, id) = (text(&made, "token"), text(&made, "id"));
    let (_, listed) = server.ask(&key, "GET", "/api/v1/keys", None).await;
    let keys: Vec<(&str, &str)> = listed["data"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|key| (key["label"].as_str().expect("text"), key["status"].as_str().expect("text")))
        .collect();
    assert_eq!(keys, [("test", "active"), ("backend", "active")]);
    assert!(!listed.to_string().contains("sk_test_"), "no token is listed");
    let mut socket = server.socket(&key, "").await;
    let path = format!("/api/v1/capabilities/{id}");
    assert_eq!(server.ask(&server.key, "DELETE", &path, None).await.0, 200);
    assert_eq!(socket.close_code().await, Some(4001));
    assert_eq!(check(&server, &key).await, revoked());
    let (_, listed) = server.ask(&server.key, "GET", "/api/v1/keys", None).await;
    assert_eq!(listed["data"][1]["status"], "revoked");
    for label in ["", "environment", "a\nb"] {
        let body = Some(json!({ "label": label }));
        let (status, refused) = server.ask(&server.key, "POST", "/api/v1/keys", body).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")), "{label}");
    }
}
