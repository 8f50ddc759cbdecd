//! Programs that write the tables of models with their own SQL, beside coordinators on the same
//! database: watchers receive the changes, guards count them, and nothing is delivered twice.

use ablo_server::Capture;
use ablo_server::store::{Store, Tenant, Tx};
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false},
    "count":{"type":"number","isOptional":true,"isIndexed":false},
    "body":{"type":"json","isOptional":true,"isIndexed":false}}},
  "comments":{"typename":"Comment","mutable":true,
    "tenancy":{"kind":"parent","via":{"localKey":"note_id","parentTable":"notes"}},
    "relations":{"note":{"type":"belongsTo","target":"notes","foreignKey":"noteId",
      "foreignKeyColumn":"note_id","options":{"fk":true}}},
    "fields":{"noteId":{"type":"string","isOptional":false,"isIndexed":false},
      "text":{"type":"string","isOptional":true,"isIndexed":false}}},
  "words":{"typename":"Word","mutable":true,"tenancy":{"kind":"none"},"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

/// A database with triggers, and a coordinator that has noticed them.
async fn start() -> (World, Coordinator) {
    let world = World::postgres(SCHEMA);
    Capture::new(world.schema(), "public").install(&*world.store).await.expect("the triggers");
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let models = &server.app.service().engine.models;
    while !models.iter().all(|model| model.captured.load(Ordering::Relaxed)) {
        assert!(Instant::now() < deadline, "the triggers are noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    (world, server)
}

/// Asks for the log from its beginning on.
async fn follow(socket: &mut Socket) {
    let payload = json!({ "cursor": null, "versions": {}, "lastSyncId": 0,
        "capabilities": ["completeDeltas", "resume"] });
    socket.send("sync_request", payload).await;
    socket.receive("sync_response").await;
}

/// Runs statements of another program: by the owner of the tables, who is subject to row security,
/// for one organisation.
fn sql(world: &World, statements: &str) {
    let database = world.database().expect("PostgreSQL").clone();
    let statements = format!("SET app.current_org_id = 'acme'; {statements}");
    let run = move || database.session().run(&statements).expect("the statements succeed");
    std::thread::spawn(run).join().expect("the program ends");
}

/// Returns the deltas up to the next one of a row, in which it is deleted or has a text.
async fn until(socket: &mut Socket, row: &str, text: Option<&str>) -> Vec<Value> {
    let began = Instant::now();
    let mut all = Vec::new();
    loop {
        for delta in socket.deltas().await {
            let is_last = delta["modelId"] == row && delta["data"]["text"].as_str() == text;
            all.push(delta);
            if is_last {
                assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
                return all;
            }
        }
    }
}

fn shown(deltas: &[Value]) -> Vec<String> {
    let shown = |delta: &Value| {
        let part = |name: &str| delta[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", part("actionType"), part("modelName"), part("modelId"))
    };
    deltas.iter().map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_receive_what_other_programs_write() {
    let (world, server) = start().await;
    let mut socket = server.socket(&server.key, "").await;
    follow(&mut socket).await;
    let insert = "INSERT INTO notes (id, organization_id, text) VALUES ('n', 'acme', 'a')";
    sql(&world, insert);
    let created = until(&mut socket, "n", Some("a")).await;
    assert_eq!(shown(&created), ["I Note n"]);
    assert_eq!(created[0]["createdBy"]["id"], "database", "{}", created[0]);
    // Several changes of a row in one transaction are one delta.
    sql(&world, "UPDATE notes SET text = 'b'; UPDATE notes SET text = 'c', count = 1");
    assert_eq!(shown(&until(&mut socket, "n", Some("c")).await), ["U Note n"]);
    // A row that is created and deleted at once was never there; one that is not changed is silent.
    sql(
        &world,
        "BEGIN; INSERT INTO notes (id, organization_id, text) VALUES ('m', 'acme', 'a'); DELETE \
         FROM notes WHERE id = 'm'; UPDATE notes SET text = text; COMMIT; INSERT INTO notes (id, \
         organization_id, text, body) VALUES ('x', 'acme', 'y', '{\"a\":1}')",
    );
    assert_eq!(shown(&until(&mut socket, "x", Some("y")).await), ["I Note x"]);
    // The organisation of a comment is that of its note.
    sql(&world, "INSERT INTO comments (id, note_id, text) VALUES ('c', 'n', 'hm')");
    assert_eq!(shown(&until(&mut socket, "c", Some("hm")).await), ["I Comment c"]);
    sql(&world, "DELETE FROM comments; DELETE FROM notes WHERE id = 'n'");
    assert_eq!(shown(&until(&mut socket, "n", None).await), ["D Comment c", "D Note n"]);
    // A row that gets another id or organisation leaves.
    sql(&world, "UPDATE notes SET id = 'z' WHERE id = 'x'");
    let mut moved = until(&mut socket, "z", Some("y")).await;
    moved.sort_by_key(|delta| delta["actionType"].as_str().map(str::to_owned));
    assert_eq!(shown(&moved), ["D Note x", "I Note z"]);
    // All organisations see a shared row.
    sql(&world, "INSERT INTO words (id, text) VALUES ('w', 'word')");
    assert_eq!(shown(&until(&mut socket, "w", Some("word")).await), ["I Word w"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinators_own_writes_are_logged_once() {
    let (world, server) = start().await;
    let mut socket = server.socket(&server.key, "").await;
    follow(&mut socket).await;
    for text in ["a", "b", "last"] {
        let verb = if text == "a" { "create" } else { "update" };
        let operation =
            json!([{ "action": verb, "model": "notes", "id": "n", "data": { "text": text } }]);
        let body = json!({ "clientTxId": text, "operations": operation });
        let (status, answer) = server.ask(&server.key, "POST", "/api/v1/commits", Some(body)).await;
        assert_eq!(status, 200, "{answer}");
    }
    let deltas = until(&mut socket, "n", Some("last")).await;
    assert_eq!(shown(&deltas), ["I Note n", "U Note n", "U Note n"]);
    sql(&world, "INSERT INTO notes (id, organization_id, text) VALUES ('m', 'acme', 'end')");
    assert_eq!(shown(&until(&mut socket, "m", Some("end")).await), ["I Note m"]);
}

/// A trigger of the application writes in the session of the coordinator.
#[tokio::test(flavor = "multi_thread")]
async fn what_triggers_write_for_the_coordinator_is_logged() {
    let (world, server) = start().await;
    sql(
        &world,
        "CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO words \
         (id, text) VALUES (NEW.id, NEW.text); RETURN NULL; END $$; CREATE TRIGGER copy AFTER \
         INSERT ON notes FOR EACH ROW EXECUTE FUNCTION copy()",
    );
    let mut socket = server.socket(&server.key, "").await;
    follow(&mut socket).await;
    let operation =
        json!([{ "action": "create", "model": "notes", "id": "n", "data": { "text": "a" } }]);
    world.commit(&user("ann"), &operation.to_string()).await.expect("a row");
    let mut deltas = until(&mut socket, "n", Some("a")).await;
    while deltas.len() < 2 {
        deltas.extend(socket.deltas().await);
    }
    assert_eq!(shown(&deltas), ["I Note n", "I Word n"]);
}

/// A guard counts a write of another program at once, before it is in the log by itself.
#[tokio::test(flavor = "multi_thread")]
async fn guards_count_what_other_programs_write() {
    let (world, server) = start().await;
    let operation =
        json!([{ "action": "create", "model": "notes", "id": "n", "data": { "text": "a" } }]);
    world.commit(&user("ann"), &operation.to_string()).await.expect("a row");
    for round in 0..20 {
        let path = "/api/v1/models/notes/n";
        let (_, read) = server.ask(&server.key, "GET", path, None).await;
        sql(&world, &format!("UPDATE notes SET text = 'other {round}'"));
        let update = |stamp: &Value| {
            let id = uuid::Uuid::new_v4().to_string();
            json!({ "clientTxId": id, "operations": [{ "action": "update", "model": "notes",
                "id": "n", "data": { "text": "mine" }, "readAt": stamp, "onStale": "reject" }] })
        };
        let commits = "/api/v1/commits";
        let (_, refused) =
            server.ask(&server.key, "POST", commits, Some(update(&read["stamp"]))).await;
        assert_eq!(refused["code"], "stale_context", "round {round}: {refused}");
        let (_, read) = server.ask(&server.key, "GET", path, None).await;
        assert_eq!(read["data"]["text"], format!("other {round}"));
        // The change was not in the log when the refused commit was rolled back.
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let (_, read) = server.ask(&server.key, "GET", path, None).await;
            let (status, answer) =
                server.ask(&server.key, "POST", commits, Some(update(&read["stamp"]))).await;
            if status == 200 {
                break;
            }
            assert_eq!(answer["code"], "stale_context", "{answer}");
            assert!(Instant::now() < deadline, "the write is accepted");
        }
    }
}

/// Counts with guarded read-modify-write by two coordinators while a program adds with SQL: no
/// increment is lost, and the last delta is the row.
#[tokio::test(flavor = "multi_thread")]
async fn no_update_is_lost_beside_other_programs() {
    const EACH: usize = 40;
    let (world, first) = start().await;
    let other = world.second_instance().expect("PostgreSQL");
    let second = Coordinator::start(world.schema(), Arc::clone(&other.store)).await;
    let operation = json!([{ "action": "create", "model": "notes", "id": "n",
        "data": { "text": "a", "count": 0 } }]);
    world.commit(&user("ann"), &operation.to_string()).await.expect("a row");
    let mut socket = first.socket(&first.key, "").await;
    follow(&mut socket).await;
    let database = world.database().expect("PostgreSQL").clone();
    let program = std::thread::spawn(move || {
        let mut session = database.session();
        session.run("SET app.current_org_id = 'acme'").expect("a setting");
        for _ in 0..EACH {
            session.run("UPDATE notes SET count = count + 1").expect("an update");
        }
    });
    let key = first.key.clone();
    let mut workers = Vec::new();
    for server in [Arc::new(first), Arc::new(second)] {
        let key = key.clone();
        workers.push(tokio::spawn(async move {
            let path = "/api/v1/models/notes/n";
            let mut done = 0;
            while done < EACH {
                let (_, read) = server.ask(&key, "GET", path, None).await;
                let count = read["data"]["count"].as_f64().expect("a number");
                let body = json!({ "clientTxId": uuid::Uuid::new_v4().to_string(), "operations": [{
                    "action": "update", "model": "notes", "id": "n",
                    "data": { "count": count + 1.0 }, "readAt": read["stamp"],
                    "onStale": "reject" }] });
                let (status, answer) =
                    server.ask(&key, "POST", "/api/v1/commits", Some(body)).await;
                match status {
                    200 => done += 1,
                    _ => assert!(
                        answer["code"] == "stale_context" || status == 429,
                        "{status} {answer}"
                    ),
                }
            }
            server
        }));
    }
    let mut servers = Vec::new();
    for worker in workers {
        servers.push(worker.await.expect("the worker ends"));
    }
    program.join().expect("the program ends");
    sql(&world, "UPDATE notes SET text = 'end'");
    let deltas = until(&mut socket, "n", Some("end")).await;
    let last = deltas.last().expect("a delta");
    assert_eq!(last["data"]["count"].as_f64(), Some(3.0 * EACH as f64));
}

/// A large statement of another program is delivered in bounded transactions, and a truncated table
/// is empty for watchers, too.
#[tokio::test(flavor = "multi_thread")]
async fn large_writes_of_other_programs_arrive() {
    let (world, server) = start().await;
    let mut socket = server.socket(&server.key, "").await;
    follow(&mut socket).await;
    sql(
        &world,
        "INSERT INTO notes (id, organization_id, text) SELECT 'n' || n, 'acme', 'a' FROM \
         generate_series(1, 1000) n",
    );
    sql(&world, "INSERT INTO notes (id, organization_id, text) VALUES ('last', 'acme', 'end')");
    let deltas = until(&mut socket, "last", Some("end")).await;
    let rows: BTreeMap<&str, ()> =
        deltas.iter().filter_map(|delta| Some((delta["modelId"].as_str()?, ()))).collect();
    assert_eq!((deltas.len(), rows.len()), (1001, 1001));
    let mut deleted = 0;
    sql(&world, "DELETE FROM notes");
    while deleted < 1001 {
        deleted += socket.deltas().await.iter().filter(|it| it["actionType"] == "D").count();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_triggers_record_nothing() {
    let (world, server) = start().await;
    let capture = Capture::new(world.schema(), "public");
    capture.remove(&*world.store).await.expect("the triggers are dropped");
    sql(&world, "INSERT INTO notes (id, organization_id, text) VALUES ('n', 'acme', 'a')");
    let count =
        |tx: &mut Tx<'_>| Ok(tx.connection().query("SELECT count(*) FROM ablo_captured", &[])?);
    let store: &dyn Store = &*world.store;
    let found = store.reading(Tenant::Global, count).await.expect("a count");
    assert_eq!(found[0][0].integer(), Some(0));
    drop(server);
}
