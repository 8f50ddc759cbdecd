//! A client that follows the rules of 0.9 exactly, on both stores: its turns, its groups, its first
//! position, the end of its credential, and answers that the 0.9 client needs.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_server::Store;
use ablo_tests::client_0_9::{Client, Model};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::observed::Observed;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// No model is `mutable` by itself, as in the documents of 0.9.
const SCHEMA: &str = r#"{"v":3,"mutable":true,"identityRoles":[
   {"kind":"user","source":{"field":"userId","multi":false}}],"models":{
  "users":{"typename":"User","relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "desks":{"typename":"Desk","scope":"desk","relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"typename":"Report","fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "edits":{"type":"number","isOptional":true,"isIndexed":false},
    "archivedAt":{"type":"date","isOptional":true,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}},
  "members":{"typename":"Member","grants":{"subject":"user","scope":"desk"},"fields":{
    "deskId":{"type":"string","isOptional":false,"isIndexed":true},
    "userId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{
    "desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId","foreignKeyColumn":"desk_id"},
    "user":{"type":"belongsTo","target":"users","foreignKey":"userId",
      "foreignKeyColumn":"user_id"}}}}}"#;

on_both_stores! { super::SCHEMA;
    six_agents_take_turns_and_none_is_refused_as_stale
    a_membership_arrives_live_although_the_address_lists_groups
    a_guard_has_an_effect_before_the_first_change
    a_plain_update_of_a_held_row_is_applied_when_the_claim_ends
    a_guarded_write_of_a_deleted_row_is_not_repeated
    a_session_writes_models_that_are_mutable_by_the_default_of_the_schema
    an_archived_row_stays_archived_through_a_bootstrap
    an_archived_row_stays_archived_for_a_client_without_a_position
    a_claim_keeps_the_activity_and_groups_of_its_holder
    a_close_frame_is_answered
    a_refused_commit_has_a_server_tx_id
    a_revoked_client_clears_its_rows
    an_expired_client_keeps_its_rows_and_goes_on_with_a_fresh_token
    a_removed_membership_takes_its_rows
}

const REPORTS: Model = Model { key: "reports", typename: "Report" };

/// Starts a coordinator with a report in each of two desks, the first of which Ann sees.
async fn start(store: Arc<dyn Store>, world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), store).await;
    for (model, id, data) in [
        ("users", "ann", json!({ "name": "Ann" })),
        ("desks", "d1", json!({ "name": "Weather" })),
        ("desks", "d2", json!({ "name": "Sports" })),
        ("reports", "r1", json!({ "title": "Rain", "edits": 0, "deskId": "d1" })),
        ("reports", "r2", json!({ "title": "Goal", "edits": 0, "deskId": "d2" })),
        ("members", "m1", json!({ "deskId": "d1", "userId": "ann" })),
    ] {
        create(&server, model, id, data).await;
    }
    server
}

async fn newsroom(world: &World) -> Coordinator {
    start(Arc::clone(&world.store), world).await
}

async fn create(server: &Coordinator, model: &str, id: &str, data: Value) {
    let body = Some(json!({ "id": id, "data": data }));
    let made = server.ask(&server.key, "POST", &format!("/api/v1/models/{model}"), body).await;
    assert_eq!(made.0, 201, "{}", made.1);
}

/// Changes a report as the application does. Returns the sync id.
async fn patch(server: &Coordinator, id: &str, data: Value) -> u64 {
    let (path, body) = (format!("/api/v1/models/reports/{id}"), Some(json!({ "data": data })));
    let (status, receipt) = server.ask(&server.key, "PATCH", &path, body).await;
    assert_eq!(status, 200, "{receipt}");
    receipt["lastSyncId"].as_u64().expect("a sync id")
}

async fn delete(server: &Coordinator, path: &str) {
    let (status, answer) =
        server.ask(&server.key, "DELETE", &format!("/api/v1/{path}"), None).await;
    assert_eq!(status, 200, "{answer}");
}

async fn agent<'s>(server: &'s Coordinator, id: &str) -> Client<'s> {
    let groups = json!({ "syncGroups": ["org:acme"] });
    let mut client = Client::sign_in(server, "agent", id, groups).await;
    client.connect().await;
    client
}

async fn ann(server: &Coordinator) -> Client<'_> {
    let mut client = Client::sign_in(server, "user", "ann", json!({})).await;
    client.connect().await;
    client
}

