//! The plan of every statement that the coordinator runs, on both stores at 100,000 rows per table.
//!
//! A scenario runs through HTTP and sockets on a store that records its statements. Each is then
//! explained with its values: no plan may read a whole table or sort, but for [`ALLOWED`].
//! `cargo test -p ablo-tests --test coordinator plans:: -- --nocapture` prints all plans.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails loudly and prints its findings"
)]

use super::plan_rows::{FILLED, fill};
use ablo_server::CoordinatorOptions;
use ablo_server::SourceOptions;
use ablo_server::WebhookOptions;
use ablo_server::housekeeping;
use ablo_server::store::{Dialect, Store, Tenant};
use ablo_server::value::Cell;
use ablo_tests::client::poll_until;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::{Observed, Statements};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use ablo_tests::source::{Application, KEY, on_sqlite};
use ablo_tests::waiting::commit_together;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[{"kind":"user","source":{"field":"userId",
    "multi":false}}],"models":{
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
      "foreignKeyColumn":"user_id"}}},
  "tasks":{"typename":"Task","mutable":true,"relations":{},"fields":{
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "n":{"type":"number","isOptional":true,"isIndexed":false}}}}}"#;

/// Part of a statement, part of the finding, and why that is right.
const ALLOWED: [(&str, &str, &str); 20] = [
    ("AND kind = 'secret'", "organisation", "an administrator lists the keys"),
    ("max(id), 0) AS head", "organisation", "it reads the last entry of the index"),
    ("FROM ablo_sources WHERE", "organisation", "an organisation has one row"),
    ("FROM ablo_logs WHERE", "organisation", "an organisation has one row"),
    ("AND id < $3 ORDER BY id", "sorts", "as many rows as a batch has may be sorted"),
    ("FROM ablo_webhook_endpoints", "sorts", "an organisation has at most 16 endpoints"),
    ("AS size_before FROM", "sorts", "near the head it may sort the few rows of a bitmap"),
    ("FROM ablo_webhook_endpoints", "organisation", "an organisation has at most 16 endpoints"),
    (
        "WHERE sending_to IS NOT NULL",
        "ablo_webhook_endpoints",
        "the index has only messages in flight",
    ),
    (
        "FROM ablo_source_commits",
        "organisation",
        "all commits in flight are needed, for a day at most",
    ),
    ("FROM ablo_claims", "sorts", "all open claims are needed, in order of arrival"),
    ("FROM ablo_sessions", "sorts", "all open connections are needed"),
    ("WITH RECURSIVE own", "sorts", "a participant has few tokens"),
    ("\"reports\".\"title\"", "", "a reader filters or sorts by a field without an index"),
    ("ORDER BY \"reports\".\"created_at\"", "", "a bootstrap sorts by a field without an index"),
    ("\"id\" IN (SELECT", "sorts", "a reader names the rows"),
    ("\"desk_id\" = ", "sorts", "a reader filters by a parent; its rows are sorted"),
    ("\"id\" COLLATE \"C\" ASC;", "sorts", "a bootstrap reads all rows of an organisation"),
    ("('C', 'G', 'S') ORDER BY id", "sorts", "the changes of guarded rows are few"),
    (".\"id\" ASC", "organisation", "the index has the order of the list; a page ends it"),
];

on_both_stores! { super::SCHEMA;
    no_statement_reads_a_table_or_sorts
}

/// A client that expects success.
struct Client<'c> {
    server: &'c Coordinator,
    key: String,
}

impl Client<'_> {
    async fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let body = Some(body).filter(|body| !body.is_null());
        let (status, answer) =
            self.server.ask(&self.key, method, &format!("/api{path}"), body).await;
        assert!(status < 300, "{method} {path}: {status} {answer}");
        answer
    }
}

