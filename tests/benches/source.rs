//! Benchmarks of data sources on PostgreSQL: commits through an application's database compared
//! with hosted ones, and the outbox compared with a SELECT of the same rows.
//!
//! `cargo bench -p ablo-tests --bench source`; `cargo test --benches` runs it with small numbers.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its results and panics on errors"
)]

use ablo::source::{Call, Source as _};
use ablo_server::CoordinatorOptions;
use ablo_server::SourceOptions;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::postgres::schema;
use ablo_tests::server::World;
use ablo_tests::source::{Application, KEY, TASKS, on_postgres, texts};
use ablo_wire::{Maybe, SourceEvents, SourceScope};
use futures_util::future::join_all;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let real = std::env::args().any(|argument| argument == "--bench");
    let (commits, events) = if real { (600, 50_000) } else { (16, 2000) };
    for writers in [1, 16] {
        overhead(writers, commits).await;
    }
    drain(events).await;
}

async fn coordinator(world: &World, sources: Vec<SourceOptions>) -> Coordinator {
    let options = CoordinatorOptions { sources, ..CoordinatorOptions::default() };
    Coordinator::start_with(&schema(TASKS), Arc::clone(&world.store), options).await
}

/// Commits single rows over HTTP. Returns rows per second.
async fn commits(server: &Coordinator, round: usize, writers: usize, commits: usize) -> f64 {
    let began = Instant::now();
    let writer = async |writer: usize| {
        for at in 0..commits / writers {
            let body = json!({
                "id": format!("r{round}w{writer}_{at}"),
                "data": { "title": "A task of some length." },
            });
            let (status, body) =
                server.ask(&server.key, "POST", "/api/v1/models/tasks", Some(body)).await;
            assert_eq!(status, 201, "{body}");
        }
    };
    join_all((0..writers).map(writer)).await;
    (commits / writers * writers) as f64 / began.elapsed().as_secs_f64()
}

async fn overhead(writers: usize, count: usize) {
    let (hosted_world, sourced_world) = (World::postgres(TASKS), World::postgres(TASKS));
    let (_database, adapter) = on_postgres().await;
    let application = Application::serve(adapter).await;
    let hosted = coordinator(&hosted_world, Vec::new()).await;
    let sourced =
        coordinator(&sourced_world, vec![SourceOptions::new("acme", &application.url, KEY)]).await;
    // Fills the mirror and warms up both.
    commits(&hosted, 1000, writers, writers).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    commits(&sourced, 1000, writers, writers).await;
    let mut ratios: Vec<(f64, f64, f64)> = Vec::new();
    for round in 0..ROUNDS {
        let one = commits(&hosted, round, writers, count).await;
        let other = commits(&sourced, round, writers, count).await;
        ratios.push((other / one, one, other));
    }
    ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (ratio, one, other) = ratios[ROUNDS / 2];
    let more = writers as f64 * 1000.0 * (1.0 / other - 1.0 / one);
    println!(
        "commits, {writers} writers: with a data source {other:.0}/s, hosted {one:.0}/s, \
         ratio {ratio:.2}; {more:.1} ms more each"
    );
}

async fn drain(count: usize) {
    let (database, adapter) = on_postgres().await;
    let insert = format!(
        "SET app.current_org_id = 'acme'; INSERT INTO tasks (id, organization_id, title, n) \
         SELECT 'd' || at, 'acme', 'A task of some length.', at \
         FROM generate_series(1, {count}) AS at"
    );
    let at = database.clone();
    tokio::task::spawn_blocking(move || at.session().run(&insert).expect("rows"))
        .await
        .expect("rows");
    let mut scope = SourceScope::new();
    scope.organization_id = Some("acme".to_owned());
    let call = Call { message_id: "m".to_owned(), signed_at: 0, scope, is_test: true };
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (mut cursor, mut seen, began) = (None::<String>, 0, Instant::now());
        while seen < count {
            let mut request = SourceEvents::new();
            (request.cursor, request.limit) = (Maybe::or_absent(cursor.clone()), Some(1000));
            let page = adapter.events(&call, request).await.expect("events");
            seen += page.events.len();
            cursor = page.next_cursor.or(cursor);
        }
        let ours = count as f64 / began.elapsed().as_secs_f64();
        let at = database.clone();
        let select = tokio::task::spawn_blocking(move || {
            let mut session = at.session();
            session.run("SET app.current_org_id = 'acme'").expect("a setting");
            let began = Instant::now();
            let sql = "SELECT id, organization_id, created_at::text, updated_at::text, title, n \
                       FROM tasks ORDER BY id COLLATE \"C\"";
            let rows = session.client().query(sql, &[]);
            let bytes: usize = rows
                .expect("rows")
                .iter()
                .map(|row| row.get::<_, &str>(0).len() + row.get::<_, &str>(4).len())
                .sum();
            assert!(bytes > 0);
            count as f64 / began.elapsed().as_secs_f64()
        });
        rates.push((ours, select.await.expect("rows")));
    }
    rates.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let (ours, select) = rates[ROUNDS / 2];
    println!(
        "outbox of {count} events, pages of 1000: {ours:.0}/s; SELECT of the same rows: \
         {select:.0}/s, ratio {:.2}",
        ours / select
    );

    // The whole path: over HTTP into the mirror and the sync log.
    let application = Application::serve(adapter).await;
    let world = World::postgres(TASKS);
    let began = Instant::now();
    let _server =
        coordinator(&world, vec![SourceOptions::new("acme", &application.url, KEY)]).await;
    let mirror = world.database().expect("a database");
    let counted = async |condition: &str| {
        let sql = format!("SELECT count(*)::text FROM tasks WHERE {condition}");
        texts(mirror, "acme", &sql).await == [count.to_string()]
    };
    while !counted("true").await {
        assert!(began.elapsed() < Duration::from_mins(3), "the mirror is not filled");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "filling the mirror with {count} rows: {:.0}/s",
        count as f64 / began.elapsed().as_secs_f64()
    );
    let at = database.clone();
    let began = Instant::now();
    let sql = format!("SET app.current_org_id = 'acme'; UPDATE tasks SET n = n + {count}");
    tokio::task::spawn_blocking(move || at.session().run(&sql).expect("rows")).await.expect("rows");
    while !counted(&format!("n > {count}")).await {
        assert!(began.elapsed() < Duration::from_mins(5), "the outbox is not drained");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "{count} external updates into the mirror and the log: {:.0}/s",
        count as f64 / began.elapsed().as_secs_f64()
    );
}
