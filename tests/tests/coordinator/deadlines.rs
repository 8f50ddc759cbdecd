//! Every wait for a store ends: locks of other programs, a database that does not answer, expensive
//! queries, and clients that leave.

use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_server::engine::commit::commit_with_others;
use ablo_server::error::{EngineError, StoreError};
use ablo_server::store::{Access, Dialect, Postgres, Store, Tenant, Tx};
use ablo_server::value::Cell;
use ablo_server::{CoordinatorOptions, Limits};
use ablo_tests::coordinator::{Coordinator, StatusAndBody};
use ablo_tests::network::stalling_proxy;
use ablo_tests::on_both_stores;
use ablo_tests::server::{World, user};
use ablo_tests::waiting::while_occupied;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::time::timeout;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;

on_both_stores! { super::SCHEMA;
    an_expensive_query_leaves_a_thread_to_other_organisations
    patterns_over_large_rows_stop_no_other_organisation
    a_statement_ends_when_its_client_leaves
    a_write_that_is_stopped_changes_nothing
}

const SECOND: Duration = Duration::from_secs(1);

/// A transaction of another program, which holds locks until it is dropped.
struct Foreign {
    end: Option<mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Foreign {
    fn begin(world: &World, sql: &'static str) -> Self {
        let database = world.database().expect("PostgreSQL").clone();
        let ((ready, is_ready), (end, ends)) = (mpsc::channel(), mpsc::channel::<()>());
        let thread = std::thread::spawn(move || {
            let mut session = database.admin();
            session.run(&format!("BEGIN; {sql}")).expect("the locks");
            ready.send(()).expect("a test");
            // Fails when the test drops the sender.
            let _ = ends.recv();
            session.run("ROLLBACK").expect("the end");
        });
        is_ready.recv().expect("the locks");
        Self { end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        drop(self.end.take());
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn serve(world: &World) -> Arc<Coordinator> {
    Arc::new(Coordinator::start(world.schema(), Arc::clone(&world.store)).await)
}

async fn create(server: &Coordinator, id: &str) {
    let body = json!({ "id": id, "data": { "text": "one" } });
    let (status, answer) =
        server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body)).await;
    assert_eq!(status, 201, "{answer}");
}

fn write(server: &Arc<Coordinator>, id: &str) -> tokio::task::JoinHandle<StatusAndBody> {
    let (server, path) = (Arc::clone(server), format!("/api/v1/models/notes/{id}"));
    tokio::spawn(async move {
        let body = json!({ "data": { "text": "two" } });
        server.ask(&server.key, "PATCH", &path, Some(body)).await
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_foreign_row_lock_stops_one_write() {
    let world = World::postgres(SCHEMA);
    let server = serve(&world).await;
    create(&server, "locked").await;
    create(&server, "free").await;
    let lock = Foreign::begin(&world, "SELECT 1 FROM notes WHERE id = 'locked' FOR UPDATE");
    let began = Instant::now();
    let stopped = write(&server, "locked");
    let mut slowest = Duration::ZERO;
    let mut number = 0;
    while !stopped.is_finished() {
        let each = Instant::now();
        let (status, answer) = write(&server, "free").await.expect("an answer");
        assert_eq!(status, 200, "{answer}");
        create(&server, &format!("new-{number}")).await;
        let claim = json!({ "action": "editing" });
        let path = format!("/api/v1/models/notes/new-{number}/claim");
        let claimed = server.ask(&server.key, "POST", &path, Some(claim)).await;
        assert!(claimed.0 < 300, "{claimed:?}");
        server.session("user", "ann", json!({ "wideScope": true })).await;
        slowest = slowest.max(each.elapsed());
        number += 1;
    }
    let (status, refusal) = stopped.await.expect("an answer");
    assert_eq!((status, &refusal["code"]), (503, &json!("row_locked")), "{refusal}");
    assert!(began.elapsed() < 5 * SECOND, "{:?}", began.elapsed());
    assert!(number > 5 && slowest < 2 * SECOND, "{number} rounds, the slowest took {slowest:?}");
    drop(lock);
    assert_eq!(write(&server, "locked").await.expect("an answer").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_row_lock_stops_one_commit_of_a_set() {
    let world = World::postgres(SCHEMA);
    let server = serve(&world).await;
    create(&server, "locked").await;
    let lock = Foreign::begin(&world, "SELECT 1 FROM notes WHERE id = 'locked' FOR UPDATE");
    let ann = world.known_user("ann").await;
    let began = Instant::now();
    let mut commits = Vec::new();
    for at in 0..16 {
        let operation = match at {
            7 => json!({ "action": "update", "model": "notes", "id": "locked",
                "data": { "text": "x" } }),
            _ => json!({ "action": "create", "model": "notes", "id": format!("free-{at}"),
                "data": { "text": "x" } }),
        };
        let commit = world.planned(&ann, &format!("c{at}"), &json!([operation]).to_string());
        let commit = commit_with_others(&*world.store, &world.engine, &ann, commit);
        commits.push(async move { (commit.await, began.elapsed()) });
    }
    let all = std::pin::pin!(futures_util::future::join_all(commits));
    let mut outcomes = while_occupied(&*world.store, all).await;
    let (stopped, _) = outcomes.remove(7);
    assert_eq!(ablo_tests::server::code(stopped), "row_locked");
    for (outcome, elapsed) in outcomes {
        outcome.expect("the row is free");
        assert!(elapsed < 2 * SECOND, "it took {elapsed:?}");
    }
    drop(lock);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_applied_once_the_lock_is_released() {
    let world = World::postgres(SCHEMA);
    let server = serve(&world).await;
    create(&server, "locked").await;
    let lock = Foreign::begin(&world, "SELECT 1 FROM notes WHERE id = 'locked' FOR UPDATE");
    let stopped = write(&server, "locked");
    // Later work of the organisation proves that the write was postponed.
    create(&server, "other").await;
    create(&server, "another").await;
    assert!(!stopped.is_finished());
    drop(lock);
    let (status, answer) = stopped.await.expect("an answer");
    assert_eq!(status, 200, "{answer}");
}

/// Opens the database of a world through a proxy that can stall.
async fn behind_proxy(world: &World) -> (ablo_tests::network::StallingProxy, Arc<dyn Store>) {
    let database = world.database().expect("PostgreSQL");
    let proxy = stalling_proxy(database.socket()).await;
    let (address, schema) = (database.address_by(proxy.port), world.schema().clone());
    let opened = tokio::task::spawn_blocking(move || {
        Postgres::open(&address, &schema, &PostgresOptions::default())
    });
    (proxy, Arc::new(opened.await.expect("a thread").expect("a store")))
}

async fn health(server: &Coordinator) -> (u16, Value, Duration) {
    let began = Instant::now();
    let (status, body) = server.ask("", "GET", "/api/health", None).await;
    (status, body, began.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_while_the_database_is_silent() {
    let world = World::postgres(SCHEMA);
    let (proxy, store) = behind_proxy(&world).await;
    let limits = Limits { read_time: 2 * SECOND, write_time: 3 * SECOND, ..Limits::default() };
    let options = CoordinatorOptions { limits, ..CoordinatorOptions::default() };
    let server = Arc::new(Coordinator::start_with(world.schema(), store, options).await);
    create(&server, "one").await;
    assert_eq!(health(&server).await.0, 200);
    proxy.stall();
    // Reads and writes occupy every thread.
    let reads: Vec<_> = (0..12)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                server.ask(&server.key, "GET", "/api/v1/models/notes", None).await
            })
        })
        .collect();
    let stopped = write(&server, "one");
    for _ in 0..3 {
        let (status, body, took) = health(&server).await;
        assert_eq!(status, 503, "{body}");
        // A machine with other load takes a little longer than the coordinator waits.
        assert!(took < 4 * SECOND, "{took:?}");
    }
    let began = Instant::now();
    for answer in reads.into_iter().chain([stopped]) {
        let (status, body) = answer.await.expect("an answer");
        assert!(status == 504 || status == 503, "{status} {body}");
    }
    assert!(began.elapsed() < 15 * SECOND, "{:?}", began.elapsed());
    proxy.resume();
    let deadline = Instant::now() + 30 * SECOND;
    while health(&server).await.0 != 200 {
        assert!(Instant::now() < deadline, "the database answers again");
    }
    // Connections that were given up are replaced by the next request.
    loop {
        let (status, answer) = write(&server, "one").await.expect("an answer");
        if status == 200 {
            break;
        }
        assert!(status == 503 && Instant::now() < deadline, "{status} {answer}");
    }
}

/// A query that does not end by itself.
fn endless(tx: &mut Tx<'_>) -> Result<(), EngineError> {
    let sql = match tx.connection().dialect() {
        Dialect::Postgres => "SELECT pg_sleep(600)::text",
        Dialect::Sqlite => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        }
    };
    tx.connection().query(sql, &[] as &[Cell])?;
    Ok(())
}

fn of(organization: &str) -> Tenant {
    Tenant::Organization(organization.to_owned())
}

type Task = tokio::task::JoinHandle<Result<(), EngineError>>;

/// Starts endless reads of an organisation and waits until they occupy its share of the readers.
async fn occupy(world: &World, organization: &str, number: usize, time: Duration) -> Vec<Task> {
    let running = Arc::new(AtomicUsize::new(0));
    let tasks = (0..number).map(|_| {
        let (store, tenant, running) =
            (Arc::clone(&world.store), of(organization), Arc::clone(&running));
        tokio::spawn(async move {
            let job = move |tx: &mut Tx<'_>| {
                running.fetch_add(1, Ordering::SeqCst);
                endless(tx)
            };
            store.within(time, Access::Read, tenant, job).await
        })
    });
    let tasks = tasks.collect();
    let deadline = Instant::now() + 10 * SECOND;
    while running.load(Ordering::SeqCst) < 3 {
        assert!(Instant::now() < deadline, "the reads begin");
        tokio::task::yield_now().await;
    }
    tasks
}

async fn an_expensive_query_leaves_a_thread_to_other_organisations(world: World) {
    let slow = occupy(&world, "busy", 8, 3 * SECOND).await;
    for _ in 0..20 {
        let read = world.store.reading(of("calm"), |_| Ok(()));
        timeout(SECOND, read).await.expect("in time").expect("a read");
    }
    for task in slow {
        let outcome = timeout(10 * SECOND, task).await.expect("in time").expect("no panic");
        let error = outcome.expect_err("the queries do not end by themselves");
        let stopped = [StoreError::TimedOut.into(), StoreError::Overloaded.into()];
        assert!(stopped.contains(&error), "{error:?}");
    }
}

async fn patterns_over_large_rows_stop_no_other_organisation(world: World) {
    let limits = Limits { read_time: 3 * SECOND, ..Limits::default() };
    let options = CoordinatorOptions { limits, ..CoordinatorOptions::default() };
    let store = Arc::clone(&world.store);
    let server = Arc::new(Coordinator::start_with(world.schema(), store, options).await);
    let other = server.app.issue_secret_key("umbrella", "other").await.expect("a key");
    for row in 0..2 {
        let body = json!({ "id": format!("large-{row}"), "data": { "text": "a".repeat(100_000) } });
        let made = server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body)).await;
        assert_eq!(made.0, 201, "{}", made.1);
    }
    // The longest pattern that is accepted, which matches at no place but nearly at every one.
    let pattern = format!("%{}b%", "a".repeat(253));
    let query = json!({ "model": "notes", "where": [["text", "ILIKE", pattern]] });
    let body = json!({ "queries": vec![query; 16] });
    let running: Vec<_> = (0..6)
        .map(|_| {
            let (server, body) = (Arc::clone(&server), body.clone());
            tokio::spawn(async move {
                server.ask(&server.key, "POST", "/api/sync/query", Some(body)).await.0
            })
        })
        .collect();
    let (mut reads, mut slowest) = (0, Duration::ZERO);
    while running.iter().any(|task| !task.is_finished()) {
        let began = Instant::now();
        let (status, rows) = server.ask(&other, "GET", "/api/v1/models/notes", None).await;
        assert_eq!((status, &rows["data"]), (200, &json!([])), "{rows}");
        assert_eq!(health(&server).await.0, 200);
        slowest = slowest.max(began.elapsed());
        reads += 1;
    }
    assert!(reads > 0 && slowest < 2 * SECOND, "{reads} reads, the slowest took {slowest:?}");
    for task in running {
        let status = task.await.expect("an answer");
        assert!([200, 503, 504].contains(&status), "{status}");
    }
}

async fn a_statement_ends_when_its_client_leaves(world: World) {
    let slow = occupy(&world, "busy", 3, 600 * SECOND).await;
    slow.iter().for_each(Task::abort);
    let read = world.store.reading(of("busy"), |_| Ok(()));
    timeout(5 * SECOND, read).await.expect("its share is free again").expect("a read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_ends_when_its_client_leaves() {
    let world = World::postgres(SCHEMA);
    let server = serve(&world).await;
    let lock = Foreign::begin(&world, "LOCK TABLE notes IN ACCESS EXCLUSIVE MODE");
    let database = world.database().expect("PostgreSQL").clone();
    let waiting = move || {
        let database = database.clone();
        let count = std::thread::spawn(move || {
            let sql = "SELECT 'one' FROM pg_stat_activity WHERE datname = current_database() AND \
                wait_event_type = 'Lock'";
            database.admin().texts(sql).len()
        });
        count.join().expect("a count")
    };
    let (client, path) = (Arc::clone(&server), "/api/v1/models/notes");
    let request = tokio::spawn(async move { client.ask(&client.key, "GET", path, None).await });
    let deadline = Instant::now() + 10 * SECOND;
    while waiting() == 0 {
        assert!(Instant::now() < deadline, "the statement waits");
    }
    request.abort();
    while waiting() > 0 {
        assert!(Instant::now() < deadline, "the statement was cancelled");
    }
    drop(lock);
}

async fn a_write_that_is_stopped_changes_nothing(world: World) {
    let (store, ann) = (Arc::clone(&world.store), user("ann"));
    let create = |id: &str| {
        let data = json!({ "text": "one" });
        json!([{ "action": "create", "model": "notes", "id": id, "data": data }]).to_string()
    };
    let (planned, engine, who) = (
        world.planned(&ann, "stopped", &create("stopped")),
        Arc::clone(&world.engine),
        ann.clone(),
    );
    let stopped = store.within(SECOND, Access::Write, of("acme"), move |tx| {
        ablo_server::engine::commit::commit(&engine, tx, &who, &planned)?;
        endless(tx)
    });
    let (one, two) = (create("one"), create("two"));
    let (stopped, before, after) =
        tokio::join!(stopped, world.commit(&ann, &one), world.commit(&ann, &two));
    assert_eq!(stopped, Err(StoreError::TimedOut.into()));
    before.expect("another write");
    after.expect("another write");
    for (id, exists) in [("stopped", false), ("one", true), ("two", true)] {
        let row = world.retrieve(&ann, "notes", id).await.expect("a read");
        assert_eq!(row.is_some(), exists, "{id}");
    }
}
