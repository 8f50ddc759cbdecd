//! Tests who sees which rows and members, at every exit of both transports.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[
   {"kind":"user","source":{"field":"userId","multi":false}}],"models":{
  "desks":{"typename":"Desk","scope":true,"mutable":true,"relations":{},"fields":{
    "name":{"type":"string","isOptional":false,"isIndexed":false}}},
  "reports":{"typename":"Report","mutable":true,"fields":{
    "headline":{"type":"string","isOptional":false,"isIndexed":false},
    "pin":{"type":"string","isOptional":true,"isIndexed":false,"secret":true,
      "relative":["append"]},
    "code":{"type":"string","isOptional":true,"isIndexed":false,"unique":true},
    "deskId":{"type":"string","isOptional":false,"isIndexed":true}},
   "relations":{"desk":{"type":"belongsTo","target":"desks","foreignKey":"deskId",
     "foreignKeyColumn":"desk_id","options":{"parent":true}}}},
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_model_that_may_not_be_read_is_shown_nowhere
    secret_members_are_shown_to_those_who_may_read_them
    the_right_to_a_secret_member_is_passed_on_by_those_who_have_it
    a_hidden_row_looks_like_one_that_does_not_exist
    an_id_in_use_is_refused_alike_for_all_participants
    a_claim_on_an_unseen_row_delays_no_other_participant
    claims_follow_their_row_to_other_groups
    a_peer_is_seen_at_work_by_those_who_see_the_row
    an_event_of_a_peer_has_the_sender_that_the_coordinator_knows
    events_for_peers_are_a_right_with_limits
}

/// Starts a coordinator with a report in each of two desks.
async fn start(world: &World) -> Coordinator {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for desk in ["d1", "d2"] {
        create(&server, "desks", json!({"id": desk, "data": {"name": desk}})).await;
    }
    for (id, desk) in [("r1", "d1"), ("r2", "d2")] {
        let data = json!({"headline": "Rain", "pin": "1234", "code": id, "deskId": desk});
        create(&server, "reports", json!({"id": id, "data": data})).await;
    }
    server
}

async fn create(server: &Coordinator, model: &str, body: Value) {
    let path = format!("/v1/models/{model}");
    let (status, answer) = server.ask(&server.key, "POST", &path, Some(body)).await;
    assert_eq!(status, 201, "{answer}");
}

async fn patch(server: &Coordinator, key: &str, id: &str, data: Value) -> (u16, Value) {
    let path = format!("/v1/models/reports/{id}");
    server.ask(key, "PATCH", &path, Some(data)).await
}

/// An agent with these operations that sees the desk `d1`, or everything.
async fn agent(server: &Coordinator, id: &str, operations: &[&str], groups: &[&str]) -> String {
    let scope = json!({ "operations": operations, "syncGroups": groups });
    server.session("agent", id, scope).await
}

/// Returns the deltas up to the one of a row, by the row's id.
async fn until(socket: &mut Socket, row: &str) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    while !seen.contains_key(row) {
        for delta in socket.deltas().await {
            let id = delta["modelId"].as_str().expect("an id").to_owned();
            seen.insert(id, delta);
        }
    }
    seen
}