async fn rows(client: &Client<'_>) {
    for (model, id, data) in [
        ("users", "ann", json!({ "name": "Ann" })),
        ("desks", "d1", json!({ "name": "Weather" })),
        ("reports", "r1", json!({ "title": "Rain", "deskId": "d1" })),
        ("members", "m1", json!({ "deskId": "d1", "userId": "ann" })),
    ] {
        client.ask("POST", &format!("/v1/models/{model}"), json!({ "id": id, "data": data })).await;
    }
    let update = json!({ "data": { "title": "Sun" }, "readAt": 1, "idempotencyKey": "u1" });
    client.ask("PATCH", "/v1/models/reports/r1", update.clone()).await;
    client.ask("PATCH", "/v1/models/reports/r1", update).await;
    let moved = json!({ "data": { "deskId": "d-100" } });
    client.ask("PATCH", "/v1/models/reports/r1", moved).await;
    let operations = json!([
        { "action": "create", "model": "reports", "data": { "title": "Hail", "deskId": "d1" },
          "transactionId": "t1" },
        { "action": "delete", "model": "reports", "id": "r-200" },
    ]);
    client
        .ask("POST", "/v1/commits", json!({ "clientTxId": "tx", "operations": operations }))
        .await;
    for list in
        ["", "?limit=5&order_by=title&order=desc", "?deskId=d1", "?order_by=createdAt&limit=2"]
    {
        let page = client.ask("GET", &format!("/v1/models/reports{list}"), Value::Null).await;
        if let Some(cursor) = page["next_cursor"].as_str() {
            let next = format!("/v1/models/reports?limit=2&starting_after={cursor}");
            client.server.ask(&client.key, "GET", &format!("/api{next}"), None).await;
        }
    }
    client.ask("GET", "/v1/models/reports/r1", Value::Null).await;
    client.ask("GET", "/sync/entity/reports/r1", Value::Null).await;
    client.ask("GET", "/sync/bootstrap", Value::Null).await;
    let queries = json!({ "queries": [
        { "model": "reports", "ids": ["r1", "r-100"], "related": ["desk"] },
        { "model": "reports", "where": [["title", "=", "Sun"]], "orderBy": "title", "limit": 10 },
    ] });
    client.ask("POST", "/sync/query", queries).await;
    client.ask("DELETE", "/v1/models/members/m1", Value::Null).await;
}

async fn claims(client: &Client<'_>, agent: &Client<'_>) {
    let claim = json!({ "intentId": "c1", "action": "editing" });
    client.ask("POST", "/v1/models/reports/r1/claim", claim.clone()).await;
    client.ask("POST", "/v1/models/reports/r1/claim", claim).await;
    agent.ask("POST", "/v1/models/reports/r1/claim", json!({ "intentId": "c2" })).await;
    client.ask("GET", "/v1/intents", Value::Null).await;
    agent.ask("GET", "/v1/intents", Value::Null).await;
    let order = json!({ "order": [{ "heldBy": "agent:helper", "intentId": "c2" }] });
    client
        .server
        .ask(&client.key, "POST", "/api/v1/models/reports/r1/claim/reorder", Some(order))
        .await;
    let write = json!({ "data": { "title": "Snow" }, "intent": "c1" });
    client.ask("PATCH", "/v1/models/reports/r1", write).await;
    client.ask("DELETE", "/v1/models/reports/r1/claim", Value::Null).await;
    client.server.ask(&agent.key, "DELETE", "/api/v1/intents/c2", None).await;
    let mut socket = client.server.socket(&agent.key, "").await;
    socket.sync(0).await;
    socket
        .send(
            "intent_begin",
            json!({ "intentId": "c3", "entityType": "reports", "entityId": "r-100",
                "action": "editing", "queue": true }),
        )
        .await;
    socket.receive("intent_acquired").await;
    client.ask("GET", "/presence", Value::Null).await;
    let turn = agent.ask("POST", "/v1/tasks", json!({ "prompt": "Write." })).await;
    let id = turn["id"].as_str().or(turn["taskId"].as_str()).expect("an id").to_owned();
    let cost = json!({ "costInputTokens": 1, "costOutputTokens": 1, "costComputeMs": 1 });
    client.server.ask(&agent.key, "POST", &format!("/api/v1/tasks/{id}/close"), Some(cost)).await;
}

async fn credentials(client: &Client<'_>) {
    let key = client.ask("POST", "/v1/keys", json!({ "label": "backend" })).await;
    client.ask("GET", "/v1/keys", Value::Null).await;
    let keys = client.server.app.keys();
    keys.rotate("acme", key["id"].as_str().expect("an id"), 60).await.expect("another key");
    for digit in ["a", "b"] {
        let key = format!("sk_test_{}", digit.repeat(32));
        keys.accept("acme", &key).await.expect("accepted");
    }
    let body = json!({ "participantKind": "user", "participantId": "bob" });
    let made = client.ask("POST", "/v1/capabilities", body).await;
    let id = made["id"].as_str().or(made["capabilityId"].as_str()).expect("an id").to_owned();
    client.ask("GET", &format!("/v1/capabilities/{id}"), Value::Null).await;
    let rotated = client.ask("POST", &format!("/v1/capabilities/{id}/rotate"), json!({})).await;
    let id = rotated["id"].as_str().or(rotated["capabilityId"].as_str()).unwrap_or(&id).to_owned();
    client.ask("DELETE", &format!("/v1/capabilities/{id}"), Value::Null).await;
}

