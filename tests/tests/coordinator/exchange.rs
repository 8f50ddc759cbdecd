//! Exchanges on both stores: a token has at most the rights of the credential that it comes from.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}},
  "tags":{"typename":"Tag","mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_token_does_not_gain_the_right_to_reorder
    an_empty_scope_is_refused_and_never_everything
    a_token_has_at_most_the_rights_of_its_parent
}

async fn start(world: &World) -> Coordinator {
    Coordinator::start(world.schema(), Arc::clone(&world.store)).await
}

/// Exchanges a credential. Returns the status and the body.
async fn exchange(server: &Coordinator, key: &str, body: Value) -> (u16, Value) {
    server.ask(key, "POST", "/api/auth/capability", Some(body)).await
}

fn token(answer: &(u16, Value)) -> &str {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["token"].as_str().expect("a token")
}

async fn a_token_does_not_gain_the_right_to_reorder(world: World) {
    let server = start(&world).await;
    let reorder = ["intent.reorder"];
    let user = server.session("user", "bob", json!({})).await;
    let path = "/api/v1/models/notes/n/claim/reorder";
    let order = json!({ "order": [] });
    assert_eq!(server.ask(&user, "POST", path, Some(order.clone())).await.0, 403);
    let wanted = json!({
        "participantKind": "agent", "participantId": "bobs", "operations": reorder,
    });
    let (status, body) = exchange(&server, &user, wanted.clone()).await;
    assert_eq!((status, &body["code"]), (403, &json!("capability_scope_denied")), "{body}");
    // With an operation that the user has, only that one is granted.
    let mut mixed = wanted;
    mixed["operations"] = json!(["intent.reorder", "notes.read"]);
    let mixed = exchange(&server, &user, mixed).await;
    assert_eq!(mixed.1["scope"]["operations"], json!(["notes.read"]));
    assert_eq!(server.ask(token(&mixed), "POST", path, Some(order.clone())).await.0, 403);
    // The application may grant it, and its holder may pass it on.
    let granted = json!({ "operations": ["intent.reorder", "notes.*"] });
    let lead = server.session("user", "lea", granted).await;
    let body =
        json!({ "participantKind": "agent", "participantId": "leas", "operations": reorder });
    let agent = exchange(&server, &lead, body).await;
    assert_eq!(server.ask(token(&agent), "POST", path, Some(order)).await.0, 200);
}

async fn an_empty_scope_is_refused_and_never_everything(world: World) {
    let server = start(&world).await;
    let narrow = server.session("user", "bob", json!({ "syncGroups": ["team:a"] })).await;
    let ask = |groups: Value| json!({ "participantKind": "user", "syncGroups": groups });
    for groups in [json!([]), json!(["team:b"]), json!(["org:acme"])] {
        let (status, body) = exchange(&server, &narrow, ask(groups.clone())).await;
        assert_eq!((status, &body["code"]), (403, &json!("capability_scope_denied")), "{groups}");
    }
    let (status, body) = exchange(&server, &server.key, ask(json!([]))).await;
    assert_eq!((status, &body["code"]), (403, &json!("capability_scope_denied")), "{body}");
    let all = exchange(&server, &narrow, ask(json!(["default"]))).await;
    assert_eq!(all.1["scope"]["syncGroups"], json!(["team:a"]));
}

/// Numbers that depend on the seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    /// Returns some of the texts, or nothing for a request that leaves the choice open.
    fn some_of(&mut self, texts: &[&str]) -> Option<Vec<String>> {
        if self.below(4) == 0 {
            return None;
        }
        let picked = texts.iter().filter(|_| self.below(3) == 0).map(|text| (*text).to_owned());
        Some(picked.collect())
    }
}

const OPERATIONS: [&str; 9] = [
    "*",
    "notes.*",
    "notes.read",
    "note.READ",
    "*.read",
    "tags.update",
    "tags.*",
    "Tag.create",
    "intent.reorder",
];
const GROUPS: [&str; 6] = ["org:acme", "org:bell", "team:a", "team:b", "user:bob", "default"];

/// Returns the single rights that a scope contains.
fn rights(scope: &Value) -> BTreeSet<String> {
    let texts = |value: &Value| -> Vec<String> {
        let texts = value.as_array().expect("an array").iter();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for operation in texts(&scope["operations"]) {
        let operation = if operation == "*" { "*.*".to_owned() } else { operation };
        let (model, verb) = operation.split_once('.').expect("an operation");
        for (names, key) in [(["notes", "note"], "notes"), (["tags", "tag"], "tags")] {
            for one in ["read", "create", "update", "delete"] {
                if (model == "*" || names.contains(&model)) && (verb == "*" || verb == one) {
                    rights.insert(format!("{key}.{one}"));
                }
            }
        }
        let is_system = scope["participantKind"] == "system";
        if operation == "intent.reorder" || operation == "*.*" && is_system {
            rights.insert("reorder".to_owned());
        }
    }
    let groups = texts(&scope["syncGroups"]);
    let all = groups.iter().any(|group| group == "org:acme");
    rights.extend(groups.into_iter().map(|group| format!("see {group}")));
    if all {
        let own = GROUPS.iter().filter(|group| **group != "org:bell");
        rights.extend(own.map(|group| format!("see {group}")));
    }
    rights
}

async fn a_token_has_at_most_the_rights_of_its_parent(world: World) {
    let server = start(&world).await;
    let mut granted = 0;
    for seed in 0..160 {
        let mut random = Random(seed);
        let mut parent: Option<(String, Value)> = None;
        for depth in 0..4 {
            let kind = ["user", "agent", "system"][random.below(3)];
            let id = ["bob", "helper"][random.below(2)];
            let ttl = [1, 120, 600, 90_000][random.below(4)];
            let mut body =
                json!({ "participantKind": kind, "participantId": id, "ttlSeconds": ttl });
            for (member, texts) in [("operations", &OPERATIONS[..]), ("syncGroups", &GROUPS[..])] {
                if let Some(texts) = random.some_of(texts) {
                    body[member] = json!(texts);
                }
            }
            let key = parent.as_ref().map_or(server.key.as_str(), |(key, _)| key);
            let (status, child) = exchange(&server, key, body.clone()).await;
            if status != 200 {
                assert_eq!((status, &child["code"]), (403, &json!("capability_scope_denied")));
                continue;
            }
            if let Some((_, above)) = &parent {
                granted += 1;
                let (own, above_rights) = (rights(&child["scope"]), rights(&above["scope"]));
                let extra: Vec<&String> = own.difference(&above_rights).collect();
                assert!(extra.is_empty(), "seed {seed}, {depth}: {extra:?} in {body} of {above}");
                assert!(child["expiresAt"].as_str() <= above["expiresAt"].as_str(), "{seed}");
                let who = |answer: &Value| {
                    let scope = &answer["scope"];
                    (scope["participantKind"].clone(), scope["participantId"].clone())
                };
                let is_agent_of_user = who(above).0 == "user" && who(&child).0 == "agent";
                assert!(who(&child) == who(above) || is_agent_of_user, "seed {seed}: {child}");
            }
            parent = Some((child["token"].as_str().expect("a token").to_owned(), child));
        }
    }
    assert!(granted > 40, "only {granted} exchanges were granted");
}