async fn a_model_that_may_not_be_read_is_shown_nowhere(world: World) {
    let server = start(&world).await;
    let notes = agent(&server, "notes", &["notes.read"], &["org:acme"]).await;
    let writer = agent(&server, "writer", &["reports.update", "notes.read"], &["org:acme"]).await;
    for path in ["/v1/models/reports", "/v1/models/reports/r1"] {
        assert_eq!(server.ask(&notes, "GET", path, None).await.0, 403);
        assert_eq!(server.ask(&writer, "GET", path, None).await.0, 403);
    }
    let mut reader = server.socket(&notes, "").await;
    reader.sync(0).await;
    let mut own = server.socket(&writer, "").await;
    own.sync(0).await;
    // In a stale write, only the members that the writer named are reported.
    let (status, read) = server.ask(&server.key, "GET", "/v1/models/reports/r1", None).await;
    assert_eq!(status, 200);
    patch(&server, &server.key, "r1", json!({"data": {"headline": "Snow"}})).await;
    let stale = json!({"data": {"headline": "Hail"}, "readAt": read["stamp"]});
    let (status, refusal) = patch(&server, &writer, "r1", stale).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("stale_context")), "{refusal}");
    assert_eq!(refusal["conflicts"][0]["data"], Value::Null, "{refusal}");
    assert!(!refusal.to_string().contains("Snow"), "{refusal}");
    // The writer gets its own delta, to know that it is confirmed, without the row.
    let (status, receipt) =
        patch(&server, &writer, "r1", json!({"data": {"headline": "Fog"}})).await;
    assert_eq!(status, 200);
    assert!(!receipt.to_string().contains("1234"), "{receipt}");
    let seen = until(&mut own, "r1").await;
    assert_eq!(seen["r1"]["data"], json!({"id": "r1"}), "{seen:?}");
    create(&server, "notes", json!({"id": "n1", "data": {"text": "after"}})).await;
    let seen = until(&mut reader, "n1").await;
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["n1"]);
    // The same for changes from before the connection.
    let mut late = server.socket(&notes, "").await;
    let request = json!({
        "cursor": null, "versions": {}, "lastSyncId": 0,
        "capabilities": ["completeDeltas", "resume"],
    });
    late.send("sync_request", request).await;
    let seen = until(&mut late, "n1").await;
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["n1"]);
}

async fn secret_members_are_shown_to_those_who_may_read_them(world: World) {
    let server = start(&world).await;
    let plain = server.session("user", "ann", json!({ "syncGroups": ["org:acme"] })).await;
    let knows = &["reports.read", "reports.pin.read"];
    let trusted = agent(&server, "trusted", knows, &["org:acme"]).await;
    for (key, pin) in [(&plain, None), (&trusted, Some("1234")), (&server.key, Some("1234"))] {
        let read = server.ask(key, "GET", "/v1/models/reports/r1", None).await.1;
        let list = server.ask(key, "GET", "/v1/models/reports", None).await.1;
        let entity = server.ask(key, "GET", "/sync/entity/reports/r1", None).await.1;
        let query = json!({"queries": [{"model": "reports", "ids": ["r1"]}]});
        let queried = server.ask(key, "POST", "/sync/query", Some(query)).await.1;
        let loaded = server.ask(key, "GET", "/sync/bootstrap", None).await.1;
        let rows = [
            &read["data"],
            &list["data"][0],
            &entity,
            &queried["results"][0][0],
            &loaded["models"]["Report"][0],
        ];
        for row in rows {
            assert_eq!(row["headline"], "Rain", "{row}");
            assert_eq!(row.get("pin").and_then(Value::as_str), pin, "{row}");
        }
    }
    // Neither order nor conditions tell about it.
    let sorted = server.ask(&plain, "GET", "/v1/models/reports?order_by=pin", None).await;
    assert_eq!((sorted.0, &sorted.1["code"]), (400, &json!("model_query_failed")), "{sorted:?}");
    let all = server.ask(&plain, "GET", "/v1/models/reports?pin=none", None).await.1;
    assert_eq!(all["data"].as_array().map(Vec::len), Some(2), "like any unknown name: {all}");
    let query = json!({"queries": [{"model": "reports", "where": [["pin", "=", "1234"]]}]});
    let (status, refusal) = server.ask(&plain, "POST", "/sync/query", Some(query)).await;
    assert_eq!((status, &refusal["code"]), (400, &json!("query_invalid_identifier")));
    // A writer may set what it may not read.
    let mut sockets = [server.socket(&plain, "").await, server.socket(&trusted, "").await];
    for socket in &mut sockets {
        socket.sync(0).await;
    }
    let stamp = server.ask(&plain, "GET", "/v1/models/reports/r1", None).await.1["stamp"].clone();
    let (status, receipt) = patch(&server, &plain, "r1", json!({"data": {"pin": "5678"}})).await;
    assert_eq!(status, 200, "{receipt}");
    assert!(!receipt.to_string().contains("5678"), "{receipt}");
    let stale = json!({"data": {"pin": "0000"}, "readAt": stamp});
    // Another participant, whose own write is no reason to accept the stale one.
    let other = server.session("user", "bob", json!({ "syncGroups": ["org:acme"] })).await;
    let (status, refusal) = patch(&server, &other, "r1", stale).await;
    assert_eq!((status, &refusal["code"]), (409, &json!("stale_context")), "{refusal}");
    assert_eq!(refusal["conflicts"][0]["conflictingFields"], json!(["pin"]));
    assert!(!refusal.to_string().contains("5678"), "{refusal}");
    let [ann, agent] = &mut sockets;
    assert_eq!(until(ann, "r1").await["r1"]["data"].get("pin"), None);
    assert_eq!(until(agent, "r1").await["r1"]["data"]["pin"], "5678");
    // A relative change depends on the value: only readers may make one.
    let change = json!({"relative": {"pin": {"append": "9"}}});
    let (status, refusal) = patch(&server, &plain, "r1", change.clone()).await;
    assert_eq!((status, &refusal["code"]), (403, &json!("capability_scope_denied")), "{refusal}");
    assert_eq!(refusal["requiredCapability"]["scope"], "report.pin.read", "{refusal}");
    assert_eq!(patch(&server, &server.key, "r1", change).await.0, 200);
    // A client of 0.9 that has no position is sent the current rows.
    let fresh = server.session("user", "cid", json!({ "syncGroups": ["org:acme"] })).await;
    let mut socket = server.socket(&fresh, "").await;
    let start = json!({ "cursor": null, "versions": {}, "lastSyncId": 0, "capabilities": [] });
    socket.send("sync_request", start).await;
    let row = &until(&mut socket, "r1").await["r1"]["data"];
    assert_eq!((&row["headline"], row.get("pin")), (&json!("Rain"), None), "{row}");
    let document = server.ask(&plain, "GET", "/openapi.json", None).await.1.to_string();
    assert!(document.contains("x-ablo-secret"));
}