/// Writes a large value, and connects as a client of 0.9 does: with a snapshot, and without one.
async fn clients_of_0_9(client: &Client<'_>) {
    let large =
        json!({ "id": "r-large", "data": { "title": "x".repeat(5000), "deskId": "d-100" } });
    client.ask("POST", "/v1/models/reports", large).await;
    for desk in ["d-200", "d-300"] {
        let update = json!({ "data": { "deskId": desk } });
        client.ask("PATCH", "/v1/models/reports/r-large", update).await;
    }
    for has_snapshot in [false, true] {
        let token =
            client.server.session("user", "zoe", json!({ "syncGroups": ["org:acme"] })).await;
        if has_snapshot {
            let reader = Client { server: client.server, key: token.clone() };
            reader.ask("GET", "/sync/bootstrap?models=tasks", Value::Null).await;
        }
        let mut socket = client.server.socket(&token, "").await;
        let request =
            json!({ "cursor": null, "versions": {}, "lastSyncId": 0, "capabilities": [] });
        socket.send("sync_request", request).await;
        let deltas = socket.deltas().await;
        socket.send("ack", json!({ "lastSyncId": deltas[0]["id"], "versions": {} })).await;
        socket.send("ping", Value::Null).await;
        socket.receive("pong").await;
    }
    let (server, reader) = (client.server, client.key.clone());
    let mut socket = server.socket(&reader, "").await;
    let request = json!({ "cursor": null, "versions": {}, "lastSyncId": 100_000,
        "capabilities": ["completeDeltas", "resume"] });
    socket.send("sync_request", request).await;
    socket.receive("sync_response").await;
}

