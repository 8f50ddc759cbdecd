//! A coordinator with a data source: writes reach it, its changes arrive, and nothing is lost or
//! applied twice under faults.

use ablo_server::CoordinatorOptions;
use ablo_server::SourceOptions;
use ablo_server::store::{DbPath, Postgres, Sqlite, Store};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::postgres::{Database, Server, schema};
use ablo_tests::source::{Application, Fault, KEY, TASKS, on_postgres, on_sqlite, run, texts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(super) fn source(url: &str) -> SourceOptions {
    let mut source = SourceOptions::new("acme", url, KEY);
    source.poll = Duration::from_millis(50);
    source.timeout = Duration::from_millis(800);
    source
}

pub(super) fn stores() -> Vec<(Arc<dyn Store>, Option<Database<'static>>)> {
    let schema = schema(TASKS);
    let database = std::thread::spawn(|| Server::shared().database())
        .join()
        .expect("the thread creates a database");
    let sqlite = Sqlite::open(&DbPath::Memory, &schema).expect("the store opens");
    let postgres =
        Postgres::open(&database.address(), &schema, &Default::default()).expect("the store opens");
    vec![(Arc::new(sqlite), None), (Arc::new(postgres), Some(database))]
}

pub(super) async fn coordinator(store: Arc<dyn Store>, sources: Vec<SourceOptions>) -> Coordinator {
    Coordinator::start_with(
        &schema(TASKS),
        store,
        CoordinatorOptions { sources, ..CoordinatorOptions::default() },
    )
    .await
}

pub(super) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Reads a row from the coordinator.
pub(super) async fn row(server: &Coordinator, id: &str) -> Value {
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

async fn source_rows(database: &Database<'static>) -> Vec<String> {
    texts(database, "acme", "SELECT id || ' ' || title FROM tasks ORDER BY id").await
}

/// Returns the row and the action of each delta.
pub(super) async fn log(server: &Coordinator) -> Vec<String> {
    let all = "SELECT model_id || ' ' || action_type FROM sync_deltas ORDER BY id";
    let service = server.app.service();
    let rows = service.reading("acme", move |_, tx| Ok(tx.connection().query(all, &[])?)).await;
    let rows = rows.expect("the log is readable");
    rows.iter().filter_map(|row| row.first()?.text().map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_source_is_written_and_mirrored() {
    for (store, _database) in stores() {
        let (database, adapter) = on_postgres().await;
        run(
            &database,
            "acme",
            "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('old', 'acme', \
             'app', 'before')",
        )
        .await;
        let application = Application::serve(adapter).await;
        let server = coordinator(store, vec![source(&application.url)]).await;
        until("existing rows are mirrored", async || {
            row(&server, "old").await["title"] == "before"
        })
        .await;

        // Writes through the coordinator reach the data source once.
        let (status, receipt) = create(&server, "a", "one").await;
        assert_eq!(status, 201, "{receipt}");
        assert_eq!(update(&server, "a", "two").await.0, 200);
        assert_eq!(
            create(&server, "a", "one").await.1["lastSyncId"],
            receipt["lastSyncId"],
            "a repeated create has the same receipt"
        );
        assert_eq!(source_rows(&database).await, ["a two", "old before"]);
        assert_eq!(row(&server, "a").await["title"], "two");

        // Updates and deletes in the data source reach the coordinator.
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
            "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('x', 'umbrella', \
             'app', 'theirs')",
        )
        .await;

        // A refusal of the data source is passed on with its code, and nothing changes.
        run(&database, "acme", "ALTER TABLE tasks ADD CONSTRAINT short CHECK (length(title) < 20)")
            .await;
        let (status, refusal) = create(&server, "b", "a title that is far too long").await;
        assert_eq!((status, refusal["code"].as_str()), (400, Some("check_violation")), "{refusal}");
        assert!(row(&server, "b").await.is_null());
        assert_eq!(update(&server, "none", "nothing").await.0, 404);

        // Each change is in the log once, without its echo from the outbox. The change of another
        // program is behind all echoes there.
        run(&database, "acme", "UPDATE tasks SET title = 'four' WHERE id = 'a'").await;
        until("a change arrives", async || row(&server, "a").await["title"] == "four").await;
        assert_eq!(log(&server).await, ["old I", "a I", "a U", "a U", "old D", "a U"]);
        assert!(row(&server, "x").await.is_null(), "rows of other organisations are not mirrored");
        let (_, sources) = server.ask(&server.key, "GET", "/api/v1/sources", None).await;
        assert_eq!(sources["data"][0]["status"], "ok", "{sources}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_and_stale_writes_are_checked_before_the_source() {
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
    let requests = || application.faults.requests.load(Ordering::Relaxed);
    let patch =
        |title: &str| Some(json!({ "data": { "title": title }, "readAt": first["lastSyncId"] }));
    let (status, refusal) =
        server.ask(&ben, "PATCH", "/api/v1/models/tasks/a", patch("ben's")).await;
    assert_eq!((status, refusal["code"].as_str()), (409, Some("entity_claimed")), "{refusal}");
    assert_eq!(row(&server, "a").await["title"], "one");
    let mut own = patch("ada's").expect("a body");
    own["intent"] = claim["intentId"].clone();
    let (status, body) = server.ask(&ada, "PATCH", "/api/v1/models/tasks/a", Some(own)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        server.ask(&ada, "DELETE", "/api/v1/models/tasks/a/claim", Some(json!({}))).await.0,
        200
    );
    let (status, refusal) =
        server.ask(&ben, "PATCH", "/api/v1/models/tasks/a", patch("ben's")).await;
    assert_eq!((status, refusal["code"].as_str()), (409, Some("stale_context")), "{refusal}");
    assert_eq!(row(&server, "a").await["title"], "ada's");
    assert!(requests() > before, "the outbox is polled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_outbox_recovers_commits_with_lost_responses() {
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    // No polling during the test.
    options.poll = Duration::from_mins(10);
    let server = coordinator(stores().remove(0).0, vec![options]).await;
    until("the mirror is filled", async || create(&server, "first", "one").await.0 == 201).await;

    // The data source applies the commit, but all three responses are lost.
    application.faults.inject(&[Fault::ResponseLost, Fault::ResponseLost, Fault::ResponseLost]);
    let (status, refusal) = create(&server, "a", "one").await;
    assert_eq!(
        (status, refusal["code"].as_str()),
        (503, Some("source_network_error")),
        "{refusal}"
    );
    assert_eq!(source_rows(&database).await, ["a one", "first one"]);
    assert!(row(&server, "a").await.is_null());
    // A retry is the same commit.
    let (status, receipt) = create(&server, "a", "one").await;
    assert_eq!(status, 201, "{receipt}");
    assert_eq!(row(&server, "a").await["title"], "one");
    assert_eq!(source_rows(&database).await, ["a one", "first one"]);

    // Without a retry the row arrives through the outbox.
    application.faults.inject(&[Fault::ResponseLost, Fault::ResponseLost, Fault::ResponseLost]);
    assert_eq!(create(&server, "b", "two").await.0, 503);
    let start = Instant::now();
    while row(&server, "b").await.is_null() {
        assert!(start.elapsed() < Duration::from_secs(30), "the row arrives through the outbox");
        assert_eq!(
            update(&server, "first", &format!("{:?}", start.elapsed())).await.0,
            200,
            "other commits are not delayed"
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let (status, receipt) = create(&server, "b", "two").await;
    assert_eq!(status, 201, "{receipt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_the_outbox_reported_is_not_sent_again() {
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    options.poll = Duration::from_mins(10);
    let server = coordinator(stores().remove(0).0, vec![options]).await;
    until("the mirror is filled", async || create(&server, "first", "one").await.0 == 201).await;
    let commit = async |id: &str| {
        let operation = json!({
            "action": "create",
            "model": "tasks",
            "id": "a",
            "data": { "title": "one" },
            "transactionId": "t1",
        });
        let body = json!({ "clientTxId": id, "operations": [operation] });
        server.ask(&server.key, "POST", "/api/v1/commits", Some(body)).await
    };
    application.faults.inject(&[Fault::ResponseLost, Fault::ResponseLost, Fault::ResponseLost]);
    assert_eq!(commit("one").await.0, 503);
    until("the row arrives through the outbox", async || {
        // A write makes the coordinator read the outbox.
        update(&server, "first", "again").await;
        !row(&server, "a").await.is_null()
    })
    .await;
    assert_eq!(update(&server, "a", "edited").await.0, 200);
    // The 0.9 client sends the operation again in another commit.
    let (status, receipt) = commit("two").await;
    assert_eq!(status, 200, "{receipt}");
    assert_eq!(row(&server, "a").await["title"], "edited");
    assert_eq!(source_rows(&database).await, ["a edited", "first again"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_endpoint_does_not_affect_other_organisations() {
    let (_folder, adapter) = on_sqlite().await;
    let application = Application::serve(adapter).await;
    let mut failing = source(&application.url);
    failing.organization = "umbrella".to_owned();
    let server = coordinator(stores().remove(0).0, vec![failing]).await;
    let their_key =
        server.app.issue_secret_key("umbrella", "test").await.expect("the key is issued");
    let ask = async |id: &str| {
        let body = json!({ "id": id, "data": { "title": "one" } });
        server.ask(&their_key, "POST", "/api/v1/models/tasks", Some(body)).await
    };
    until("the endpoint works", async || ask("well").await.0 == 201).await;
    application.faults.inject(&[Fault::Hang; 400]);
    // Sixty writers wait for the endpoint. Writers of other organisations are not delayed.
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
    // The circuit breaker is open, so requests fail at once.
    let start = Instant::now();
    assert_eq!(ask("later").await.0, 503);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    let (_, sources) = server.ask(&their_key, "GET", "/api/v1/sources", None).await;
    assert_eq!(sources["data"][0]["status"], "resting", "{sources}");
    assert!(
        sources["data"][0]["lastError"].as_str().is_some_and(|error| error.contains("no answer")),
        "{sources}"
    );
}

/// Writers on both sides, with requests and responses lost, repeated, delayed and broken between
/// them. In the end both sides are equal.
#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_lost_or_applied_twice_under_random_faults() {
    for (store, _database) in stores() {
        let (database, adapter) = on_postgres().await;
        let application = Application::serve(adapter).await;
        let server = coordinator(store, vec![source(&application.url)]).await;
        until("the mirror is filled", async || create(&server, "shared", "begin").await.0 == 201)
            .await;
        application.faults.percent.store(30, Ordering::Relaxed);
        let finished = AtomicBool::new(false);
        let persist = async |method: &str, path: &str, body: Value| {
            for _ in 0..400 {
                let (status, answer) =
                    server.ask(&server.key, method, path, Some(body.clone())).await;
                match status {
                    200 | 201 => return answer,
                    503 => tokio::time::sleep(Duration::from_millis(60)).await,
                    _ => panic!("{method} {path} {body}: {status} {answer}"),
                }
            }
            panic!("{method} {path} was not confirmed")
        };
        let writer = async |writer: u32| {
            for at in 0..25 {
                let (id, key) = (format!("w{writer}_{at}"), format!("w{writer} {at}"));
                let idempotency_key = format!("create {key}");
                let body = json!({
                    "id": id, "data": { "title": key }, "idempotencyKey": idempotency_key,
                });
                persist("POST", "/api/v1/models/tasks", body).await;
                let body =
                    json!({ "data": { "title": key }, "idempotencyKey": format!("update {key}") });
                persist("PATCH", "/api/v1/models/tasks/shared", body).await;
            }
        };
        let external = async {
            let mut at = 0;
            while !finished.load(Ordering::Relaxed) {
                let sql = format!(
                    "INSERT INTO tasks (id, organization_id, created_by, title) VALUES ('x{at}', \
                     'acme', 'cron', 'x'); \
                     UPDATE tasks SET title = 'cron {at}' WHERE id = 'shared'; UPDATE tasks SET n \
                     = {at} WHERE id LIKE 'w0_1%'"
                );
                run(&database, "acme", &sql).await;
                at += 1;
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            at
        };
        let writers = async {
            futures_util::future::join_all((0..4).map(writer)).await;
            finished.store(true, Ordering::Relaxed);
        };
        let (written, ()) = futures_util::future::join(external, writers).await;
        assert!(written > 3, "only {written} external changes");
        application.faults.percent.store(0, Ordering::Relaxed);
        let in_source = texts(
            &database,
            "acme",
            "SELECT id || ' ' || title || ' ' || coalesce(n::text, '-') FROM tasks ORDER BY id",
        )
        .await;
        let start = Instant::now();
        let row_count = loop {
            let (_, bootstrap) = server.ask(&server.key, "GET", "/api/sync/bootstrap", None).await;
            let models = bootstrap["models"].as_object().expect("an object");
            let rows = models.values().next().and_then(Value::as_array).expect("an array").clone();
            let text = |row: &Value, name: &str| match &row[name] {
                Value::String(text) => text.clone(),
                Value::Null => "-".to_owned(),
                other => other.to_string(),
            };
            let mut in_mirror: Vec<String> = rows
                .iter()
                .map(|row| format!("{} {} {}", text(row, "id"), text(row, "title"), text(row, "n")))
                .collect();
            in_mirror.sort();
            let mut in_source = in_source.clone();
            in_source.sort();
            if in_mirror == in_source {
                break rows.len();
            }
            if start.elapsed() > Duration::from_secs(40) {
                let differ: Vec<_> =
                    in_source.iter().filter(|row| !in_mirror.contains(row)).collect();
                panic!("rows that differ in the data source: {differ:?}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        assert_eq!(row_count, 1 + 100 + written);
        // Each row was inserted once in the log.
        let mut inserted: BTreeMap<String, u32> = BTreeMap::new();
        for entry in log(&server).await {
            if let Some(id) = entry.strip_suffix(" I") {
                *inserted.entry(id.to_owned()).or_default() += 1;
            }
        }
        assert_eq!(inserted.len(), 1 + 100 + written);
        assert!(inserted.values().all(|times| *times == 1), "{inserted:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_source_can_own_some_of_the_models() {
    let two = TASKS.replacen(
        r#""tasks":{"#,
        r#""notes":{"relations":{},"mutable":true,"fields":{"text":{"type":"string",
            "isOptional":false,"isIndexed":false}}},"tasks":{"#,
        1,
    );
    let (database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let mut options = source(&application.url);
    options.models = std::collections::BTreeSet::from(["tasks".to_owned()]);
    let schema = schema(&two);
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("the store opens"));
    let server = Coordinator::start_with(
        &schema,
        store,
        CoordinatorOptions { sources: vec![options], ..CoordinatorOptions::default() },
    )
    .await;
    until("the mirror is filled", async || create(&server, "first", "one").await.0 == 201).await;
    assert_eq!(source_rows(&database).await, ["first one"]);
    // Writes of local models send no request to the data source.
    application.faults.inject(&[Fault::ServerError; 50]);
    let note = json!({ "id": "n", "data": { "text": "here" } });
    let (status, body) = server.ask(&server.key, "POST", "/api/v1/models/notes", Some(note)).await;
    assert_eq!(status, 201, "{body}");
    application.faults.queue.lock().expect("the lock is not poisoned").clear();
    // A commit cannot span local models and the data source.
    let operation =
        |model: &str, data: Value| json!({ "action": "create", "model": model, "data": data });
    let both =
        [operation("notes", json!({ "text": "a" })), operation("tasks", json!({ "title": "a" }))];
    let body = json!({ "clientTxId": "both", "operations": both });
    let (status, answer) = server.ask(&server.key, "POST", "/api/v1/commits", Some(body)).await;
    assert!(
        status >= 400 && answer.to_string().contains("commit_operation_unsupported"),
        "{status} {answer}"
    );
    assert_eq!(source_rows(&database).await, ["first one"]);
}