async fn the_right_to_a_secret_member_is_passed_on_by_those_who_have_it(world: World) {
    let server = start(&world).await;
    let user = server.session("user", "ann", json!({ "syncGroups": ["org:acme"] })).await;
    let wanted = |operations: &[&str]| {
        Some(json!({
            "participantKind": "agent", "participantId": "ann-agent", "operations": operations,
        }))
    };
    let (status, refusal) =
        server.ask(&user, "POST", "/auth/capability", wanted(&["reports.pin.read"])).await;
    assert_eq!((status, &refusal["code"]), (403, &json!("capability_scope_denied")));
    // No wildcard stands for it.
    for operations in [&["*"][..], &["*.*"], &["reports.*", "reports.pin.*"]] {
        let (status, token) =
            server.ask(&user, "POST", "/auth/capability", wanted(operations)).await;
        assert_eq!(status, 200, "{token}");
        let token = token["token"].as_str().expect("a token");
        let row = server.ask(token, "GET", "/v1/models/reports/r1", None).await.1;
        assert_eq!(row["data"].get("pin"), None, "{operations:?}: {row}");
    }
}

async fn a_hidden_row_looks_like_one_that_does_not_exist(world: World) {
    let server = start(&world).await;
    let one = agent(&server, "one", &["*.*"], &["desk:d1"]).await;
    // A deleted row that it never saw.
    let gone = json!({"id": "gone", "data": {"headline": "Rain", "deskId": "d2"}});
    create(&server, "reports", gone).await;
    server.ask(&server.key, "DELETE", "/v1/models/reports/gone", None).await;
    let guarded = json!({"data": {"headline": "Hail"}, "readAt": 1});
    let requests: [(&str, &str, Option<Value>); 8] = [
        ("GET", "/v1/models/reports/{id}", None),
        ("GET", "/sync/entity/reports/{id}", None),
        ("PATCH", "/v1/models/reports/{id}", Some(json!({"data": {"headline": "Hail"}}))),
        ("PATCH", "/v1/models/reports/{id}", Some(guarded)),
        ("DELETE", "/v1/models/reports/{id}", None),
        ("DELETE", "/v1/models/reports/{id}", Some(json!({"readAt": 1}))),
        ("DELETE", "/v1/models/reports/{id}/claim", None),
        ("GET", "/v1/intents?model=reports&id={id}", None),
    ];
    server.ask(&server.key, "POST", "/v1/models/reports/r2/claim", Some(json!({}))).await;
    for (method, path, body) in requests {
        let mut answers = BTreeSet::new();
        for id in ["r2", "absent", "gone"] {
            let path = path.replace("{id}", id);
            let answer = server.ask_raw(&one, method, &path, body.clone()).await;
            let status = answer.status().as_u16();
            let mut names: Vec<String> =
                answer.headers().keys().map(|name| name.as_str().to_owned()).collect();
            names.sort();
            let mut body: Value =
                serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
            // What every answer has of its own.
            for member in ["request_id", "clientTxId", "lastSyncId", "serverTxId"] {
                body.as_object_mut().expect("an object").remove(member);
            }
            answers.insert((status, names, body.to_string().replace(id, "{id}")));
        }
        assert_eq!(answers.len(), 1, "{method} {path}: {answers:?}");
    }
    // A guarded create of a deleted row that the writer never saw.
    for id in ["gone", "absent"] {
        let body = json!({
            "id": id, "data": {"headline": "Hail", "deskId": "d1"}, "readAt": 1,
            "onStale": "reject",
        });
        let (status, answer) = server.ask(&one, "POST", "/v1/models/reports", Some(body)).await;
        assert_eq!(status, 201, "{id}: {answer}");
    }
}

