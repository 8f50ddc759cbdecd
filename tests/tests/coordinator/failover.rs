//! A PostgreSQL server that cannot write or accepts no connections for some time: requests are
//! refused as retryable, and the same process goes on afterwards.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_codegen::emit::sql::postgres::PostgresOptions;
use ablo_server::store::{Postgres, Store};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::postgres::{CrashingServer, schema};
use ablo_wire::ErrorCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const NOTES: &str = "/api/v1/models/notes";

/// Runs what blocks on a thread of its own.
fn blocking<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("the thread succeeds"))
}

async fn start(database: &CrashingServer) -> Coordinator {
    let schema = schema(SCHEMA);
    let address = database.address("postgres");
    let options = PostgresOptions::default();
    let store = blocking(|| Postgres::open(&address, &schema, &options).expect("a store"));
    Coordinator::start(&schema, Arc::new(store) as Arc<dyn Store>).await
}

async fn create(server: &Coordinator, id: &str) -> (u16, Value) {
    let body = json!({ "idempotencyKey": id, "id": id, "data": { "text": id } });
    server.ask(&server.key, "POST", NOTES, Some(body)).await
}

fn assert_retryable((status, answer): &(u16, Value)) {
    let code = answer["code"].as_str().expect("the error has a code");
    assert_eq!(*status, 503, "{answer}");
    assert!(ErrorCode::from(code.to_owned()).retryable(), "{answer}");
}

/// Repeats a create until it is confirmed; each refusal has to be retryable.
async fn persist(server: &Coordinator, id: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let answer = create(server, id).await;
        if answer.0 == 201 {
            return;
        }
        assert_retryable(&answer);
        assert!(Instant::now() < deadline, "{id} was not written: {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_refuses_writes_until_it_is_promoted() {
    let mut database = blocking(CrashingServer::start);
    let server = start(&database).await;
    persist(&server, "before").await;
    blocking(|| database.restart_as_standby());
    let deadline = Instant::now() + Duration::from_secs(30);
    // The first attempts to connect may meet the restart.
    while server.ask(&server.key, "GET", NOTES, None).await.0 != 200 {
        assert!(Instant::now() < deadline, "a standby can be read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for id in ["during", "again"] {
        assert_retryable(&create(&server, id).await);
    }
    blocking(|| database.promote());
    persist(&server, "after").await;
    let (_, listed) = server.ask(&server.key, "GET", NOTES, None).await;
    let ids = listed["data"].as_array().expect("rows").iter().map(|row| row["id"].as_str());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("after"), Some("before")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_free_connections_refuses_for_a_time() {
    let database = blocking(CrashingServer::start);
    let server = start(&database).await;
    persist(&server, "before").await;
    let others = blocking(|| {
        let mut others: Vec<_> = std::iter::from_fn(|| database.session("postgres").ok()).collect();
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = \
            'ablo server'";
        // The coordinator connects again at any time, so its sessions end until all are taken.
        let deadline = Instant::now() + Duration::from_secs(30);
        while others.len() < 100 {
            assert!(Instant::now() < deadline, "{} connections are taken", others.len());
            others.first_mut().expect("a session").execute(cut, &[]).expect("connections are cut");
            others.extend(database.session("postgres"));
        }
        others
    });
    let began = Instant::now();
    for at in 0..20 {
        assert_retryable(&create(&server, &format!("n{at}")).await);
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    blocking(move || drop(others));
    persist(&server, "after").await;
}
