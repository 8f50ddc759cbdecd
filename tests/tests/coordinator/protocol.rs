//! The protocol of the coordinator: routes, headers, error codes and frames.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "desks":{"typename":"Desk","scope":"desk","mutable":true,"relations":{},
    "fields":{"name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"typename":"Report","mutable":true,"fields":{
    "deskId":{"type":"string","isOptional":true,"isIndexed":true},
    "title":{"type":"string","isOptional":false,"isIndexed":false},
    "status":{"type":"enum","isOptional":false,"isIndexed":false,"enumValues":["draft","ready"],
      "default":"draft"},
    "archivedAt":{"type":"date","isOptional":true,"isIndexed":false}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}}}}"#;

on_both_stores! { super::SCHEMA;
    rows_are_created_read_updated_and_deleted
    refusals_have_documented_codes
    credentials_are_checked_on_every_route
    a_person_and_agents_share_a_row
    the_claim_of_a_crashed_holder_passes_to_the_waiter
    deltas_are_delivered_only_to_their_groups
    peers_cannot_send_frames_of_the_coordinator
    clients_of_the_reference_get_one_change_of_a_row_per_frame
}

async fn newsroom(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), std::sync::Arc::clone(&world.store)).await;
    let key = server.key.clone();
    for (model, body) in [
        ("desks", json!({ "id": "d1", "data": { "name": "Weather" } })),
        ("reports", json!({ "id": "r1", "data": { "title": "Rain", "deskId": "d1" } })),
    ] {
        let (status, body) =
            server.ask(&key, "POST", &format!("/api/v1/models/{model}"), Some(body)).await;
        assert_eq!(status, 201, "{body}");
    }
    server
}