async fn an_id_in_use_is_refused_alike_for_all_participants(world: World) {
    let server = start(&world).await;
    let one = agent(&server, "one", &["*.*"], &["desk:d1"]).await;
    let create = |id: &str, code: &str| {
        Some(json!({"id": id, "data": {"headline": "Hail", "code": code, "deskId": "d1"}}))
    };
    let refusal = |answer: (u16, Value)| {
        let (status, body) = answer;
        (status, body["code"].clone(), body["message"].clone(), body["param"].clone())
    };
    let visible = refusal(server.ask(&one, "POST", "/v1/models/reports", create("r1", "x")).await);
    let hidden = refusal(server.ask(&one, "POST", "/v1/models/reports", create("r2", "x")).await);
    assert_eq!(visible, hidden);
    assert_eq!((visible.0, &visible.1), (409, &json!("unique_violation")));
    assert_eq!(
        (&visible.3, &visible.2),
        (&json!("reports.id"), &json!("another row of reports has the same `id`"),)
    );
    let seen = refusal(server.ask(&one, "POST", "/v1/models/reports", create("r3", "r1")).await);
    let unseen = refusal(server.ask(&one, "POST", "/v1/models/reports", create("r3", "r2")).await);
    assert_eq!(seen, unseen);
    assert_eq!((&seen.1, &seen.3), (&json!("unique_violation"), &json!("reports.code")));
}

