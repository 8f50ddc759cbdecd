//! The identity of the sync log on both stores: a client notices a restored backup, an emptied
//! store and another database, and frames with positions of the wrong form are refused with a code.

use ablo_server::engine::Engine;
use ablo_server::identity::Identity;
use ablo_server::store::Tx;
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    a_restored_backup_is_noticed_although_its_head_has_passed_the_client
    every_answer_with_a_position_names_its_epoch
    frames_that_cannot_be_read_are_refused_with_a_code
    positions_of_the_wrong_form_are_refused_over_http
}

async fn create(world: &World, ids: std::ops::Range<usize>) {
    for id in ids {
        let data = json!({ "text": "a" });
        let create = json!([{ "action": "create", "model": "notes", "id": format!("n{id}"),
            "data": data }]);
        world.commit(&user("ann"), &create.to_string()).await.expect("a row");
    }
}

/// Asks for the deltas after a position, and returns the answer.
async fn resume(socket: &mut Socket, position: u64, epoch: &Value) -> Value {
    let payload = json!({
        "cursor": null,
        "versions": {},
        "lastSyncId": position,
        "epoch": epoch,
        "capabilities": ["completeDeltas", "resume"],
    });
    socket.send("sync_request", payload).await;
    socket.receive("sync_response").await
}

/// Removes the entries after a sync id, and lets the next ones have their ids: what a restored
/// backup looks like.
async fn restore(world: &World, to: u64) {
    let job = move |_: &Engine, tx: &mut Tx<'_>, _: &Identity| {
        let connection = tx.connection();
        connection.execute(&format!("DELETE FROM sync_deltas WHERE id > {to}"), &[])?;
        match connection.dialect() {
            ablo_server::store::Dialect::Sqlite => {
                let reset = "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'sync_deltas'";
                connection.execute(reset, &[to.into()])?;
            }
            ablo_server::store::Dialect::Postgres => {
                let reset = "SELECT setval(pg_get_serial_sequence('sync_deltas', 'id'), $1, false)";
                connection.query(reset, &[(to + 1).into()])?;
            }
        }
        Ok(())
    };
    world.write(&user("ann"), job).await.expect("the log is cut");
}

async fn a_restored_backup_is_noticed_although_its_head_has_passed_the_client(world: World) {
    create(&world, 0..6).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut socket = server.socket(&server.key, "").await;
    let before = resume(&mut socket, 0, &Value::Null).await;
    assert_eq!((&before["currentSyncId"], before.get("requiresBootstrap")), (&json!(6), None));
    let deltas = socket.deltas().await;
    assert_eq!(deltas.len(), 6);
    let last = deltas.last().expect("a delta");
    assert_eq!(last["createdAt"], before["epoch"], "the epoch is the time of the entry");
    drop((socket, server));
    restore(&world, 3).await;
    create(&world, 20..30).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let reason = |answer: &Value| answer["bootstrapHint"]["reason"].clone();
    // The entry at the position is another one.
    let answer = resume(&mut server.socket(&server.key, "").await, 6, &before["epoch"]).await;
    assert_eq!(
        (&answer["requiresBootstrap"], reason(&answer)),
        (&json!(true), json!("log_replaced"))
    );
    assert_eq!(answer["currentSyncId"], 13);
    // What the backup had is the same log.
    let answer =
        resume(&mut server.socket(&server.key, "").await, 3, &deltas[2]["createdAt"]).await;
    assert_eq!(answer.get("requiresBootstrap"), None);
    // An emptied store has no entry there, or another one.
    restore(&world, 0).await;
    create(&world, 40..47).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (position, epoch) in [(6, &before["epoch"]), (3, &deltas[2]["createdAt"])] {
        let mut socket = server.socket(&server.key, "").await;
        let answer = resume(&mut socket, position, epoch).await;
        assert_eq!(reason(&answer), "log_replaced", "at {position}");
        // What is written from then on is delivered.
        create(&world, 100 + position as usize..101 + position as usize).await;
        let deltas = socket.deltas().await;
        assert!(deltas[0]["id"].as_u64() > answer["currentSyncId"].as_u64());
    }
}

/// A backup is restored while the coordinator runs: its connections to the database are cut.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_replaced_under_a_coordinator_is_noticed() {
    let world = World::postgres(SCHEMA);
    create(&world, 0..6).await;
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut socket = server.socket(&server.key, "").await;
    let before = resume(&mut socket, 0, &Value::Null).await;
    assert_eq!(socket.deltas().await.len(), 6);
    // A cut alone changes nothing.
    cut(&world);
    create(&world, 6..7).await;
    let delta = socket.deltas().await;
    assert_eq!((delta.len(), &delta[0]["id"]), (1, &json!(7)));
    restore(&world, 3).await;
    cut(&world);
    assert_eq!(socket.close_code().await, Some(1012));
    let mut socket = server.socket(&server.key, "").await;
    let answer = resume(&mut socket, 6, &before["epoch"]).await;
    assert_eq!(answer["bootstrapHint"]["reason"], "log_replaced");
    assert_eq!(answer["currentSyncId"], 3);
    create(&world, 50..51).await;
    assert_eq!(socket.deltas().await[0]["id"], 4);
}

