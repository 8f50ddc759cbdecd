//! The generated TypeScript client in Node.js and Chromium against coordinators: runs the programs
//! of `tests/typescript/`.

#[path = "../../../ablo/tests/runtime/support/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod support;

#[allow(unused, missing_docs, clippy::all, reason = "other tests use the rest")]
mod weather {
    include!("../../../ablo/tests/weather.in");
}

use ablo::client::ErrorKind;
use ablo::{Client, Deltas, FieldKind, Naming, SchemaDescriptor};
use ablo_tests::chromium;
use ablo_tests::client::counting::Counter;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::network::{Proxy, proxy};
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use ablo_tests::typescript::{bundle, program_schema, programs, run};
use futures_util::StreamExt as _;
use serde_json::json;
use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use support::{Freedom, Rng};

on_both_stores! { &ablo_tests::typescript::program_schema();
    a_person_and_agents_edit_one_report
    values_round_trip_exactly
    claim_queues_are_fair_and_credentials_expire
    tabs_of_one_user_exclude_each_other
    local_rows_are_filtered_and_sorted_like_lists
    rows_are_complete_before_they_are_confirmed
    rows_are_kept_live
    writes_survive_outages_and_restarts
    another_log_is_noticed_by_both_clients
    two_languages_stay_consistent_across_disconnects
    two_languages_change_one_row_at_once
}

async fn serve(world: &World) -> Coordinator {
    Coordinator::start(world.schema(), Arc::clone(&world.store)).await
}

fn url(server: &Coordinator) -> String {
    format!("http://{}", server.address)
}

/// Runs a Node.js program without blocking the runtime, and returns its output lines.
async fn run_program(
    program: &'static str,
    arguments: Vec<String>,
    on_line: impl FnMut(&str) + Send + 'static,
) -> Vec<String> {
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(program, &arguments, on_line)
    });
    running.await.expect("the program succeeds")
}

/// The expected observations.
const OBSERVATIONS: [&str; 8] = [
    "observer: ada is typing",
    "hasty: ada is at it, I yield",
    "observer: somebody waits for ada",
    "patient: it is mine, and reads \"Rain in the morning.\"",
    "hasty: refused, body is \"Rain in the morning.\" by now",
    "observer: an agent holds it, and crashed",
    "patient: its time was over, and it is mine again",
    "observer: Stockholm, draft, Rain in the morning.; Stockholm, ready, Rain in the morning.; \
     Stockholm, Tuesday, ready, Rain in the morning.",
];