fn member(client: &Client<'_>, id: &str, member: &str) -> Option<Value> {
    client.pool.row("Report", id).map(|row| row[member].clone())
}

fn has_title(client: &Client<'_>, id: &str, title: &str) -> bool {
    member(client, id, "title").is_some_and(|own| own == title)
}

async fn six_agents_take_turns_and_none_is_refused_as_stale(world: World) {
    let server = newsroom(&world).await;
    let names = ["a1", "a2", "a3", "a4", "a5", "a6"];
    let mut agents = join_all(names.map(|name| agent(&server, name))).await;
    for agent in &mut agents {
        agent.retrieve(REPORTS, "r1").await.expect("the report");
    }
    // Without a position, a guard has no effect.
    let first = patch(&server, "r1", json!({ "title": "Snow" })).await;
    let turns = agents.iter_mut().map(async |agent| {
        agent.until("the first change", |agent| agent.pool.position() >= first).await;
        agent.claim(REPORTS, "r1").await?;
        let edits = member(agent, "r1", "edits").and_then(|edits| edits.as_u64());
        let edited = json!({ "edits": edits.expect("a number") + 1 });
        let written = agent.update(REPORTS, "r1", edited).await;
        agent.release(REPORTS, "r1").await;
        // Others may still wait for its acknowledgement.
        agent.idle(Duration::from_millis(300)).await;
        written
    });
    for (name, outcome) in names.iter().zip(join_all(turns).await) {
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
    let (_, row) = server.ask(&server.key, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!(row["data"]["edits"], 6);
}

async fn a_membership_arrives_live_although_the_address_lists_groups(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    assert_eq!(ann.groups, ["desk:d1", "user:ann"]);
    assert!(member(&ann, "r2", "title").is_none());
    create(&server, "members", "m2", json!({ "deskId": "d2", "userId": "ann" })).await;
    ann.until("the row of the new group", |ann| has_title(ann, "r2", "Goal")).await;
    patch(&server, "r2", json!({ "title": "Draw" })).await;
    ann.until("a change in the new group", |ann| has_title(ann, "r2", "Draw")).await;
    patch(&server, "r1", json!({ "title": "Snow" })).await;
    ann.until("a change in the group of the address", |ann| has_title(ann, "r1", "Snow")).await;
    assert_eq!(ann.closed, None);
}

async fn a_guard_has_an_effect_before_the_first_change(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    assert_eq!(ann.pool.position(), 0, "a bootstrap gives the client no position");
    let rows = ann.pool.texts("Report", "title");
    ann.until("a position", |ann| ann.pool.position() > 0).await;
    assert_eq!(ann.pool.texts("Report", "title"), rows);
    let stamp = ann.pool.position();
    patch(&server, "r1", json!({ "title": "Snow" })).await;
    let late = ann.update_from(REPORTS, "r1", json!({ "title": "Hail" }), Some(stamp)).await;
    assert_eq!(late, Err("stale_context".to_owned()));
}

async fn a_plain_update_of_a_held_row_is_applied_when_the_claim_ends(world: World) {
    let server = newsroom(&world).await;
    let (mut holder, mut other) = (agent(&server, "holder").await, agent(&server, "other").await);
    holder.claim(REPORTS, "r1").await.expect("a free row");
    other.retrieve(REPORTS, "r1").await.expect("the report");
    let work = async {
        holder.idle(Duration::from_secs(2)).await;
        let written = holder.update(REPORTS, "r1", json!({ "title": "Snow" })).await;
        holder.release(REPORTS, "r1").await;
        holder.idle(Duration::from_secs(1)).await;
        written
    };
    let waiting = other.update(REPORTS, "r1", json!({ "title": "Hail" }));
    let (first, second) = tokio::join!(work, waiting);
    assert!(first.expect("the holder") < second.expect("the other"));
    let (_, row) = server.ask(&server.key, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!(row["data"]["title"], "Hail");
}

async fn a_guarded_write_of_a_deleted_row_is_not_repeated(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    ann.until("a position", |ann| ann.pool.position() > 0).await;
    let stamp = ann.pool.position();
    delete(&server, "models/reports/r1").await;
    let late = ann.update_from(REPORTS, "r1", json!({ "title": "Hail" }), Some(stamp)).await;
    assert_eq!(late, Err("entity_not_found".to_owned()));
    ann.until("the deletion", |ann| member(ann, "r1", "title").is_none()).await;
    assert!(ann.delete(REPORTS, "r1").await.is_ok(), "nothing is left to delete");
}

async fn a_session_writes_models_that_are_mutable_by_the_default_of_the_schema(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    ann.update(REPORTS, "r1", json!({ "title": "Snow" })).await.expect("a session writes");
    let (_, row) = server.ask(&server.key, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!(row["data"]["title"], "Snow");
}

/// Archives or restores a report as the application does.
async fn archive(server: &Coordinator, action: &str, id: &str) -> u64 {
    let operation = json!({ "action": action, "model": "reports", "id": id });
    let body = Some(json!({ "operations": [operation] }));
    let (status, receipt) = server.ask(&server.key, "POST", "/api/v1/commits", body).await;
    assert_eq!(status, 200, "{receipt}");
    receipt["lastSyncId"].as_u64().expect("a sync id")
}

async fn an_archived_row_stays_archived_through_a_bootstrap(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    ann.until("a position", |ann| ann.pool.position() > 0).await;
    archive(&server, "archive", "r1").await;
    ann.until("the archived row", |ann| member(ann, "r1", "title").is_none()).await;
    ann.reconnect().await;
    let edited = patch(&server, "r1", json!({ "title": "Snow" })).await;
    let last = patch(&server, "r1", json!({ "title": "Hail" })).await;
    create(&server, "reports", "r3", json!({ "title": "Fog", "deskId": "d1" })).await;
    ann.until("later changes", |ann| has_title(ann, "r3", "Fog")).await;
    assert!(member(&ann, "r1", "title").is_none(), "{edited} and {last} do not restore it");
    // A client of this project reads archived rows, too.
    let path = "/api/sync/bootstrap?capabilities=resume";
    let (_, all) = server.ask(&ann.token, "GET", path, None).await;
    assert_eq!(all["models"]["Report"][0]["title"], "Hail");
    archive(&server, "unarchive", "r1").await;
    ann.until("the restored row", |ann| has_title(ann, "r1", "Hail")).await;
    // One that it has in its archive.
    archive(&server, "archive", "r1").await;
    ann.until("the archived row", |ann| member(ann, "r1", "title").is_none()).await;
    archive(&server, "unarchive", "r1").await;
    ann.until("the restored row", |ann| has_title(ann, "r1", "Hail")).await;
}

async fn an_archived_row_stays_archived_for_a_client_without_a_position(world: World) {
    let server = newsroom(&world).await;
    // Several changes of a row arrive as one.
    create(&server, "reports", "r3", json!({ "title": "Fog", "deskId": "d1" })).await;
    archive(&server, "archive", "r3").await;
    archive(&server, "archive", "r1").await;
    let last = patch(&server, "r1", json!({ "title": "Snow" })).await;
    // It has the row as it was before, and the coordinator knows of no bootstrap.
    let mut ann = Client::sign_in(&server, "user", "ann", json!({})).await;
    ann.pool.read("Report", &json!({ "id": "r1", "title": "Rain" }));
    ann.open().await;
    ann.until("the rows", |ann| ann.pool.position() == last).await;
    assert_eq!(ann.pool.texts("Report", "title"), BTreeMap::new());
    // Rows of a new group, and one that was archived since.
    archive(&server, "archive", "r2").await;
    create(&server, "members", "m2", json!({ "deskId": "d2", "userId": "ann" })).await;
    create(&server, "reports", "r4", json!({ "title": "Sun", "deskId": "d2" })).await;
    ann.until("the new group", |ann| has_title(ann, "r4", "Sun")).await;
    assert!(member(&ann, "r2", "title").is_none(), "{ann:?}");
}

async fn a_claim_keeps_the_activity_and_groups_of_its_holder(world: World) {
    let server = newsroom(&world).await;
    let (mut holder, mut other) = (agent(&server, "holder").await, agent(&server, "other").await);
    let activity = json!({ "entityType": "reports", "entityId": "r1", "action": "reading" });
    holder.report(activity.clone()).await;
    let shown = |client: &Client<'_>| client.peers.get("agent:holder").cloned().unwrap_or_default();
    other.until("the activity", |other| shown(other)["activity"] == activity).await;
    let before = shown(&other);
    holder.claim(REPORTS, "r1").await.expect("a free row");
    other.until("the claim", |other| shown(other)["activeIntents"] != json!([])).await;
    let after = shown(&other);
    for member in ["userId", "isAgent", "status", "activity", "syncGroups"] {
        assert!(!after[member].is_null(), "{after}");
        assert_eq!(after[member], before[member], "{member} of {after}");
    }
    holder.release(REPORTS, "r1").await;
    other.until("the end of the claim", |other| shown(other)["activeIntents"] == json!([])).await;
    assert_eq!(shown(&other)["activity"], activity);
}

async fn a_close_frame_is_answered(world: World) {
    let server = newsroom(&world).await;
    assert_eq!(ann(&server).await.dispose().await, Some(1000));
}

async fn a_refused_commit_has_a_server_tx_id(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    let head = patch(&server, "r1", json!({ "title": "Snow" })).await;
    // A socket learns of a commit after its receipt is sent; ann sees the change first.
    ann.until("the change", |ann| has_title(ann, "r1", "Snow")).await;
    for operation in [
        json!({ "type": "UPDATE", "model": "report", "id": "none", "input": {} }),
        json!({ "type": "UPDATE", "model": "planet", "id": "none", "input": {} }),
        json!({ "type": "UPSERT", "model": "report", "id": "r1", "input": {} }),
        json!({ "type": "UPDATE", "model": "report", "id": "r1", "input": { "title": 5 } }),
        json!("no operation"),
    ] {
        let receipt = ann.commit(&json!([operation])).await.expect("an answer");
        let receipt = &receipt["payload"];
        assert_eq!(receipt["status"], "rejected", "{receipt}");
        let shown = (&receipt["serverTxId"], &receipt["lastSyncId"]);
        assert_eq!(shown, (&json!(head.to_string()), &json!(head)), "{operation}: {receipt}");
    }
}

async fn a_revoked_client_clears_its_rows(world: World) {
    let server = newsroom(&world).await;
    let body = Some(json!({ "participantKind": "user", "participantId": "ann" }));
    let (_, made) = server.ask(&server.key, "POST", "/api/auth/capability", body).await;
    let token = made["token"].as_str().expect("a token").to_owned();
    let mut ann = Client::with_token(&server, "user", token).await;
    ann.connect().await;
    assert!(has_title(&ann, "r1", "Rain"));
    let began = Instant::now();
    let id = made["capabilityId"].as_str().expect("an id");
    delete(&server, &format!("capabilities/{id}")).await;
    ann.until("the end of the session", |ann| ann.closed == Some(4001)).await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert!(member(&ann, "r1", "title").is_none(), "its rows are cleared");
}

async fn an_expired_client_keeps_its_rows_and_goes_on_with_a_fresh_token(world: World) {
    let clock = Observed::new(Arc::clone(&world.store));
    let server = start(Arc::clone(&clock) as Arc<dyn Store>, &world).await;
    let short = json!({ "ttlSeconds": 600 });
    let mut ann = Client::sign_in(&server, "user", "ann", short).await;
    ann.connect().await;
    ann.until("a position", |ann| ann.pool.position() > 0).await;
    clock.set_ahead(700);
    ann.until("the end of the token", |ann| ann.closed.is_some()).await;
    assert_eq!(ann.closed, Some(4408));
    assert!(has_title(&ann, "r1", "Rain"), "its rows stay");
    let check = server.ask_raw(&ann.token, "HEAD", "/api/auth/check", None).await;
    assert_eq!(check.headers()["x-auth-failure"], "apikey_expired");
    patch(&server, "r1", json!({ "title": "Snow" })).await;
    ann.renew(server.session("user", "ann", json!({})).await).await;
    ann.open().await;
    ann.until("the change", |ann| has_title(ann, "r1", "Snow")).await;
}

async fn a_removed_membership_takes_its_rows(world: World) {
    let server = newsroom(&world).await;
    let mut ann = ann(&server).await;
    ann.until("a position", |ann| ann.pool.position() > 0).await;
    delete(&server, "models/members/m1").await;
    ann.until("the end of the membership", |ann| ann.groups == ["user:ann"]).await;
    assert!(member(&ann, "r1", "title").is_none(), "{ann:?}");
    patch(&server, "r1", json!({ "title": "Snow" })).await;
    // A change that she sees follows that one.
    create(&server, "members", "m2", json!({ "deskId": "d2", "userId": "ann" })).await;
    ann.until("another membership", |ann| has_title(ann, "r2", "Goal")).await;
    assert!(member(&ann, "r1", "title").is_none(), "{ann:?}");
    assert_eq!(ann.closed, None, "a removed membership does not close the socket");
}
