//! Holders of claims on both stores: programs of one participant exclude each other, over HTTP and
//! sockets, with a name of their own and without one.

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "x":{"type":"string","isOptional":true,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    programs_with_one_key_exclude_each_other_over_http
    requests_without_a_name_exclude_each_other
    tabs_of_one_person_exclude_each_other
    connections_without_a_name_exclude_each_other
    a_repeated_claim_replaces_the_earlier_one
    a_claim_continues_on_another_connection
    the_stale_guard_belongs_to_the_holder
    presence_has_an_entry_per_program
    a_claims_presence_is_complete
    a_waiter_that_left_does_not_block_the_queue
    programs_wait_for_each_other_on_a_row_that_they_do_not_see
    names_of_programs_are_checked
}

const CLAIM: &str = "/api/v1/models/notes/n/claim";
const ROW: &str = "/api/v1/models/notes/n";
const INTENTS: &str = "/api/v1/intents";

/// Starts a coordinator whose only row is `n`, written at sync id 1.
async fn start(world: &World) -> Coordinator {
    let create = r#"[{"action":"create","model":"notes","id":"n","data":{"x":"0"}}]"#;
    world.commit(&user("author"), create).await.expect("a row");
    Coordinator::start(world.schema(), Arc::clone(&world.store)).await
}

fn begin(id: &str) -> Value {
    json!({
        "intentId": id, "entityType": "notes", "entityId": "n", "action": "editing", "queue": true,
    })
}

fn open(id: &str, queue: bool) -> Option<Value> {
    let target = json!({ "model": "notes", "id": "n" });
    Some(json!({ "intentId": id, "target": target, "action": "editing", "queue": queue }))
}

/// Updates the row on a socket and returns the code of the refusal, or null.
async fn write(socket: &mut Socket, read_at: u64) -> Value {
    let operation = json!({
        "action": "update", "model": "notes", "id": "n", "data": { "x": "by a socket" },
        "readAt": read_at,
    });
    let id = uuid::Uuid::new_v4().to_string();
    socket.send("commit", json!({ "clientTxId": id, "operations": [operation] })).await;
    let receipt = socket.receive("mutation_result").await;
    receipt["error"]["code"].clone()
}

/// Waits until the frames sent before are handled.
async fn handled(socket: &mut Socket) {
    socket.send("ping", Value::Null).await;
    socket.receive("pong").await;
}

fn ids(claims: &Value) -> Vec<&str> {
    let claims = claims.as_array().expect("claims");
    claims.iter().map(|claim| claim["id"].as_str().expect("an id")).collect()
}

async fn programs_with_one_key_exclude_each_other_over_http(world: World) {
    let server = start(&world).await;
    let key = server.key.as_str();
    let (one, two) = ((key, "one"), (key, "two"));
    let patch = |intent: Option<&str>| Some(json!({ "data": { "x": "1" }, "intent": intent }));
    assert_eq!(server.ask_as(one, "POST", INTENTS, open("c", false)).await.0, 201);
    // Exclusion.
    let (status, refused) = server.ask_as(two, "POST", INTENTS, open("d", false)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("entity_claimed")), "{refused}");
    let (status, refused) = server.ask_as(two, "PATCH", ROW, patch(None)).await;
    assert_eq!((status, &refused["code"]), (409, &json!("entity_claimed")), "{refused}");
    assert_eq!(server.ask(key, "PATCH", ROW, patch(None)).await.0, 409, "without a name");
    assert_eq!(server.ask_as(one, "PATCH", ROW, patch(None)).await.0, 200, "the holder");
    assert_eq!(server.ask(key, "PATCH", ROW, patch(Some("c"))).await.0, 200, "names the claim");
    // Queue.
    let (status, queued) = server.ask_as(two, "POST", INTENTS, open("w", true)).await;
    assert_eq!((status, &queued["position"]), (202, &json!(0)), "{queued}");
    // Visibility.
    let seen_by_one = server.ask_as(one, "GET", INTENTS, None).await.1;
    assert_eq!((ids(&seen_by_one["intents"]), ids(&seen_by_one["queue"])), (vec![], vec!["w"]));
    let seen_by_two = server.ask_as(two, "GET", INTENTS, None).await.1;
    assert_eq!(ids(&seen_by_two["intents"]), ["c"]);
    assert_eq!(ids(&server.ask(key, "GET", INTENTS, None).await.1["intents"]), ["c"]);
    // Release.
    let released = |(status, body): (u16, Value)| {
        assert_eq!(status, 200, "{body}");
        body["released"].as_bool().expect("an answer")
    };
    let by_id = format!("{INTENTS}/c");
    assert!(!released(server.ask_as(two, "DELETE", &by_id, None).await), "another holder");
    assert!(!released(server.ask(key, "DELETE", CLAIM, None).await), "without a name");
    assert!(released(server.ask_as(two, "DELETE", CLAIM, None).await), "its place in the queue");
    assert!(!released(server.ask_as(two, "DELETE", CLAIM, None).await), "nothing is left");
    assert!(released(server.ask_as(one, "DELETE", CLAIM, None).await), "its own claim");
    assert_eq!(server.ask_as(two, "POST", INTENTS, open("d", false)).await.0, 201, "free");
    let by_id = format!("{INTENTS}/d");
    assert!(released(server.ask(key, "DELETE", &by_id, None).await), "by its id, without a name");
}