async fn a_person_and_agents_edit_one_report(world: World) {
    let server = serve(&world).await;
    assert_eq!(
        run_program("scenario.js", vec![url(&server), server.key.clone()], |_| {}).await,
        OBSERVATIONS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_and_agents_edit_one_report_in_a_browser() {
    let world = World::sqlite(&program_schema());
    let server = serve(&world).await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let script = folder.path().join("scenario.js");
    bundle(&programs().join("scenario.ts"), &script);
    let (script, url, key) =
        (script.to_string_lossy().into_owned(), url(&server), server.key.clone());
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("program.mjs", &[&script, &url, &key]));
    let output = visit.await.expect("the browser script succeeds");
    assert_eq!(output.lines().collect::<Vec<_>>(), OBSERVATIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_browser_hears_its_events() {
    let world = World::sqlite(&program_schema());
    let server = serve(&world).await;
    let folder = tempfile::tempdir().expect("a temporary directory");
    let script = folder.path().join("lifecycle.js");
    bundle(&programs().join("lifecycle.ts"), &script);
    let (script, url, key) =
        (script.to_string_lossy().into_owned(), url(&server), server.key.clone());
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("lifecycle.mjs", &[&script, &url, &key]));
    visit.await.expect("the browser script succeeds");
}

async fn values_round_trip_exactly(world: World) {
    let server = serve(&world).await;
    run_program("values.js", vec![url(&server), server.key.clone()], |_| {}).await;
}

async fn claim_queues_are_fair_and_credentials_expire(world: World) {
    let server = serve(&world).await;
    run_program("claims.js", vec![url(&server), server.key.clone()], |_| {}).await;
}

async fn tabs_of_one_user_exclude_each_other(world: World) {
    let server = serve(&world).await;
    run_program("holders.js", vec![url(&server), server.key.clone()], |_| {}).await;
}

#[test]
fn late_answers_and_coordinator_restarts_are_handled() {
    run("resync.js", &[], |_| {});
}

#[test]
fn failures_of_connections_are_handled() {
    run("connection.js", &[], |_| {});
}

#[test]
fn decisions_are_those_of_the_specification() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/client/behaviour.json");
    run("policy.js", &[path], |_| {});
}

#[test]
fn field_values_are_validated() {
    run("validate.js", &[], |_| {});
}

async fn local_rows_are_filtered_and_sorted_like_lists(world: World) {
    let server = serve(&world).await;
    run_program("lists.js", vec![url(&server), server.key.clone()], |_| {}).await;
}

async fn rows_are_complete_before_they_are_confirmed(world: World) {
    let server = serve(&world).await;
    run_program("optimistic.js", vec![url(&server), server.key.clone()], |_| {}).await;
}

async fn rows_are_kept_live(world: World) {
    let server = serve(&world).await;
    let proxy: Proxy = proxy(&url(&server)).await;
    let arguments = vec![proxy.url.clone(), server.key.clone(), url(&server)];
    let output = run_program("live.js", arguments, move |line| match line {
        "cut" => proxy.close(),
        _ => proxy.cut(),
    });
    assert_eq!(output.await, ["cut", "reconnect"]);
}

async fn writes_survive_outages_and_restarts(world: World) {
    let server = serve(&world).await;
    let proxy: Proxy = proxy(&url(&server)).await;
    let arguments = vec![proxy.url.clone(), server.key.clone(), url(&server)];
    let (schema, store) = (world.schema().clone(), Arc::clone(&world.store));
    let (runtime, mut running) = (tokio::runtime::Handle::current(), Some(server));
    let output = run_program("offline.js", arguments, move |line| match line {
        "cut" => proxy.close(),
        "restart" => {
            drop(running.take());
            let next = runtime.block_on(Coordinator::start(&schema, Arc::clone(&store)));
            proxy.redirect(next.address);
            running = Some(next);
        }
        _ => proxy.cut(),
    });
    assert_eq!(output.await.len(), 14);
}

/// Creates reports.
async fn create_reports(server: &Coordinator, name: &str, number: usize) {
    for at in 0..number {
        let body = json!({ "id": format!("r{at}"), "data": { "title": format!("{name} {at}") } });
        let path = "/api/v1/models/reports";
        let (status, made) = server.ask(&server.key, "POST", path, Some(body)).await;
        assert_eq!(status, 201, "{made}");
    }
}

async fn another_log_is_noticed_by_both_clients(world: World) {
    let server = serve(&world).await;
    create_reports(&server, "old", 3).await;
    let other_world = World::sqlite(&program_schema());
    let other = serve(&other_world).await;
    create_reports(&other, "new", 6).await;
    other.app.adopt_key("acme", "moved", &server.key).await.expect("the same key");
    // Without it, no connection lasts.
    let proxy: Arc<Proxy> = Arc::new(proxy(&url(&server)).await);
    let ablo = Client::connect(proxy.url.as_str(), server.key.as_str());
    let ablo = ablo.await.expect("the client connects");
    let mut changes = ablo.changes().await.expect("a stream");
    let reading = tokio::spawn(async move {
        let mut ids = Vec::new();
        loop {
            match changes.next().await.expect("a change or an error") {
                Ok(delta) => ids.push(delta.model_id),
                Err(error) => return (ids, error, changes),
            }
        }
    });
    let arguments = vec![proxy.url.clone(), server.key.clone()];
    let (address, redirected) = (other.address, Arc::clone(&proxy));
    let output = run_program("replaced.js", arguments, move |_| redirected.redirect(address));
    assert_eq!(output.await, ["replace"]);
    let (ids, error, mut changes) = reading.await.expect("no panic");
    assert!(ids.iter().all(|id| id == "r0"), "{ids:?}: a change of the first log");
    assert_eq!(error.code(), "log_replaced");
    assert!(changes.next().await.is_none());
    let position = changes.position();
    let epoch = changes.epoch().expect("the epoch of the position").to_owned();
    let refused = ablo.changes().from(position).epoch(epoch).await;
    assert_eq!(refused.expect_err("a position of the first log").code(), "log_replaced");
    drop(proxy);
}

const ROWS: u64 = 3;
const ROUNDS: usize = 15;

/// Increments counters like `interleave.js`, with the Rust client.
async fn count(url: String, key: String, name: &'static str, seed: u64) -> Vec<(String, String)> {
    let mut rng = Rng::new(seed);
    let ablo =
        Client::connect(url.as_str(), key.as_str()).agent(name).await.expect("the client connects");
    let counters = ablo.model::<Counter>();
    let mut confirmed = Vec::new();
    while confirmed.len() < ROUNDS {
        let (row, entry) =
            (format!("row-{}", rng.below(ROWS as usize)), format!("{name}-{}", confirmed.len()));
        let key = format!("{name}-{}", rng.next());
        let done = loop {
            let read = match counters.retrieve(row.as_str()).await {
                Ok(read) => read,
                Err(error) if error.retryable() => continue,
                Err(error) => panic!("{error}"),
            };
            let mut log =
                read.data.log.as_ref().and_then(|log| log.as_array().cloned()).unwrap_or_default();
            log.push(json!(entry));
            let patch = || Counter::patch().value(read.data.value + 1.0).log(json!(log));
            let outcome = loop {
                match counters
                    .update(row.as_str(), patch())
                    .read_at(read.stamp)
                    .idempotency_key(&key)
                    .await
                {
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::Unavailable | ErrorKind::RateLimited
                        ) =>
                    {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    outcome => break outcome,
                }
            };
            match outcome {
                Ok(_) => break true,
                Err(error)
                    if matches!(error.kind(), ErrorKind::Stale(_) | ErrorKind::Claimed(_)) =>
                {
                    break false;
                }
                Err(error) => panic!("{error}"),
            }
        };
        if done {
            confirmed.push((row, entry));
        } else {
            tokio::time::sleep(Duration::from_millis(rng.below(20) as u64)).await;
        }
    }
    confirmed
}

async fn two_languages_stay_consistent_across_disconnects(world: World) {
    let server = serve(&world).await;
    let key = server.key.clone();
    for row in 0..ROWS {
        let body = json!({ "id": format!("row-{row}"), "data": { "value": 0, "log": [] } });
        let (status, body) = server.ask(&key, "POST", "/api/v1/models/counters", Some(body)).await;
        assert!(status < 300, "{body}");
    }
    let proxies = [proxy(&url(&server)).await, proxy(&url(&server)).await];
    let script = |name: &str, seed: &str, proxy: &Proxy| {
        let arguments =
            [proxy.url.as_str(), &key, name, seed, &ROUNDS.to_string(), &ROWS.to_string()];
        tokio::spawn(run_program("interleave.js", arguments.map(str::to_owned).to_vec(), |_| {}))
    };
    let programs = [script("one", "7", &proxies[0]), script("two", "8", &proxies[1])];
    let rust_clients = [("three", 9, &proxies[1]), ("four", 10, &proxies[0])]
        .map(|(name, seed, proxy)| tokio::spawn(count(proxy.url.clone(), key.clone(), name, seed)));
    let finished = Arc::new(AtomicBool::new(false));
    let cutting = tokio::spawn({
        let finished = Arc::clone(&finished);
        async move {
            let mut rng = Rng::new(11);
            let mut cuts = 0;
            while !finished.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20 + rng.below(150) as u64)).await;
                proxies[rng.below(2)].cut();
                cuts += 1;
            }
            cuts
        }
    });
    let mut confirmed: Vec<(String, String)> = Vec::new();
    for program in programs {
        let lines = program.await.expect("the program task does not panic");
        confirmed.extend(
            lines
                .iter()
                .filter_map(|line| line.split_once(' '))
                .map(|(row, entry)| (row.into(), entry.into())),
        );
    }
    for client in rust_clients {
        confirmed.extend(client.await.expect("the client task does not panic"));
    }
    finished.store(true, Ordering::Relaxed);
    assert!(cutting.await.expect("the task does not panic") > 5);
    assert_eq!(confirmed.len(), 4 * ROUNDS, "{confirmed:?}");

    let mut found: Vec<(String, String)> = Vec::new();
    for row in 0..ROWS {
        let id = format!("row-{row}");
        let (_, body) =
            server.ask(&key, "GET", &format!("/api/v1/models/counters/{id}"), None).await;
        let log = body["data"]["log"].as_array().expect("an array").clone();
        assert_eq!(body["data"]["value"], json!(log.len()), "every entry was counted once: {body}");
        found.extend(
            log.iter().map(|entry| (id.clone(), entry.as_str().expect("a string").to_owned())),
        );
    }
    confirmed.sort();
    found.sort();
    assert_eq!(found, confirmed, "the rows have exactly the confirmed entries, each once");
}