async fn a_claim_on_an_unseen_row_delays_no_other_participant(world: World) {
    let server = start(&world).await;
    let creator = agent(&server, "creator", &["reports.*"], &["desk:d1"]).await;
    let editor = agent(&server, "editor", &["reports.read", "reports.update"], &["desk:d1"]).await;
    let claim = |id: &str| format!("/v1/models/reports/{id}/claim");
    // The row `r2` is held by a participant who sees it.
    let holder = agent(&server, "holder", &["*.*"], &["desk:d2"]).await;
    let (status, held) = server.ask(&holder, "POST", &claim("r2"), None).await;
    assert_eq!(status, 201, "{held}");
    let mut answers = BTreeSet::new();
    for row in ["r2", "absent"] {
        let (status, granted) = server.ask(&creator, "POST", &claim(row), None).await;
        assert_eq!(status, 201, "{granted}");
        let (status, refusal) = server.ask(&editor, "POST", &claim(row), None).await;
        answers.insert((status, refusal["code"].clone().to_string()));
        // No other participant sees it, and a second one is not delayed by it.
        let listed = server.ask(&holder, "GET", "/v1/intents", None).await.1;
        assert!(!listed.to_string().contains("creator"), "{listed}");
        let second = agent(&server, "second", &["reports.*"], &["desk:d1"]).await;
        assert_eq!(server.ask(&second, "POST", &claim(row), None).await.0, 201);
    }
    assert_eq!(answers, BTreeSet::from([(404, json!("entity_not_found").to_string())]));
    let (status, answer) = patch(
        &server,
        &holder,
        "r2",
        json!({"data": {"headline": "Mine"}, "intent": held["intentId"]}),
    )
    .await;
    assert_eq!(status, 200, "{answer}");
    let third = agent(&server, "third", &["*.*"], &["desk:d2"]).await;
    let refused = server.ask(&third, "POST", &claim("r2"), Some(json!({"queue": false}))).await;
    assert_eq!((refused.0, &refused.1["heldBy"]), (409, &json!("agent:holder")));
    // A claim of the organisation on a row to come refuses a create without naming its holder.
    let wide = agent(&server, "wide", &["*.*"], &["org:acme"]).await;
    assert_eq!(server.ask(&wide, "POST", &claim("fresh"), None).await.0, 201);
    let body = json!({"id": "fresh", "data": {"headline": "Hail", "deskId": "d1"}});
    let refused = server.ask(&creator, "POST", "/v1/models/reports", Some(body)).await;
    assert_eq!((refused.0, &refused.1["code"]), (409, &json!("entity_claimed")));
    assert!(!refused.1.to_string().contains("wide"), "{}", refused.1);
    // The claim is the creator's own, and ends when it is released.
    let (_, released) = server.ask(&creator, "DELETE", &claim("r2"), None).await;
    assert_eq!(released["released"], true, "{released}");
}

/// Waits until a socket shows these rows as held.
async fn shows_claims_on(socket: &mut Socket, rows: &[&str]) {
    loop {
        let frame = socket.receive("presence_update").await;
        let claims = frame["activeIntents"].as_array().expect("claims");
        let held: Vec<&str> =
            claims.iter().map(|claim| claim["entityId"].as_str().expect("an id")).collect();
        if held == rows {
            return;
        }
    }
}

async fn claims_follow_their_row_to_other_groups(world: World) {
    let server = start(&world).await;
    let first = agent(&server, "first", &["*.*"], &["desk:d1"]).await;
    let second = agent(&server, "second", &["*.*"], &["desk:d2"]).await;
    let holder = agent(&server, "holder", &["*.*"], &["org:acme"]).await;
    let mut first = server.socket(&first, "").await;
    let mut second = server.socket(&second, "").await;
    let claim = "/v1/models/reports/r1/claim";
    let (status, held) = server.ask(&holder, "POST", claim, None).await;
    assert_eq!(status, 201, "{held}");
    shows_claims_on(&mut first, &["r1"]).await;
    let moved = json!({"data": {"deskId": "d2"}, "intent": held["intentId"]});
    let (status, answer) = patch(&server, &holder, "r1", moved).await;
    assert_eq!(status, 200, "{answer}");
    shows_claims_on(&mut second, &["r1"]).await;
    shows_claims_on(&mut first, &[]).await;
}

async fn a_peer_is_seen_at_work_by_those_who_see_the_row(world: World) {
    let server = start(&world).await;
    let both = &["desk:d1", "desk:d2"];
    let mut worker = server.socket(&agent(&server, "worker", &["*.*"], both).await, "").await;
    let near = agent(&server, "near", &["*.*"], &["desk:d2"]).await;
    let far = agent(&server, "far", &["*.*"], &["desk:d1"]).await;
    let mut sockets = [server.socket(&near, "").await, server.socket(&far, "").await];
    for (row, status) in [("r2", "hidden"), ("r1", "shown")] {
        let activity = json!({ "entityType": "reports", "entityId": row, "action": "editing" });
        worker.send("presence_update", json!({ "status": status, "activity": activity })).await;
        let shown = match row {
            "r2" => [true, false],
            _ => [false, true],
        };
        for ((socket, key), shown) in sockets.iter_mut().zip([&near, &far]).zip(shown) {
            let frame = loop {
                let frame = socket.receive("presence_update").await;
                if frame["status"] == status {
                    break frame;
                }
            };
            let expected = if shown { json!(row) } else { Value::Null };
            assert_eq!(frame["activity"]["entityId"], expected, "{frame}");
            let roster = server.ask(key, "GET", "/presence", None).await.1.to_string();
            assert_eq!(roster.contains(&format!("\"{row}\"")), shown, "{roster}");
        }
    }
}