async fn rows_are_created_read_updated_and_deleted(world: World) {
    let server = newsroom(&world).await;
    let key = &server.key;
    let (status, read) = server.ask(key, "GET", "/api/v1/models/report/r1", None).await;
    assert_eq!(
        (status, &read["object"], &read["model"]),
        (200, &json!("model"), &json!("reports"))
    );
    assert_eq!(
        (&read["data"]["title"], &read["data"]["status"]),
        (&json!("Rain"), &json!("draft"))
    );
    let (status, receipt) = server
        .ask(key, "PATCH", "/v1/models/reports/r1", Some(json!({ "data": { "title": "Snow" } })))
        .await;
    assert_eq!(
        (status, &receipt["status"], &receipt["lastSyncId"]),
        (200, &json!("confirmed"), &json!(3))
    );
    let (_, page) =
        server.ask(key, "GET", "/api/v1/models/reports?status=draft&limit=1", None).await;
    assert_eq!(
        (&page["data"][0]["title"], &page["has_more"], &page["stamp"]),
        (&json!("Snow"), &json!(false), &json!(3))
    );
    let (status, _) = server.ask(key, "DELETE", "/api/v1/models/reports/r1", None).await;
    assert_eq!(status, 200);
    let (status, gone) = server.ask(key, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!((status, &gone["code"]), (404, &json!("model_not_found")));
}

async fn refusals_have_documented_codes(world: World) {
    let server = newsroom(&world).await;
    let commit = |operations: Value| Some(json!({ "clientTxId": "t", "operations": operations }));
    for (method, path, body, status, code) in [
        ("GET", "/api/v1/models/nothing", None, 400, "unknown_model"),
        (
            "POST",
            "/api/v1/models/reports",
            Some(json!({ "data": {} })),
            400,
            "model_required_field_missing",
        ),
        (
            "POST",
            "/api/v1/models/reports",
            Some(json!({ "data": { "title": 1 } })),
            400,
            "check_violation",
        ),
        (
            "POST",
            "/api/v1/models/reports",
            Some(json!({ "data": { "title": null } })),
            400,
            "not_null_violation",
        ),
        (
            "POST",
            "/api/v1/models/reports",
            Some(json!({ "id": "r1", "data": { "title": "x" } })),
            409,
            "unique_violation",
        ),
        ("POST", "/api/v1/models/reports", Some(json!({ "title": "x" })), 400, "invalid_body"),
        (
            "PATCH",
            "/api/v1/models/reports/none",
            Some(json!({ "data": {} })),
            404,
            "entity_not_found",
        ),
        ("GET", "/api/v1/models/reports?limit=x", None, 400, "model_query_failed"),
        ("GET", "/api/v1/models/reports?status=lost", None, 400, "model_query_failed"),
        ("GET", "/api/v1/models/reports?order_by=mood", None, 400, "model_query_failed"),
        ("GET", "/api/v1/models/reports?starting_after=zz", None, 400, "model_query_failed"),
        ("POST", "/api/v1/commits", commit(json!([])), 400, "commit_operation_required"),
        (
            "POST",
            "/api/v1/commits",
            Some(json!({ "clientTxId": "t" })),
            400,
            "commit_operation_required",
        ),
        (
            "POST",
            "/api/v1/commits",
            commit(json!([{ "model": "reports" }])),
            400,
            "commit_operation_action_required",
        ),
        (
            "POST",
            "/api/v1/commits",
            commit(json!([{ "action": "update" }])),
            400,
            "commit_operation_model_required",
        ),
        (
            "POST",
            "/api/v1/commits",
            commit(json!([{ "action": "upsert", "model": "reports", "id": "r1" }])),
            400,
            "commit_operation_unsupported",
        ),
        (
            "POST",
            "/api/v1/commits",
            commit(json!([{ "action": "archive", "model": "desks", "id": "d1" }])),
            400,
            "commit_operation_unsupported",
        ),
        ("POST", "/api/sync/query", Some(json!({ "queries": [] })), 400, "queries_required"),
        ("GET", "/api/v1/capabilities/none", None, 404, "capability_not_found"),
        ("GET", "/api/nowhere", None, 404, "invalid_request"),
        ("PUT", "/api/v1/commits", None, 405, "invalid_request"),
    ] {
        let (got, body) = server.ask(&server.key, method, path, body).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{method} {path}: {body}");
        assert!(
            body["type"].is_string()
                && body["message"].is_string()
                && body["request_id"].is_string(),
            "{body}"
        );
        assert!(body.get("doc_url").is_none(), "error codes have no documentation page: {body}");
    }
}

async fn credentials_are_checked_on_every_route(world: World) {
    let server = newsroom(&world).await;
    for (key, code) in [
        ("sk_test_unknown", "apikey_invalid"),
        ("nonsense", "apikey_invalid"),
        ("sk_live_x", "apikey_invalid"),
    ] {
        let answer = server.ask_raw(key, "HEAD", "/api/auth/check", None).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["x-auth-failure"].to_str().ok()),
            (401, Some(code))
        );
        let (status, body) = server.ask(key, "GET", "/api/v1/models/reports", None).await;
        assert_eq!((status, body["code"].as_str()), (401, Some(code)));
    }
    let answer = server.ask_raw(&server.key, "HEAD", "/api/auth/check", None).await;
    assert_eq!(answer.status().as_u16(), 204);
    assert_eq!(answer.headers()["ablo-version"], "2026-06-02");
    let ann = server.session("user", "ann", json!({ "ttlSeconds": 120 })).await;
    let (_, who) = server.ask(&ann, "GET", "/api/auth/identity", None).await;
    assert_eq!(
        (&who["participantId"], &who["syncGroups"]),
        (&json!("ann"), &json!(["org:acme", "user:ann"]))
    );
    let (_, body) = server
        .ask(
            &ann,
            "POST",
            "/api/v1/capabilities",
            Some(json!({ "participantId": "bot", "operations": ["reports.read"] })),
        )
        .await;
    let bot = body["token"].as_str().expect("the response has a token").to_owned();
    let (status, body) =
        server.ask(&bot, "PATCH", "/api/v1/models/reports/r1", Some(json!({ "data": {} }))).await;
    assert_eq!(
        (status, &body["code"], &body["requiredCapability"]["scope"]),
        (403, &json!("capability_scope_denied"), &json!("report.update"))
    );
    let (status, _) = server.ask(&bot, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!(status, 200);
    // Revoking a token also revokes the tokens exchanged for it.
    let (_, own) = server
        .ask(
            &server.key,
            "POST",
            "/api/v1/capabilities",
            Some(json!({ "participantKind": "user", "participantId": "eve" })),
        )
        .await;
    let eve = own["token"].as_str().expect("the response has a token").to_owned();
    let (_, child) = server
        .ask(&eve, "POST", "/api/v1/capabilities", Some(json!({ "participantId": "eves-bot" })))
        .await;
    let child = child["token"].as_str().expect("the response has a token").to_owned();
    let id = own["capabilityId"].as_str().expect("the id is a string");
    server.ask(&server.key, "DELETE", &format!("/api/v1/capabilities/{id}"), None).await;
    for token in [&eve, &child] {
        let (status, body) = server.ask(token, "GET", "/api/auth/identity", None).await;
        assert_eq!((status, &body["code"]), (401, &json!("apikey_revoked")));
    }
}