async fn requests_without_a_name_exclude_each_other(world: World) {
    let server = start(&world).await;
    let key = server.key.as_str();
    let ask = |queue: bool| Some(json!({ "action": "editing", "queue": queue }));
    let (status, held) = server.ask(key, "POST", CLAIM, ask(false)).await;
    assert_eq!(status, 201, "{held}");
    // They may come from two programs.
    assert_eq!(server.ask(key, "POST", CLAIM, ask(false)).await.0, 409);
    let patch = |intent: &Value| Some(json!({ "data": { "x": "1" }, "intent": intent }));
    let (status, refusal) = server.ask(key, "PATCH", ROW, patch(&Value::Null)).await;
    assert_eq!(status, 409, "{refusal}");
    let message = refusal["message"].as_str().expect("a message");
    assert!(message.contains("`intent`") && message.contains("`Ablo-Holder`"), "{message}");
    assert_eq!(server.ask(key, "PATCH", ROW, patch(&held["intentId"])).await.0, 200);
    // The program that holds it must not see itself as another one.
    let listed = server.ask(key, "GET", INTENTS, None).await.1;
    assert_eq!(ids(&listed["intents"]), [""; 0]);
    let named = server.ask_as((key, "one"), "GET", INTENTS, None).await.1;
    assert_eq!(ids(&named["intents"]).len(), 1);
    assert_eq!(server.ask(key, "DELETE", CLAIM, None).await.1["released"], true);
}

/// Two connections of one participant that exclude each other.
async fn exclude(server: &Coordinator, key: &str, queries: [&str; 2]) {
    let mut one = server.socket(key, queries[0]).await;
    let mut two = server.socket(key, queries[1]).await;
    one.send("intent_begin", begin("c")).await;
    one.receive("intent_acquired").await;
    two.send("intent_begin", begin("w")).await;
    assert_eq!(two.receive("intent_queued").await["position"], 0);
    assert_eq!(write(&mut two, 0).await, "entity_claimed");
    assert_eq!(write(&mut one, 0).await, Value::Null);
    let patch = Some(json!({ "data": { "x": "1" } }));
    assert_eq!(server.ask(key, "PATCH", ROW, patch.clone()).await.0, 409, "over HTTP");
    let listed = server.ask(key, "GET", INTENTS, None).await.1;
    assert_eq!(ids(&listed["intents"]), ["c"]);
    one.send("intent_abandon", json!({ "intentId": "c" })).await;
    assert_eq!(two.receive("intent_granted").await["intentId"], "w");
    assert_eq!(write(&mut one, 0).await, "entity_claimed");
    assert_eq!(write(&mut two, 0).await, Value::Null);
}

async fn tabs_of_one_person_exclude_each_other(world: World) {
    let server = start(&world).await;
    let ann = server.session("user", "ann", json!({ "syncGroups": ["org:acme"] })).await;
    exclude(&server, &ann, ["&holder=tab1", "&holder=tab2"]).await;
    // The same program over HTTP.
    let patch = || Some(json!({ "data": { "x": "1" } }));
    assert_eq!(server.ask_as((&ann, "tab1"), "PATCH", ROW, patch()).await.0, 409);
    assert_eq!(server.ask_as((&ann, "tab2"), "PATCH", ROW, patch()).await.0, 200);
    let held = server.ask_as((&ann, "tab2"), "POST", INTENTS, open("again", false)).await;
    assert_eq!(held.0, 201, "{}", held.1);
}