async fn an_event_of_a_peer_has_the_sender_that_the_coordinator_knows(world: World) {
    let server = start(&world).await;
    let org = json!({ "syncGroups": ["org:acme"] });
    let mut old = server.socket(&server.session("user", "old", org.clone()).await, "").await;
    let mut new = server.socket(&server.session("user", "new", org.clone()).await, "").await;
    old.sync(0).await;
    let request = json!({
        "cursor": null, "versions": {}, "lastSyncId": 0,
        "capabilities": ["completeDeltas", "relay"],
    });
    new.send("sync_request", request).await;
    new.receive("sync_response").await;
    let mut sender = server.socket(&server.session("user", "ann", org).await, "").await;
    let payload = json!({ "x": 1, "from": { "kind": "user", "id": "new" } });
    // Clients without envelopes are sent what they always were, without members beside the payload.
    let frame = json!({
        "type": "slide_cursor", "payload": payload, "actionType": "U", "from": "new",
    });
    sender.send_text(&frame.to_string()).await;
    let relayed = loop {
        let frame = old.next(Duration::from_secs(10)).await.expect("the event arrives");
        if frame["type"] == "slide_cursor" {
            break frame;
        }
    };
    assert_eq!(relayed, json!({ "type": "slide_cursor", "payload": payload }));
    let ann = json!({ "kind": "user", "id": "ann" });
    let envelope = new.receive("relay").await;
    assert_eq!(envelope, json!({ "event": "slide_cursor", "from": ann, "data": payload }));
    // In an envelope of the sender, too; its own word about itself does not count.
    let event = json!({ "event": "page:turned", "data": 7, "from": { "kind": "user", "id": "x" } });
    sender.send("relay", event).await;
    let envelope = new.receive("relay").await;
    assert_eq!(envelope, json!({ "event": "page_turned", "from": ann, "data": 7 }));
    assert_eq!(old.receive("page_turned").await, json!(7));
}

async fn events_for_peers_are_a_right_with_limits(world: World) {
    let server = start(&world).await;
    let org = json!({ "syncGroups": ["org:acme"] });
    let mut peer = server.socket(&server.session("user", "ann", org.clone()).await, "").await;
    let reads = agent(&server, "reads", &["reports.read"], &["org:acme"]).await;
    let mut silent = server.socket(&reads, "").await;
    let relays = agent(&server, "relays", &["reports.read", "peer.relay"], &["org:acme"]).await;
    let mut sender = server.socket(&relays, "").await;
    silent.send("slide_cursor", json!({ "from": "the silent one" })).await;
    sender.send("large", json!({ "text": "x".repeat(6000) })).await;
    for forged in ["delta", "Delta", "intent:lost", "mutation_result", "commit"] {
        sender.send("relay", json!({ "event": forged, "data": {} })).await;
    }
    for number in 0..500 {
        sender.send("typing", json!({ "number": number })).await;
    }
    let mut received = Vec::new();
    while let Some(frame) = peer.next(Duration::from_secs(1)).await {
        let kind = frame["type"].as_str().expect("a type").to_owned();
        if !matches!(kind.as_str(), "presence_update" | "pong") {
            received.push(kind);
        }
    }
    let kinds: BTreeSet<&String> = received.iter().collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["typing"]);
    // The burst, and what came back in the meantime.
    assert!((100..450).contains(&received.len()), "{} events arrived", received.len());
}