async fn webhooks(client: &Client<'_>) {
    // Nothing listens there, so that messages fail and become dead letters.
    let made = client
        .ask("POST", "/v1/webhook_endpoints", json!({ "url": "http://127.0.0.1:9/hook" }))
        .await;
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().expect("an id"));
    let title = json!({ "data": { "title": "Fog" } });
    client.ask("PATCH", "/v1/models/reports/r1", title).await;
    for _ in 0..400 {
        let letters = client.ask("GET", &format!("{path}/dead_letters"), Value::Null).await;
        if letters["data"].as_array().is_some_and(|letters| !letters.is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.ask("PATCH", &path, json!({ "status": "enabled" })).await;
    client.ask("POST", &format!("{path}/redrive"), json!({})).await;
    client.ask("GET", "/v1/webhook_endpoints", Value::Null).await;
    // The message fails again.
    for _ in 0..400 {
        if client.ask("GET", &path, Value::Null).await["status"] == "disabled" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    client.ask("DELETE", &path, Value::Null).await;
}

/// Commits of two participants share a transaction.
async fn sets(world: &World, store: &Arc<dyn Store>) {
    let mut commits = Vec::new();
    for (name, row) in [("ann", "r1"), ("bob", "r-100")] {
        let who = world.known_user(name).await;
        let operations = json!([{ "action": "update", "model": "reports", "id": row, "readAt": 1,
            "transactionId": format!("of-{name}"), "data": { "title": name } }]);
        let key = format!("of-{name}");
        commits.push((who.clone(), world.planned(&who, &key, &operations.to_string())));
    }
    commit_together(&**store, &world.engine, commits).await;
}

async fn scenario(world: &World, store: Arc<dyn Store>) {
    let (_folder, adapter) = on_sqlite().await;
    let application = Application::serve(adapter).await;
    let mut source = SourceOptions::new("acme", &application.url, KEY);
    (source.models, source.poll) = (["tasks".to_owned()].into(), Duration::from_millis(50));
    let webhooks_options = WebhookOptions {
        schedule: vec![Duration::ZERO, Duration::from_millis(20)],
        poll: Duration::from_millis(20),
        private_hosts: true,
        ..WebhookOptions::default()
    };
    let options = CoordinatorOptions {
        sources: vec![source],
        webhooks: webhooks_options,
        ..CoordinatorOptions::default()
    };
    let server = Coordinator::start_with(world.schema(), Arc::clone(&store), options).await;
    let client = Client { server: &server, key: server.key.clone() };
    server.session("user", "ann", json!({})).await;
    let agent = server.session("agent", "helper", json!({ "syncGroups": ["org:acme", "desk:d1"] }));
    let agent = Client { server: &server, key: agent.await };
    rows(&client).await;
    sets(world, &store).await;
    clients_of_0_9(&client).await;
    claims(&client, &agent).await;
    credentials(&client).await;
    webhooks(&client).await;
    for at in 0..3 {
        let body = json!({ "id": format!("task-{at}"), "data": { "title": "one" } });
        client.ask("POST", "/v1/models/tasks", body).await;
        // The coordinator reads the outbox after each commit.
        let before = application.faults.requests.load(Ordering::Relaxed);
        poll_until(async || application.faults.requests.load(Ordering::Relaxed) > before).await;
    }
    client.ask("GET", "/v1/sources", Value::Null).await;
    let keys = CoordinatorOptions::default().retention();
    housekeeping::pass(&store, keys).await.expect("housekeeping succeeds");
}

/// Returns the plan of a statement with these values.
async fn plan(store: &Arc<dyn Store>, sql: &str, values: &[Cell]) -> Vec<String> {
    let explain = match store.dialect() {
        Dialect::Sqlite => format!("EXPLAIN QUERY PLAN {sql}"),
        Dialect::Postgres => format!("EXPLAIN {sql}"),
    };
    let values = values.to_vec();
    let rows = store
        .reading(Tenant::Organization("acme".to_owned()), move |tx| {
            // A connection to SQLite notices new statistics when it reads.
            tx.connection().query("SELECT version FROM ablo_layouts", &[])?;
            Ok(tx.connection().query(&explain, &values)?)
        })
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
    let line = |row: &Vec<Cell>| row.last().and_then(Cell::text).unwrap_or_default().to_owned();
    rows.iter().map(line).collect()
}

/// Returns what is wrong with a line of a plan.
fn finding(line: &str) -> Option<String> {
    let line = line.trim_start().trim_start_matches("->").trim_start();
    let table = |after: &str| {
        let name = line.split_once(after)?.1.split(' ').next()?;
        FILLED.contains(&name).then(|| format!("reads all rows of {name}"))
    };
    let sorts = ["USE TEMP B-TREE", "Sort ", "Incremental Sort"];
    if sorts.iter().any(|sort| line.starts_with(sort)) {
        return Some("sorts".to_owned());
    }
    if line.starts_with("SEARCH") && line.ends_with(" (organization_id=?)") {
        return Some("reads all rows of an organisation".to_owned());
    }
    match line.starts_with("SCAN ") {
        true => table("SCAN "),
        false => table("Seq Scan on "),
    }
}

async fn findings(store: &Arc<dyn Store>, statements: Statements) -> Vec<String> {
    let (mut found, mut used) = (Vec::new(), vec![false; ALLOWED.len()]);
    for (sql, values) in statements {
        let plan = plan(store, &sql, &values).await;
        println!("{sql}\n    {}\n", plan.join("\n    "));
        for what in plan.iter().filter_map(|line| finding(line)) {
            // The semicolon shows where a statement ends.
            let text = format!("{sql};");
            let allowed =
                ALLOWED.iter().position(|(part, how, _)| text.contains(part) && what.contains(how));
            match allowed {
                Some(at) => used[at] = true,
                None => found.push(format!("{what}: {sql}\n    {}", plan.join("\n    "))),
            }
        }
    }
    for (at, (part, how, _)) in ALLOWED.iter().enumerate() {
        if !used[at] {
            println!("not needed here: {part} ({how})");
        }
    }
    found
}

async fn no_statement_reads_a_table_or_sorts(world: World) {
    let began = std::time::Instant::now();
    fill(&world).await;
    println!("filled in {:?}", began.elapsed());
    let observed = Observed::new(Arc::clone(&world.store));
    let store: Arc<dyn Store> = Arc::clone(&observed) as Arc<dyn Store>;
    scenario(&world, Arc::clone(&store)).await;
    println!("the scenario ran in {:?}", began.elapsed());
    let mut statements = observed.take_statements();
    // Savepoints have no plan.
    statements.retain(|sql, _| {
        ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|verb| sql.starts_with(verb))
    });
    for table in FILLED.iter().filter(|table| table.contains('_')) {
        let is_used = statements.keys().any(|sql| sql.contains(table));
        assert!(is_used, "the scenario runs no statement on {table}");
    }
    for table in ["ablo_receipts", "ablo_operations"] {
        let is_of_set = |sql: &String| sql.contains("tuples") && sql.contains(table);
        assert!(statements.keys().any(is_of_set), "no set reads {table}");
    }
    let found = findings(&world.store, statements).await;
    assert!(found.is_empty(), "{} findings:\n\n{}", found.len(), found.join("\n\n"));
}