async fn connections_without_a_name_exclude_each_other(world: World) {
    let server = start(&world).await;
    exclude(&server, &server.key, ["", ""]).await;
}

async fn a_repeated_claim_replaces_the_earlier_one(world: World) {
    let server = start(&world).await;
    for query in ["", "&holder=tab"] {
        let mut socket = server.socket(&server.key, query).await;
        // With every delta, grants are sent at once.
        socket.sync(1).await;
        socket.send("intent_begin", begin("first")).await;
        socket.receive("intent_acquired").await;
        socket.send("intent_begin", begin("second")).await;
        assert_eq!(socket.receive("intent_acquired").await["intentId"], "second");
        let lost = socket.receive("intent_lost").await;
        assert_eq!((&lost["intentId"], &lost["reason"]), (&json!("first"), &json!("replaced")));
        assert_eq!(write(&mut socket, 0).await, Value::Null);
        socket.send("intent_abandon", json!({ "intentId": "second" })).await;
        handled(&mut socket).await;
    }
    let one = (server.key.as_str(), "one");
    for id in ["first", "second"] {
        assert_eq!(server.ask_as(one, "POST", INTENTS, open(id, false)).await.0, 201);
    }
    let late = Some(json!({ "data": { "x": "1" }, "intent": "first" }));
    let (_, lost) = server.ask_as(one, "PATCH", ROW, late).await;
    assert_eq!(lost["code"], "claim_lost", "{lost}");
}

async fn a_claim_continues_on_another_connection(world: World) {
    let server = start(&world).await;
    let mut first = server.socket(&server.key, "").await;
    first.send("intent_begin", begin("c")).await;
    first.receive("intent_acquired").await;
    assert_eq!(write(&mut first, 1).await, Value::Null);
    // The coordinator may notice late that the first connection is gone.
    let mut second = server.socket(&server.key, "").await;
    second.send("intent_begin", begin("c")).await;
    second.receive("intent_acquired").await;
    assert_eq!(write(&mut second, 1).await, Value::Null, "also its writes before are its own");
    let lost = first.receive("intent_lost").await;
    assert_eq!((&lost["intentId"], &lost["reason"]), (&json!("c"), &json!("replaced")));
    assert_eq!(write(&mut first, 0).await, "entity_claimed");
    drop(first);
    assert_eq!(write(&mut second, 1).await, Value::Null);
    // Over HTTP.
    let one = (server.key.as_str(), "one");
    assert_eq!(server.ask_as(one, "POST", INTENTS, open("c", false)).await.0, 201);
    assert_eq!(second.receive("intent_lost").await["reason"], "replaced");
    assert_eq!(write(&mut second, 0).await, "entity_claimed");
    let patch = Some(json!({ "data": { "x": "1" } }));
    assert_eq!(server.ask_as(one, "PATCH", ROW, patch).await.0, 200);
}

async fn the_stale_guard_belongs_to_the_holder(world: World) {
    let server = start(&world).await;
    let mut one = server.socket(&server.key, "&holder=one").await;
    let mut again = server.socket(&server.key, "&holder=one").await;
    let mut two = server.socket(&server.key, "&holder=two").await;
    one.send("intent_begin", begin("c")).await;
    one.receive("intent_acquired").await;
    for at in [0, 1, 0] {
        let socket = if at == 0 { &mut one } else { &mut again };
        assert_eq!(write(socket, 1).await, Value::Null, "under one claim of one program");
    }
    two.send("intent_begin", begin("w")).await;
    two.receive("intent_queued").await;
    one.send("intent_abandon", json!({ "intentId": "c" })).await;
    two.receive("intent_granted").await;
    assert_eq!(write(&mut two, 1).await, "stale_context", "the writes of another program");
}

/// Returns the next presence frame that fits.
async fn presence(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = socket.receive("presence_update").await;
        if fits(&frame) {
            return frame;
        }
    }
}

fn claims(entry: &Value) -> Vec<&str> {
    let claims = entry["activeIntents"].as_array().expect("claims");
    claims.iter().map(|claim| claim["intentId"].as_str().expect("an id")).collect()
}