/// Cuts the connections of the coordinator to its database.
fn cut(world: &World) {
    let database = world.database().expect("PostgreSQL").clone();
    let cut = std::thread::spawn(move || {
        let sql = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = \
            current_database() AND pid <> pg_backend_pid()";
        database.admin().texts(sql).len()
    });
    assert!(cut.join().expect("the thread succeeds") > 0);
}

async fn every_answer_with_a_position_names_its_epoch(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let key = &server.key;
    let (_, empty) = server.ask(key, "GET", "/api/sync/bootstrap", None).await;
    assert_eq!((&empty["lastSyncId"], empty.get("epoch")), (&json!(0), None));
    create(&world, 0..2).await;
    let mut socket = server.socket(key, "").await;
    let epoch = resume(&mut socket, 0, &Value::Null).await["epoch"].clone();
    assert!(epoch.is_string());
    let (_, rows) = server.ask(key, "GET", "/api/sync/bootstrap", None).await;
    assert_eq!((&rows["lastSyncId"], &rows["epoch"]), (&json!(2), &epoch));
    let query = json!({ "queries": [{ "model": "Note" }] });
    let (_, rows) = server.ask(key, "POST", "/api/sync/query", Some(query)).await;
    assert_eq!((&rows["lastSyncId"], &rows["epoch"]), (&json!(2), &epoch));
    let body = json!({ "id": "n9", "idempotencyKey": "k", "data": { "text": "b" } });
    let path = "/api/v1/models/notes";
    let (_, receipt) = server.ask(key, "POST", path, Some(body.clone())).await;
    let (_, again) = server.ask(key, "POST", path, Some(body)).await;
    assert_eq!(receipt["epoch"], again["epoch"]);
    let delta = loop {
        let deltas = socket.deltas().await;
        if let Some(delta) = deltas.iter().find(|delta| delta["id"] == receipt["lastSyncId"]) {
            break delta.clone();
        }
    };
    assert_eq!(receipt["epoch"], delta["createdAt"]);
}

async fn frames_that_cannot_be_read_are_refused_with_a_code(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let mut socket = server.socket(&server.key, "").await;
    let request = |last: &str| {
        format!(
            r#"{{"type":"sync_request","payload":{{"cursor":null,"versions":{{}},"lastSyncId":{last},
            "capabilities":[]}}}}"#
        )
    };
    for (text, code, frame, param) in [
        ("{", "invalid_json", json!(null), json!(null)),
        (r#"{"payload":{}}"#, "invalid_body", json!(null), json!(null)),
        (
            r#"{"type":"ack","payload":{"lastSyncId":"5","versions":{}}}"#,
            "invalid_body",
            json!("ack"),
            json!("lastSyncId"),
        ),
        (
            r#"{"type":"ack","payload":{"lastSyncId":1.5,"versions":{}}}"#,
            "invalid_body",
            json!("ack"),
            json!("lastSyncId"),
        ),
        (&request("\"head\""), "invalid_body", json!("sync_request"), json!("lastSyncId")),
        (&request("9007199254740992"), "invalid_body", json!("sync_request"), json!("lastSyncId")),
    ] {
        socket.send_text(text).await;
        let refusal = socket.receive("frame_refused").await;
        assert_eq!(refusal["code"], code, "{text}");
        assert_eq!((&refusal["frame"], &refusal["param"]), (&frame, &param), "{text}");
        assert!(refusal["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
    // The connection stays, and a 0.9 client that acknowledges nothing yet is not refused.
    socket.send_text(&request("0")).await;
    socket.receive("sync_response").await;
    socket.send("ack", json!({ "lastSyncId": 0, "versions": {} })).await;
    socket.send("ping", json!(null)).await;
    loop {
        let frame = socket.next(std::time::Duration::from_secs(5)).await.expect("a frame");
        assert_ne!(frame["type"], "frame_refused", "{frame}");
        if frame["type"] == "pong" {
            return;
        }
    }
}

async fn positions_of_the_wrong_form_are_refused_over_http(world: World) {
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    for (path, code, param) in [
        ("/api/sync/bootstrap?lastSyncId=head", "invalid_request", "lastSyncId"),
        ("/api/v1/models/notes?starting_after=%20", "model_query_failed", "starting_after"),
    ] {
        let (status, body) = server.ask(&server.key, "GET", path, None).await;
        assert_eq!((status, &body["code"], &body["param"]), (400, &json!(code), &json!(param)));
    }
    let (status, _) =
        server.ask(&server.key, "GET", "/api/sync/bootstrap?lastSyncId=7", None).await;
    assert_eq!(status, 200);
}