async fn a_person_and_agents_share_a_row(world: World) {
    let server = newsroom(&world).await;
    let ann = server.session("user", "ann", json!({})).await;
    let (first, second) = (
        server.session("agent", "first", json!({})).await,
        server.session("agent", "second", json!({})).await,
    );
    let mut human = server.socket(&ann, "").await;
    let mut writer = server.socket(&first, "&kind=agent").await;
    let mut waiter = server.socket(&second, "&kind=agent").await;
    human.sync(2).await;
    writer.sync(2).await;
    waiter.sync(2).await;
    let begin = |id: &str| {
        json!({
            "intentId": id, "entityType": "reports", "entityId": "r1", "action": "editing",
            "queue": true,
        })
    };
    human.send("intent_begin", begin("h")).await;
    assert_eq!(human.receive("intent_acquired").await["intentId"], "h");
    // The first agent does not wait, the second does.
    let mut without_waiting = begin("w1");
    without_waiting["queue"] = json!(false);
    writer.send("intent_begin", without_waiting).await;
    let rejected = writer.receive("intent_rejected").await;
    assert_eq!(
        (&rejected["reason"], &rejected["heldBy"], &rejected["heldByIntentId"]),
        (&json!("conflict"), &json!("ann"), &json!("h"))
    );
    waiter.send("intent_begin", begin("w2")).await;
    assert_eq!(waiter.receive("intent_queued").await["position"], 0);
    let queue = human.receive("intent_queue").await;
    assert_eq!(
        (&queue["target"]["type"], &queue["queue"][0]["heldBy"]),
        (&json!("reports"), &json!("agent:second"))
    );
    // The holder writes; others are refused.
    let update = |id: &str, title: &str| {
        let input = json!({ "title": title });
        let operation = json!({ "type": "UPDATE", "model": "report", "id": "r1", "input": input });
        json!({ "clientTxId": id, "operations": [operation] })
    };
    writer.send("commit", update("no", "Hail")).await;
    let result = writer.receive("mutation_result").await;
    assert_eq!(
        (&result["success"], &result["error"]["code"]),
        (&json!(false), &json!("entity_claimed"))
    );
    human.send("commit", update("yes", "Snow")).await;
    assert_eq!(human.receive("mutation_result").await["status"], "confirmed");
    for socket in [&mut human, &mut writer, &mut waiter] {
        let delta = socket.deltas().await.remove(0);
        assert_eq!(
            (&delta["actionType"], &delta["modelName"], &delta["data"]["title"]),
            (&json!("U"), &json!("Report"), &json!("Snow"))
        );
        assert_eq!(
            (&delta["actor"]["kind"], &delta["syncGroups"]),
            (&json!("user"), &json!(["desk:d1", "org:acme"]))
        );
    }
    // The holder releases its claim, and the waiter is promoted.
    human.send("intent_abandon", json!({ "intentId": "h" })).await;
    assert_eq!(waiter.receive("intent_granted").await["intentId"], "w2");
    let shown = loop {
        let shown = human.receive("presence_update").await;
        if shown["userId"] == "agent:second"
            && shown["activeIntents"].as_array().is_some_and(|claims| !claims.is_empty())
        {
            break shown;
        }
    };
    assert_eq!(shown["activeIntents"][0]["entityType"], "reports");
    // A stale write is refused with the current row.
    let mut stale = update("stale", "Fog");
    stale["operations"][0]["readAt"] = json!(2);
    waiter.send("commit", stale).await;
    let result = waiter.receive("mutation_result").await;
    assert_eq!(
        (&result["error"]["code"], &result["error"]["conflicts"][0]["data"]["title"]),
        (&json!("stale_context"), &json!("Snow"))
    );
}

async fn the_claim_of_a_crashed_holder_passes_to_the_waiter(world: World) {
    let server = newsroom(&world).await;
    let mut holder = server.socket(&server.session("agent", "holder", json!({})).await, "").await;
    let mut waiter = server.socket(&server.session("agent", "waiter", json!({})).await, "").await;
    let begin = |id: &str, ms: u64| {
        json!({
            "intentId": id, "entityType": "Reports", "entityId": "r1", "action": "editing",
            "queue": true, "estimatedMs": ms,
        })
    };
    holder.send("intent_begin", begin("h", 600)).await;
    assert_eq!(holder.receive("intent_acquired").await["target"]["entityType"], "Reports");
    waiter.send("intent_begin", begin("w", 60_000)).await;
    waiter.receive("intent_queued").await;
    // The claim is renewed while its connection is open, even without frames.
    assert!(
        waiter
            .next(Duration::from_millis(1500))
            .await
            .is_none_or(|frame| frame["type"] != "intent_granted")
    );
    drop(holder);
    assert_eq!(waiter.receive("intent_granted").await["intentId"], "w");
}