async fn presence_has_an_entry_per_program(world: World) {
    let server = start(&world).await;
    let all = json!({ "syncGroups": ["org:acme"] });
    let ann = server.session("user", "ann", all.clone()).await;
    let bob = server.session("user", "bob", all).await;
    let mut one = server.socket(&ann, "&holder=one").await;
    let mut two = server.socket(&ann, "&holder=two").await;
    let mut plain = server.socket(&ann, "").await;
    let mut bobs = server.socket(&bob, "").await;
    one.send("intent_begin", begin("c")).await;
    let shown = presence(&mut two, |frame| !claims(frame).is_empty()).await;
    assert_eq!((&shown["userId"], &shown["holder"]), (&json!("ann"), &json!("one")));
    assert_eq!(claims(&shown), ["c"]);
    let shown = presence(&mut bobs, |frame| !claims(frame).is_empty()).await;
    assert_eq!((&shown["userId"], shown.get("holder")), (&json!("ann"), None));
    // A program never sees itself, and one without a name never sees its participant.
    two.send("intent_begin", begin("w")).await;
    two.receive("intent_queued").await;
    one.send("intent_abandon", json!({ "intentId": "c" })).await;
    let shown = presence(&mut one, |frame| {
        assert_ne!((&frame["userId"], &frame["holder"]), (&json!("ann"), &json!("one")));
        claims(frame) == ["w"]
    })
    .await;
    assert_eq!(shown["holder"], "two");
    plain.send("intent_begin", begin("last")).await;
    loop {
        let frame = plain.next(Duration::from_secs(5)).await.expect("an answer");
        assert_ne!(frame["payload"]["userId"], "ann", "{frame}");
        if frame["type"] == "intent_queued" {
            break;
        }
    }
    // The same over HTTP.
    let entries = async |holder: Option<&str>| {
        let (_, roster) = match holder {
            Some(holder) => server.ask_as((&bob, holder), "GET", "/api/presence", None).await,
            None => server.ask(&bob, "GET", "/api/presence", None).await,
        };
        let entries = roster["entries"].as_array().expect("entries").clone();
        entries.into_iter().filter(|entry| entry["userId"] == "ann").collect::<Vec<Value>>()
    };
    let merged = entries(None).await;
    assert_eq!(merged.iter().map(claims).collect::<Vec<_>>(), [["w"]], "{merged:?}");
    let each = entries(Some("page")).await;
    let of = |name: &str| each.iter().find(|entry| entry["holder"] == name).expect("an entry");
    assert_eq!((each.len(), claims(of("one")).len(), claims(of("two"))), (3, 0, vec!["w"]));
}

async fn a_claims_presence_is_complete(world: World) {
    let server = start(&world).await;
    let all = json!({ "syncGroups": ["org:acme"] });
    let robot = server.session("agent", "robot", all.clone()).await;
    let mut bobs = server.socket(&server.session("user", "bob", all).await, "").await;
    let mut robots = server.socket(&robot, "").await;
    let mut idle = server.socket(&robot, "").await;
    handled(&mut idle).await;
    let activity = json!({ "entityType": "notes", "entityId": "n", "action": "reading" });
    robots.send("presence_update", json!({ "status": "away", "activity": activity })).await;
    presence(&mut bobs, |frame| frame["activity"]["action"] == "reading").await;
    robots.send("intent_begin", begin("c")).await;
    let shown = presence(&mut bobs, |frame| frame["activeIntents"] != json!([])).await;
    assert_eq!(
        (&shown["userId"], &shown["isAgent"], &shown["status"], &shown["activity"]["action"]),
        (&json!("agent:robot"), &json!(true), &json!("away"), &json!("reading"))
    );
    assert_eq!((&shown["syncGroups"], claims(&shown)), (&json!(["org:acme"]), vec!["c"]));
    // Over HTTP the same participant has the same name and the same claims.
    let (_, roster) = server.ask(&server.key, "GET", "/api/presence", None).await;
    let entries = roster["entries"].as_array().expect("entries");
    let entry = entries.iter().find(|entry| entry["userId"] == "agent:robot").expect("an entry");
    assert_eq!(
        (&entry["isAgent"], &entry["status"], &entry["activity"]["action"], claims(entry)),
        (&json!(true), &json!("away"), &json!("reading"), vec!["c"])
    );
    // The other connection stays when one closes.
    drop(robots);
    let shown = presence(&mut bobs, |frame| frame["activity"].is_null()).await;
    assert_eq!((&shown["kind"], &shown["status"]), (&json!("enter"), &json!("online")));
}

