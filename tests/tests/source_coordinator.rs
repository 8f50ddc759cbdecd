//! A coordinator whose organisation keeps its rows in its own database: what is written here is there, what is written there is here, and
//! nothing twice, whatever goes wrong between them.

use ablo_server::app::CoordinatorOptions;
use ablo_server::source::SourceOptions;
use ablo_server::store::{DbPath, Postgres, Sqlite, Store};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::postgres::{Database, Server, schema};
use ablo_tests::source::{Application, Fault, KEY, TASKS, on_postgres, on_sqlite, run, texts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn source(url: &str) -> SourceOptions {
    let mut source = SourceOptions::new("acme", url, KEY);
    source.poll = Duration::from_millis(50);
    source.timeout = Duration::from_millis(800);
    source
}

fn stores() -> Vec<(Arc<dyn Store>, Option<Database<'static>>)> {
    let schema = schema(TASKS);
    let database = std::thread::spawn(|| Server::shared().database()).join().expect("a database");
    let sqlite = Sqlite::open(&DbPath::Memory, &schema).expect("a store");
    let postgres =
        Postgres::open(&database.address(), &schema, &Default::default()).expect("a store");
    vec![(Arc::new(sqlite), None), (Arc::new(postgres), Some(database))]
}

async fn coordinator(store: Arc<dyn Store>, sources: Vec<SourceOptions>) -> Coordinator {
    Coordinator::start_with(
        &schema(TASKS),
        store,
        CoordinatorOptions { sources, ..CoordinatorOptions::default() },
    )
    .await
}

async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A row as the coordinator has it.
async fn row(server: &Coordinator, id: &str) -> Value {
    let (status, body) =
        server.ask(&server.key, "GET", &format!("/api/v1/models/tasks/{id}"), None).await;
    if status == 200 { body["data"].clone() } else { Value::Null }
}

async fn create(server: &Coordinator, id: &str, title: &str) -> (u16, Value) {
    let body =
        json!({ "id": id, "data": { "title": title }, "idempotencyKey": format!("create {id}") });
    server.ask(&server.key, "POST", "/api/v1/models/tasks", Some(body)).await
}

async fn update(server: &Coordinator, id: &str, title: &str) -> (u16, Value) {
    let body = json!({ "data": { "title": title } });
    server.ask(&server.key, "PATCH", &format!("/api/v1/models/tasks/{id}"), Some(body)).await
}

async fn theirs(database: &Database<'static>) -> Vec<String> {
    texts(database, "acme", "SELECT id || ' ' || title FROM tasks ORDER BY id").await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_live_there_and_are_read_here() {
    for (store, _database) in stores() {
        let (database, adapter) = on_postgres().await;
        run(
            &database,
            "acme",
            "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('old', 'acme', 'app', 'before')",
        )
        .await;
        let application = Application::serve(adapter).await;
        let server = coordinator(store, vec![source(&application.url)]).await;
        until("what was there before is read", async || {
            row(&server, "old").await["title"] == "before"
        })
        .await;

        // Written here, it is there, once.
        let (status, receipt) = create(&server, "a", "one").await;
        assert_eq!(status, 201, "{receipt}");
        assert_eq!(update(&server, "a", "two").await.0, 200);
        assert_eq!(
            create(&server, "a", "one").await.1["lastSyncId"],
            receipt["lastSyncId"],
            "the same again"
        );
        assert_eq!(theirs(&database).await, ["a two", "old before"]);
        assert_eq!(row(&server, "a").await["title"], "two");

        // Written there, it is here; also what is deleted, and what comes back.
        run(
            &database,
            "acme",
            "UPDATE tasks SET title = 'three' WHERE id = 'a'; DELETE FROM tasks WHERE id = 'old'",
        )
        .await;
        until("a change arrives", async || row(&server, "a").await["title"] == "three").await;
        until("a deletion arrives", async || row(&server, "old").await.is_null()).await;
        run(
            &database,
            "umbrella",
            "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('x', 'umbrella', 'app', 'theirs')",
        )
        .await;

        // What is refused there is refused here, with its code, and changes nothing.
        run(&database, "acme", "ALTER TABLE tasks ADD CONSTRAINT short CHECK (length(title) < 20)")
            .await;
        let (status, refusal) = create(&server, "b", "a title that is far too long").await;
        assert_eq!((status, refusal["code"].as_str()), (400, Some("check_violation")), "{refusal}");
        assert!(row(&server, "b").await.is_null());
        assert_eq!(update(&server, "none", "nothing").await.0, 404);

        // Each change is in the log once, and no echo of it.
        let (_, bootstrap) = server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
        let head = bootstrap["lastSyncId"].as_u64().expect("a head");
        tokio::time::sleep(Duration::from_millis(400)).await;
        let (_, later) = server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
        assert_eq!(later["lastSyncId"].as_u64(), Some(head), "echoes are dropped");
        assert!(row(&server, "x").await.is_null(), "rows of others stay there");
        let (_, sources) = server.ask(&server.key, "GET", "/api/v1/sources", None).await;
        assert_eq!(sources["data"][0]["status"], "ok", "{sources}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_stale_reads_are_held_to_before_anything_goes_out() {
    let (_database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let server = coordinator(stores().remove(0).0, vec![source(&application.url)]).await;
    let (_, first) = create(&server, "a", "one").await;
    let [ada, ben] = ["ada", "ben"]
        .map(|user| server.session("user", user, json!({ "syncGroups": ["org:acme"] })));
    let (ada, ben) = (ada.await, ben.await);
    let (status, claim) = server
        .ask(&ada, "POST", "/api/v1/models/tasks/a/claim", Some(json!({ "action": "editing" })))
        .await;
    assert_eq!(status, 201, "{claim}");
    let before = application.faults.requests.load(Ordering::Relaxed);
    let commits = || application.faults.requests.load(Ordering::Relaxed);
    let patch =
        |title: &str| Some(json!({ "data": { "title": title }, "readAt": first["lastSyncId"] }));
    let (status, refusal) =
        server.ask(&ben, "PATCH", "/api/v1/models/tasks/a", patch("ben's")).await;
    assert_eq!((status, refusal["code"].as_str()), (409, Some("entity_claimed")), "{refusal}");
    assert_eq!(row(&server, "a").await["title"], "one");
    let (status, said) = server.ask(&ada, "PATCH", "/api/v1/models/tasks/a", patch("ada's")).await;
    assert_eq!(status, 200, "{said}");
    assert_eq!(
        server.ask(&ada, "DELETE", "/api/v1/models/tasks/a/claim", Some(json!({}))).await.0,
        200
    );
    let (status, refusal) =
        server.ask(&ben, "PATCH", "/api/v1/models/tasks/a", patch("ben's")).await;
    assert_eq!((status, refusal["code"].as_str()), (409, Some("stale_context")), "{refusal}");
    assert_eq!(row(&server, "a").await["title"], "ada's");
    assert!(commits() > before, "the outbox is asked all the while");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_is_made_good_by_the_outbox() {
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    // Only what the test does is asked for.
    options.poll = Duration::from_mins(10);
    let server = coordinator(stores().remove(0).0, vec![options]).await;
    until("it is filled", async || create(&server, "first", "one").await.0 == 201).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    // It happened there, and nobody here heard of it, three times over.
    application.faults.inject(&[Fault::ResponseLost, Fault::ResponseLost, Fault::ResponseLost]);
    let (status, refusal) = create(&server, "a", "one").await;
    assert_eq!(
        (status, refusal["code"].as_str()),
        (503, Some("source_network_error")),
        "{refusal}"
    );
    assert_eq!(theirs(&database).await, ["a one", "first one"]);
    assert!(row(&server, "a").await.is_null());
    // Sent again it is the same commit.
    let (status, receipt) = create(&server, "a", "one").await;
    assert_eq!(status, 201, "{receipt}");
    assert_eq!(row(&server, "a").await["title"], "one");
    assert_eq!(theirs(&database).await, ["a one", "first one"]);

    // Nobody sends it again: the outbox tells of it. What the last commit left behind has been asked about by then.
    tokio::time::sleep(Duration::from_millis(500)).await;
    application.faults.inject(&[Fault::ResponseLost, Fault::ResponseLost, Fault::ResponseLost]);
    assert_eq!(create(&server, "b", "two").await.0, 503);
    let start = Instant::now();
    while row(&server, "b").await.is_null() {
        assert!(start.elapsed() < Duration::from_secs(30), "the outbox makes it good");
        assert_eq!(
            update(&server, "first", &format!("{:?}", start.elapsed())).await.0,
            200,
            "and nothing else waits for it"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let (status, receipt) = create(&server, "b", "two").await;
    assert_eq!(status, 201, "{receipt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_is_nobody_elses() {
    let (_folder, adapter) = on_sqlite().await;
    let application = Application::serve(adapter).await;
    let mut sick = source(&application.url);
    sick.organization = "umbrella".to_owned();
    let server = coordinator(stores().remove(0).0, vec![sick]).await;
    let theirs = server.app.issue_secret_key("umbrella", "test").await.expect("a key");
    let ask = async |id: &str| {
        let body = json!({ "id": id, "data": { "title": "one" } });
        server.ask(&theirs, "POST", "/api/v1/models/tasks", Some(body)).await
    };
    until("it works at first", async || ask("well").await.0 == 201).await;
    application.faults.inject(&[Fault::Hang; 400]);
    // Sixty writers wait for it, and those of others do not notice.
    let waiting: Vec<_> = (0..60).map(|at| (at, format!("stuck {at}"))).collect();
    let stuck = futures_util::future::join_all(waiting.iter().map(|(_, id)| ask(id)));
    let others = async {
        let mut slowest = Duration::ZERO;
        for at in 0..40 {
            let start = Instant::now();
            assert_eq!(create(&server, &format!("ours {at}"), "two").await.0, 201);
            slowest = slowest.max(start.elapsed());
        }
        slowest
    };
    let (refused, slowest) = futures_util::future::join(stuck, others).await;
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
    assert!(
        refused
            .iter()
            .all(|(status, body)| *status == 503 && body["code"] == "source_network_error")
    );
    // It is left alone for a while, and nobody has to wait to hear that.
    let start = Instant::now();
    assert_eq!(ask("later").await.0, 503);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let (_, sources) = server.ask(&theirs, "GET", "/api/v1/sources", None).await;
    assert_eq!(sources["data"][0]["status"], "resting", "{sources}");
    assert!(
        sources["data"][0]["lastError"].as_str().is_some_and(|error| error.contains("no answer")),
        "{sources}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_taken_from_those_who_have_signed_it() {
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    options.poll = Duration::from_mins(10);
    let server = coordinator(stores().remove(0).0, vec![options]).await;
    until("it is filled", async || create(&server, "first", "one").await.0 == 201).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    run(&database, "acme", "UPDATE tasks SET title = 'two' WHERE id = 'first'").await;
    let push = async |key: &str, body: Value| {
        let message = ablo::source::Message::signed(key, "q_1", body.to_string().into_bytes());
        let url = format!("http://{}/api/source/events", server.address);
        let remote = ablo::source::Remote::new(&url, Duration::from_secs(5)).expect("an address");
        remote.send(message).await.expect("an answer").status
    };
    let events = json!({ "events": [{ "id": "e", "model": "tasks", "entityId": "first", "type": "UPDATE" }] });
    assert_eq!(push("sk_test_other", events.clone()).await, 401);
    assert_eq!(push(KEY, json!({ "events": [] })).await, 400);
    assert_eq!(push(KEY, json!({ "events": [{}] })).await, 400);
    assert_eq!(push(KEY, events.clone()).await, 200);
    until("what was pushed is read", async || row(&server, "first").await["title"] == "two").await;
}

/// Writers here and there, a way between them that loses, doubles, delays and breaks; in the end both sides are the same.
#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_lost_or_applied_twice_under_random_faults() {
    for (store, _database) in stores() {
        let (database, adapter) = on_postgres().await;
        let application = Application::serve(adapter).await;
        let server = coordinator(store, vec![source(&application.url)]).await;
        until("it is filled", async || create(&server, "shared", "begin").await.0 == 201).await;
        application.faults.percent.store(30, Ordering::Relaxed);
        let over = AtomicBool::new(false);
        let persist = async |method: &str, path: &str, body: Value| {
            for _ in 0..400 {
                let (status, said) =
                    server.ask(&server.key, method, path, Some(body.clone())).await;
                match status {
                    200 | 201 => return said,
                    503 => tokio::time::sleep(Duration::from_millis(60)).await,
                    _ => panic!("{method} {path} {body}: {status} {said}"),
                }
            }
            panic!("{method} {path} does not come through")
        };
        let writer = async |writer: u32| {
            for at in 0..25 {
                let (id, key) = (format!("w{writer}_{at}"), format!("w{writer} {at}"));
                let body = json!({ "id": id, "data": { "title": key }, "idempotencyKey": format!("create {key}") });
                persist("POST", "/api/v1/models/tasks", body).await;
                let body =
                    json!({ "data": { "title": key }, "idempotencyKey": format!("update {key}") });
                persist("PATCH", "/api/v1/models/tasks/shared", body).await;
            }
        };
        let external = async {
            let mut at = 0;
            while !over.load(Ordering::Relaxed) {
                let sql = format!(
                    "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('x{at}', 'acme', 'cron', 'x'); \
                     UPDATE tasks SET title = 'cron {at}' WHERE id = 'shared'; UPDATE tasks SET n = {at} WHERE id LIKE 'w0_1%'"
                );
                run(&database, "acme", &sql).await;
                at += 1;
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            at
        };
        let writers = async {
            futures_util::future::join_all((0..4).map(writer)).await;
            over.store(true, Ordering::Relaxed);
        };
        let (written, ()) = futures_util::future::join(external, writers).await;
        assert!(written > 3, "{written} changes from outside");
        application.faults.percent.store(0, Ordering::Relaxed);
        let there = texts(
            &database,
            "acme",
            "SELECT id || ' ' || title || ' ' || coalesce(n::text, '-') FROM tasks ORDER BY id",
        )
        .await;
        let start = Instant::now();
        let log = loop {
            let (_, bootstrap) = server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
            let models = bootstrap["models"].as_object().expect("models");
            let rows = models.values().next().and_then(Value::as_array).expect("rows").clone();
            let text = |row: &Value, name: &str| match &row[name] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let mut here: Vec<String> = rows
                .iter()
                .map(|row| format!("{} {} {}", text(row, "id"), text(row, "title"), text(row, "n")))
                .collect();
            here.sort();
            let mut there = there.clone();
            there.sort();
            if here == there {
                break rows.len();
            }
            if start.elapsed() > Duration::from_secs(40) {
                let differ: Vec<_> = there.iter().filter(|row| !here.contains(row)).collect();
                panic!("these are otherwise there: {differ:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(log, 1 + 100 + written);
        // In the log each row was created once.
        let all = "SELECT model_id FROM sync_deltas WHERE action_type = 'I'";
        let rows = server
            .app
            .reading("acme", move |_, tx| Ok(tx.query(all, &[])?))
            .await
            .expect("the log");
        let mut inserted: BTreeMap<String, u32> = BTreeMap::new();
        for id in rows.iter().filter_map(|row| row.first()?.text()) {
            *inserted.entry(id.to_owned()).or_default() += 1;
        }
        assert_eq!(inserted.len(), 1 + 100 + written);
        assert!(inserted.values().all(|times| *times == 1), "{inserted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn some_models_live_there_and_others_here() {
    let two = TASKS.replacen(
        r#""tasks":{"#,
        r#""notes":{"relations":{},"mutable":true,"fields":{"text":{"type":"string","isOptional":false,"isIndexed":false}}},"tasks":{"#,
        1,
    );
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    options.models = std::collections::BTreeSet::from(["tasks".to_owned()]);
    let schema = schema(&two);
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("a store"));
    let server = Coordinator::start_with(
        &schema,
        store,
        CoordinatorOptions { sources: vec![options], ..CoordinatorOptions::default() },
    )
    .await;
    until("it is filled", async || create(&server, "first", "one").await.0 == 201).await;
    assert_eq!(theirs(&database).await, ["first one"]);
    // What lives here is asked of nobody.
    application.faults.inject(&[Fault::ServerError; 50]);
    let note = json!({ "id": "n", "data": { "text": "here" } });
    let (status, said) = server.ask(&server.key, "POST", "/api/v1/models/notes", Some(note)).await;
    assert_eq!(status, 201, "{said}");
    application.faults.queue.lock().expect("faults").clear();
    // Nothing can be promised of both at once.
    let operation =
        |model: &str, data: Value| json!({ "action": "create", "model": model, "data": data });
    let both =
        [operation("notes", json!({ "text": "a" })), operation("tasks", json!({ "title": "a" }))];
    let body = json!({ "clientTxId": "both", "operations": both });
    let (status, said) = server.ask(&server.key, "POST", "/api/v1/commits", Some(body)).await;
    assert!(
        status >= 400 && said.to_string().contains("commit_operation_unsupported"),
        "{status} {said}"
    );
    assert_eq!(theirs(&database).await, ["first one"]);
}