/// A TypeScript client adds 2 and the Rust client adds 1, twenty times each, without reading.
async fn two_languages_change_one_row_at_once(world: World) {
    let server = serve(&world).await;
    let body = json!({ "id": "row", "data": { "value": 0, "log": [] } });
    let (status, body) =
        server.ask(&server.key, "POST", "/api/v1/models/counters", Some(body)).await;
    assert!(status < 300, "{body}");
    let arguments = vec![url(&server), server.key.clone(), "60".to_owned()];
    let program = tokio::spawn(run_program("relative.js", arguments, |_| {}));
    let (url, key) = (url(&server), server.key.clone());
    let ablo = Client::connect(url.as_str(), key.as_str()).agent("rust").await;
    let counters = ablo.expect("the client connects").model::<Counter>();
    for number in 0..20 {
        let change = Counter::increment_value(1).and(Counter::append_log([json!("rust")]));
        let adjust =
            || counters.adjust("row", change.clone()).idempotency_key(format!("rust-{number}"));
        let first = adjust().await.expect("no refusal");
        assert_eq!(adjust().await.expect("a replay"), first);
    }
    program.await.expect("the program task does not panic");
    let row = counters.retrieve("row").await.expect("the row").data;
    let log = row.log.as_ref().and_then(|log| log.as_array().cloned()).expect("a list");
    let from_rust = log.iter().filter(|entry| **entry == json!("rust")).count();
    assert_eq!((row.value, log.len(), from_rust), (60.0, 40, 20));
    let twice = Counter::increment_value(1).and(Counter::increment_value(1));
    let refused = counters.adjust("row", twice).await.expect_err("a field changes once");
    assert!(refused.to_string().contains("changed twice"), "{refused}");
}