async fn a_waiter_that_left_does_not_block_the_queue(world: World) {
    let server = start(&world).await;
    let all = json!({ "syncGroups": ["org:acme"] });
    let leaver = server.session("agent", "leaver", all).await;
    for query in ["", "&holder=worker"] {
        let mut holder = server.socket(&server.key, query).await;
        holder.send("intent_begin", begin("h")).await;
        holder.receive("intent_acquired").await;
        let mut leaving = server.socket(&leaver, query).await;
        leaving.send("intent_begin", begin("left")).await;
        leaving.receive("intent_queued").await;
        let mut next = server.socket(&server.key, "&holder=next").await;
        next.send("intent_begin", begin("next")).await;
        assert_eq!(next.receive("intent_queued").await["position"], 1);
        drop(leaving);
        let program = query.strip_prefix("&holder=").map_or(Value::Null, Value::from);
        let gone = |frame: &Value| {
            frame["userId"] == "agent:leaver"
                && frame["kind"] == "leave"
                && frame["holder"] == program
        };
        presence(&mut holder, gone).await;
        holder.send("intent_abandon", json!({ "intentId": "h" })).await;
        assert_eq!(next.receive("intent_granted").await["intentId"], "next");
        // It kept its position.
        let mut back = server.socket(&leaver, query).await;
        back.send("intent_begin", begin("left")).await;
        assert_eq!(back.receive("intent_queued").await["position"], 0);
        next.send("intent_abandon", json!({ "intentId": "next" })).await;
        assert_eq!(back.receive("intent_granted").await["intentId"], "left");
        // A row for which only it waits is free, also for itself.
        holder.send("intent_begin", begin("h2")).await;
        holder.receive("intent_queued").await;
        back.send("intent_abandon", json!({ "intentId": "left" })).await;
        holder.receive("intent_granted").await;
        back.send("intent_begin", begin("left")).await;
        back.receive("intent_queued").await;
        drop(back);
        presence(&mut holder, gone).await;
        holder.send("intent_abandon", json!({ "intentId": "h2" })).await;
        handled(&mut holder).await;
        let mut back = server.socket(&leaver, query).await;
        back.send("intent_begin", begin("left")).await;
        assert_eq!(back.receive("intent_acquired").await["intentId"], "left");
        back.send("intent_abandon", json!({ "intentId": "left" })).await;
        handled(&mut back).await;
    }
}

async fn programs_wait_for_each_other_on_a_row_that_they_do_not_see(world: World) {
    let server = start(&world).await;
    let scope = json!({ "operations": ["notes.*"], "syncGroups": ["team:a"] });
    let ann = server.session("user", "ann", scope.clone()).await;
    let bob = server.session("user", "bob", scope).await;
    let mut one = server.socket(&ann, "&holder=one").await;
    let mut two = server.socket(&ann, "&holder=two").await;
    let mut other = server.socket(&bob, "").await;
    one.send("intent_begin", begin("c")).await;
    one.receive("intent_acquired").await;
    two.send("intent_begin", begin("w")).await;
    two.receive("intent_queued").await;
    other.send("intent_begin", begin("b")).await;
    other.receive("intent_acquired").await;
    one.send("intent_abandon", json!({ "intentId": "c" })).await;
    assert_eq!(two.receive("intent_granted").await["intentId"], "w");
}

async fn names_of_programs_are_checked(world: World) {
    let server = start(&world).await;
    let long = "a".repeat(65);
    for name in ["", "a b", "a/b", "tab:1", long.as_str()] {
        let (status, refused) = server.ask_as((&server.key, name), "GET", INTENTS, None).await;
        assert_eq!((status, &refused["code"]), (400, &json!("invalid_request")), "{name}");
        let name = name.replace(' ', "%20");
        let address = format!("ws://{}/api/sync/ws?holder={name}", server.address);
        let mut request = address.into_client_request().expect("a request");
        let token = format!("Bearer {}", server.key).parse().expect("a header");
        request.headers_mut().insert("Authorization", token);
        let Err(Error::Http(refused)) = connect_async(request).await else { panic!("{name}") };
        assert_eq!(refused.status(), 400, "{name}");
    }
    let longest = &long[1..];
    assert_eq!(server.ask_as((&server.key, longest), "GET", INTENTS, None).await.0, 200);
    // A page may send the header to another origin.
    let preflight = ablo_tests::coordinator::client()
        .request(reqwest::Method::OPTIONS, format!("http://{}{INTENTS}", server.address))
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization,ablo-holder")
        .send()
        .await
        .expect("a response");
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().expect("a header");
    assert!(allowed.contains("ablo-holder"), "{allowed}");
}
