//! A participant is a kind and a name: no kind acts as another one with the same name, and a token
//! creates no token of another participant.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// Reports are seen by the members of their desk.
const SCHEMA: &str = r#"{"v":3,"identityRoles":[
  {"kind":"user","source":{"field":"userId","multi":false}},
  {"kind":"desk","source":{"field":"deskIds","multi":true}}],"models":{
  "users":{"typename":"User","mutable":true,"relations":{},"fields":{"name":{"type":"string",
    "isOptional":false,"isIndexed":false}}},
  "desks":{"typename":"Desk","scope":"desk","mutable":true,"relations":{},
    "fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"typename":"Report","mutable":true,"fields":{
    "deskId":{"type":"string","isOptional":true,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}},
  "members":{"typename":"Member","mutable":true,"grants":{"subject":"user","scope":"desk"},
    "fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "userId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{
    "desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId","foreignKeyColumn":"desk_id"},
    "user":{"type":"belongsTo","target":"users","foreignKey":"userId",
      "foreignKeyColumn":"user_id"}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_token_creates_no_token_of_another_participant
    an_agent_is_not_the_user_of_its_name
    a_removed_membership_leaves_every_token_of_its_user
    claims_and_turns_belong_to_a_kind_and_a_name
}

async fn newsroom(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (model, id, data) in [
        ("users", "alice", json!({ "name": "Alice" })),
        ("users", "bob", json!({ "name": "Bob" })),
        ("desks", "d1", json!({ "name": "Weather" })),
        ("desks", "d2", json!({ "name": "Sports" })),
        ("reports", "r1", json!({ "title": "Rain", "deskId": "d1" })),
        ("reports", "r2", json!({ "title": "Goal", "deskId": "d2" })),
    ] {
        create(&server, model, id, data).await;
    }
    server
}

async fn create(server: &Coordinator, model: &str, id: &str, data: Value) {
    let body = json!({ "id": id, "data": data });
    let (status, answer) =
        server.ask(&server.key, "POST", &format!("/api/v1/models/{model}"), Some(body)).await;
    assert_eq!(status, 201, "{answer}");
}

async fn member(server: &Coordinator, id: &str, user: &str, desk: &str) {
    create(server, "members", id, json!({ "userId": user, "deskId": desk })).await;
}

/// Exchanges a token. Returns the new one, or the code of the refusal.
async fn exchange(
    server: &Coordinator,
    key: &str,
    kind: &str,
    id: Option<&str>,
    further: Value,
) -> Result<String, String> {
    let mut body = json!({ "participantKind": kind, "participantId": id });
    if let (Some(body), Value::Object(further)) = (body.as_object_mut(), further) {
        body.extend(further);
    }
    let (status, answer) = server.ask(key, "POST", "/api/auth/capability", Some(body)).await;
    match status {
        200 => Ok(answer["token"].as_str().expect("a token").to_owned()),
        _ => Err(format!("{status} {}", answer["code"].as_str().unwrap_or_default())),
    }
}

async fn groups(server: &Coordinator, key: &str) -> Value {
    server.ask(key, "GET", "/api/auth/identity", None).await.1["syncGroups"].clone()
}

const DENIED: &str = "403 capability_scope_denied";

async fn a_token_creates_no_token_of_another_participant(world: World) {
    let server = newsroom(&world).await;
    let none = || json!({});
    let bob = server.session("user", "bob", none()).await;
    let alice = server.session("user", "alice", none()).await;
    let own = exchange(&server, &bob, "agent", Some("helper"), none()).await.expect("his own");
    server.session("agent", "of-the-application", none()).await;
    member(&server, "m1", "carol", "d1").await;
    for (key, kind, id) in [
        (&bob, "user", Some("alice")),
        (&bob, "system", None),
        (&bob, "system", Some("bob")),
        // Named like a user who has a token, or only a membership.
        (&bob, "agent", Some("alice")),
        (&bob, "agent", Some("carol")),
        (&bob, "agent", Some("of-the-application")),
        (&alice, "agent", Some("helper")),
        (&own, "agent", Some("alice")),
        (&own, "agent", Some("another")),
        (&own, "user", Some("bob")),
        (&own, "user", None),
    ] {
        let refused = exchange(&server, key, kind, id, none()).await;
        assert_eq!(refused.expect_err("a refusal"), DENIED, "{kind} {id:?}");
    }
    let meta = json!({ "userMeta": { "deskIds": ["d1"] } });
    let refused = exchange(&server, &bob, "agent", Some("helper"), meta).await;
    assert_eq!(refused.expect_err("a refusal"), DENIED);
    for (key, kind, id) in [
        (&bob, "user", None),
        (&bob, "user", Some("bob")),
        (&bob, "agent", None),
        (&bob, "agent", Some("bob")),
        (&bob, "agent", Some("helper")),
        (&own, "agent", None),
        (&own, "agent", Some("helper")),
    ] {
        let token = exchange(&server, key, kind, id, none()).await.expect("its own participant");
        let (_, who) = server.ask(&token, "GET", "/api/auth/identity", None).await;
        let name = if *key == own { id.unwrap_or("helper") } else { id.unwrap_or("bob") };
        assert_eq!(
            (who["participantKind"].as_str(), who["participantId"].as_str()),
            (Some(kind), Some(name))
        );
    }
}

async fn an_agent_is_not_the_user_of_its_name(world: World) {
    let server = newsroom(&world).await;
    // The application made this agent before it had a user of that name.
    let agent = server.session("agent", "alice", json!({})).await;
    let alice = server.session("user", "alice", json!({})).await;
    let later = server.session("agent", "alice", json!({})).await;
    member(&server, "m1", "alice", "d1").await;
    assert_eq!(groups(&server, &alice).await, json!(["desk:d1", "user:alice"]));
    let last = server.session("agent", "alice", json!({})).await;
    for agent in [&agent, &later, &last] {
        assert_eq!(groups(&server, agent).await, json!([]));
        let (status, _) = server.ask(agent, "GET", "/api/v1/models/reports/r1", None).await;
        assert_eq!(status, 404);
    }
}

async fn a_removed_membership_leaves_every_token_of_its_user(world: World) {
    let server = newsroom(&world).await;
    member(&server, "m1", "bob", "d2").await;
    member(&server, "m2", "alice", "d2").await;
    let bob = server.session("user", "bob", json!({})).await;
    let reporter =
        server.session("user", "bob", json!({ "userMeta": { "deskIds": ["d2"] } })).await;
    let agent = exchange(&server, &bob, "agent", Some("b1"), json!({})).await.expect("an agent");
    let second = exchange(&server, &agent, "agent", None, json!({})).await.expect("a token");
    let kept =
        exchange(&server, &reporter, "agent", Some("b2"), json!({})).await.expect("an agent");
    let both = json!(["desk:d2", "user:bob"]);
    for token in [&bob, &agent, &second, &reporter, &kept] {
        assert_eq!(groups(&server, token).await, both);
    }
    let (status, _) = server.ask(&server.key, "DELETE", "/api/v1/models/members/m1", None).await;
    assert_eq!(status, 200);
    for token in [&bob, &agent, &second] {
        assert_eq!(groups(&server, token).await, json!(["user:bob"]));
    }
    // A role that the application gave still contains the desk.
    for token in [&reporter, &kept] {
        assert_eq!(groups(&server, token).await, both);
    }
}

async fn claims_and_turns_belong_to_a_kind_and_a_name(world: World) {
    let server = newsroom(&world).await;
    let all = json!({ "syncGroups": ["org:acme"] });
    let alice = server.session("user", "alice", all.clone()).await;
    let agent = server.session("agent", "alice", all).await;
    let claim = |row: &str| {
        let target = json!({ "model": "reports", "id": row });
        json!({ "intentId": "c1", "target": target, "action": "editing" })
    };
    let (status, held) = server.ask(&alice, "POST", "/api/v1/intents", Some(claim("r1"))).await;
    assert!(status < 300, "{held}");
    let (status, refused) = server.ask(&agent, "POST", "/api/v1/intents", Some(claim("r2"))).await;
    assert_eq!((status, &refused["code"]), (400, &json!("invalid_id")), "{refused}");
    let write = json!({ "intent": "c1", "data": { "title": "Mine" } });
    let (status, lost) =
        server.ask(&agent, "PATCH", "/api/v1/models/reports/r2", Some(write)).await;
    assert_eq!((status, &lost["code"]), (409, &json!("claim_lost")), "{lost}");
    let listed = server.ask(&server.key, "GET", "/api/v1/intents?model=reports&id=r1", None).await;
    assert_eq!(listed.1["intents"][0]["heldBy"], "alice");
    // The id is free again once the claim has ended.
    server.ask(&alice, "DELETE", "/api/v1/intents/c1", None).await;
    let (status, held) = server.ask(&agent, "POST", "/api/v1/intents", Some(claim("r2"))).await;
    assert!(status < 300, "{held}");

    let opened = server.ask(&alice, "POST", "/api/v1/tasks", Some(json!({ "prompt": "p" }))).await;
    let turn = opened.1["id"].as_str().expect("an id");
    let close = format!("/api/v1/tasks/{turn}/close");
    for (method, path, body, code) in [
        ("POST", close.as_str(), json!({}), "turn_foreign_agent"),
        (
            "POST",
            "/api/v1/tasks",
            json!({ "prompt": "p", "parentTaskId": turn }),
            "parent_turn_foreign_agent",
        ),
        (
            "POST",
            "/api/v1/commits",
            json!({ "clientTxId": "t", "causedByTaskId": turn, "operations": [{
                "action": "update", "model": "reports", "id": "r1", "data": { "title": "x" } }] }),
            "turn_foreign_agent",
        ),
    ] {
        let (_, refused) = server.ask(&agent, method, path, Some(body)).await;
        assert_eq!(refused["code"], code, "{refused}");
    }
    assert_eq!(server.ask(&alice, "POST", &close, Some(json!({}))).await.0, 200);
}