/// Returns a schema in the form of the generated TypeScript descriptors.
fn descriptors(schema: &'static SchemaDescriptor) -> serde_json::Value {
    let models: Vec<_> = schema
        .models
        .iter()
        .map(|model| {
            let fields = model.fields.iter().map(|field| {
                let (kind, values) = match field.kind {
                    FieldKind::String => ("string", &[][..]),
                    FieldKind::Number => ("number", &[][..]),
                    FieldKind::Boolean => ("boolean", &[][..]),
                    FieldKind::Date => ("date", &[][..]),
                    FieldKind::Enum(values) => ("enum", values),
                    _ => ("json", &[][..]),
                };
                json!({
                    "name": field.name, "column": field.column, "kind": kind, "values": values,
                    "optional": true,
                })
            });
            json!({
                "key": model.key, "typename": model.type_name, "table": model.table,
                "load": "instant", "mutable": true, "fields": fields.collect::<Vec<_>>(),
                "relations": [],
            })
        })
        .collect();
    let content = format!("{:0<64}", schema.hashes().expect("the schema has hashes").content);
    json!({ "schemaHash": "", "contentHash": content, "models": models, "identityRoles": [] })
}

#[test]
fn deltas_are_read_as_rust_writes_them() {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut frames = String::new();
    let mut add = |text: &str| {
        let deltas = Deltas::read(&weather::SCHEMA, text).expect("a readable frame");
        let [same, described] =
            [Naming::SameSchema, Naming::Described].map(|naming| hex(deltas.to_binary(naming)));
        writeln!(
            frames,
            "{}",
            json!({ "json": deltas.to_json(), "same": same, "described": described })
        )
        .expect("writing to a string succeeds");
    };
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/wire/binary");
    for entry in fs::read_dir(folder).expect("the folder is readable").flatten() {
        if entry.path().extension().is_some_and(|ending| ending == "json") {
            add(&fs::read_to_string(entry.path()).expect("a readable file"));
        }
    }
    let freedom = Freedom { space: false, shuffle: false, escapes: true };
    let payloads = if std::env::var_os("ABLO_LONG").is_some() { 20_000 } else { 400 };
    for seed in 0..payloads {
        add(&support::payload(&mut Rng::new(seed), freedom).free);
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let (schema, list) = (folder.path().join("schema.json"), folder.path().join("frames"));
    fs::write(&schema, descriptors(&weather::SCHEMA).to_string()).expect("the file is written");
    fs::write(&list, frames).expect("the file is written");
    let output = run("goldens.js", &[&schema.to_string_lossy(), &list.to_string_lossy()], |_| {});
    println!("{output:?}");
    assert_eq!(output.len(), 1);
}

/// Measures the runtime as minified and compressed JavaScript.
#[test]
fn the_runtime_is_small() {
    let bytes = ablo_tests::typescript::minified(&programs().join("typescript/runtime.ts"));
    println!("runtime.ts: {bytes} bytes");
    // The outbox is part of it: no write may be lost because an entry was left out.
    assert!(bytes <= 16_000, "{bytes} bytes");
    assert!(bytes > 8_000, "{bytes} bytes are implausibly few");
}