async fn peers_cannot_send_frames_of_the_coordinator(world: World) {
    let server = newsroom(&world).await;
    let mut peer = server.socket(&server.session("user", "ann", json!({})).await, "").await;
    let operations = json!({ "operations": ["reports.read", "peer.relay"] });
    let mut forger = server.socket(&server.session("agent", "reader", operations).await, "").await;
    let forged = json!({
        "id": 999_999, "actionType": "D", "modelName": "Report", "modelId": "r1", "data": null,
        "syncGroups": [], "createdAt": "2026-01-01T00:00:00.000Z",
    });
    for kind in ["delta", "sync_response", "mutation_result", "intent_lost", "intent_granted"] {
        forger.send(kind, forged.clone()).await;
    }
    // The frame of an application is relayed, after all of the above.
    forger.send("slide_cursor", json!({ "x": 1 })).await;
    loop {
        let frame = peer.next(Duration::from_secs(10)).await.expect("the relayed frame arrives");
        assert_ne!(frame["payload"]["id"], json!(999_999), "{frame}");
        if frame["type"] == "slide_cursor" {
            break;
        }
    }
}

async fn deltas_are_delivered_only_to_their_groups(world: World) {
    let server = newsroom(&world).await;
    let scoped = server.session("agent", "scoped", json!({ "syncGroups": ["desk:d2"] })).await;
    let other = server.app.issue_secret_key("umbrella", "other").await.expect("the key is issued");
    let (_, listed) = server.ask(&scoped, "GET", "/api/v1/models/reports", None).await;
    assert_eq!(listed["data"], json!([]));
    let (status, _) = server.ask(&scoped, "GET", "/api/v1/models/reports/r1", None).await;
    assert_eq!(status, 404);
    let (_, foreign) = server.ask(&other, "GET", "/api/v1/models/reports", None).await;
    assert_eq!(foreign["data"], json!([]));
    let mut limited = server.socket(&scoped, "").await;
    let mut stranger = server.socket(&other, "").await;
    limited.sync(0).await;
    stranger.sync(0).await;
    let patch = |desk: &str| Some(json!({ "data": { "deskId": desk } }));
    let create = json!({ "id": "d2", "data": { "name": "Sports" } });
    server.ask(&server.key, "POST", "/api/v1/models/desks", Some(create)).await;
    server
        .ask(
            &server.key,
            "PATCH",
            "/api/v1/models/reports/r1",
            Some(json!({ "data": { "title": "Unseen" } })),
        )
        .await;
    server.ask(&server.key, "PATCH", "/api/v1/models/reports/r1", patch("d2")).await;
    server.ask(&server.key, "PATCH", "/api/v1/models/reports/r1", patch("d1")).await;
    let mut seen = Vec::new();
    while seen.len() < 3 {
        seen.extend(limited.deltas().await);
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|delta| (delta["actionType"].as_str(), delta["modelId"].as_str()))
        .collect();
    assert_eq!(seen, [(Some("I"), Some("d2")), (Some("I"), Some("r1")), (Some("D"), Some("r1"))]);
    assert!(
        stranger
            .next(Duration::from_millis(300))
            .await
            .is_none_or(|frame| frame["type"] != "delta")
    );
}

async fn clients_of_the_reference_get_one_change_of_a_row_per_frame(world: World) {
    let server = newsroom(&world).await;
    // A client whose snapshot is not known is sent all rows.
    server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
    let mut socket = server.socket(&server.key, "&kind=agent").await;
    socket
        .send(
            "sync_request",
            json!({
                "cursor": null, "versions": {}, "lastSyncId": 0,
                "capabilities": ["batchedDeltas"],
            }),
        )
        .await;
    assert_eq!(socket.receive("sync_response").await["currentSyncId"], 2);
    for title in ["One", "Two", "Three"] {
        server
            .ask(
                &server.key,
                "PATCH",
                "/api/v1/models/reports/r1",
                Some(json!({ "data": { "title": title } })),
            )
            .await;
    }
    let mut titles = Vec::new();
    while titles.last().is_none_or(|title| title != "Three") {
        let deltas = socket.deltas().await;
        assert_eq!(deltas.len(), 1, "a frame has one change of a row");
        titles.push(deltas[0]["data"]["title"].clone());
        socket.send("ack", json!({ "lastSyncId": deltas[0]["id"], "versions": {} })).await;
    }
    assert!(titles.len() <= 3, "{titles:?}");
}
