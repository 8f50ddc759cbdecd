//! Benchmarks of the coordinator, each compared with a baseline in the same run: commits with the
//! database driver, claim promotion with a ping, fan-out with plain sockets, and catch-up with a
//! SELECT.
//!
//! `cargo bench -p ablo-tests --bench coordinator`; `cargo test --benches` runs it with small
//! numbers.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints its results and panics on errors"
)]

#[path = "coordinator/stored.rs"]
mod stored;

use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "notes":{"typename":"Note","mutable":true,"relations":{},"fields":{
    "text":{"type":"string","isOptional":false,"isIndexed":false}}}}}"#;
const TEXT: &str =
    "A note of about the length that notes have, which is some eighty characters long.";

/// The sizes of the benchmarks.
struct Sizes {
    commits: usize,
    receipts: usize,
    rows: usize,
    lists: usize,
    handoffs: usize,
    sockets: usize,
    idle: usize,
    deltas: usize,
}

#[tokio::main]
async fn main() {
    if std::env::var_os(SERVER).is_some() {
        return serve().await;
    }
    let real = std::env::args().any(|argument| argument == "--bench");
    let sizes = if real {
        Sizes {
            commits: 3000,
            receipts: 51_700,
            rows: 100_000,
            lists: 20_000,
            handoffs: 300,
            sockets: 1000,
            idle: 10_000,
            deltas: 100_000,
        }
    } else {
        Sizes {
            commits: 64,
            receipts: 100,
            rows: 500,
            lists: 50,
            handoffs: 5,
            sockets: 20,
            idle: 50,
            deltas: 2000,
        }
    };
    // Arguments select benchmarks by name.
    let names: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    if wanted("commits") {
        // Each takes about a second.
        for (writers, times) in [(1, 1), (16, 4), (64, 8)] {
            sqlite_commits(writers, sizes.commits * times).await;
        }
        for writers in [1, 16, 64] {
            postgres_commits(writers, sizes.commits).await;
        }
    }
    if wanted("receipts") {
        stored::receipts(sizes.receipts, sizes.commits).await;
    }
    if wanted("lists") {
        stored::lists(sizes.rows, sizes.lists).await;
    }
    if wanted("hand-off") {
        promotion(sizes.handoffs).await;
    }
    if wanted("fan-out") {
        fan_out(sizes.sockets).await;
    }
    if wanted("idle") {
        idle(sizes.idle).await;
    }
    if wanted("catch-up") {
        catch_up(sizes.deltas).await;
    }
}

fn create(id: &str) -> Value {
    json!({ "action": "create", "model": "notes", "id": id, "data": { "text": TEXT } })
}

/// Commits single rows from concurrent writers. Returns rows per second.
async fn commits(world: &Arc<World>, writers: usize, commits: usize) -> f64 {
    let who = world.known_user("ann").await;
    let began = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (world, who) = (Arc::clone(world), who.clone());
            tokio::spawn(async move {
                for at in 0..commits / writers {
                    let operations =
                        json!([create(&format!("w{writers}-{writer}-{at}"))]).to_string();
                    world.commit_with_others(&who, &operations).await.expect("a receipt");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the commits succeed");
    }
    (commits / writers * writers) as f64 / began.elapsed().as_secs_f64()
}

const COLUMNS: &str = "(id, organization_id, created_by, text) VALUES";

async fn sqlite_commits(writers: usize, count: usize) {
    let world = Arc::new(World::sqlite(SCHEMA));
    let ours = commits(&world, writers, count).await;
    let file = world.file().expect("a file").to_owned();
    let driver = rusqlite::Connection::open(file).expect("the file");
    driver
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        .expect("the same durability");
    let sql = format!("INSERT INTO notes {COLUMNS} (?1, 'acme', 'ann', ?2)");
    let began = Instant::now();
    for batch in 0..count / writers {
        driver.execute_batch("BEGIN").expect("a transaction");
        let mut statement = driver.prepare_cached(&sql).expect("a statement");
        for at in 0..writers {
            statement.execute((format!("d{writers}-{batch}-{at}"), TEXT)).expect("a row");
        }
        driver.execute_batch("COMMIT").expect("a commit");
    }
    report(
        "SQLite",
        writers,
        ours,
        (count / writers * writers) as f64 / began.elapsed().as_secs_f64(),
    );
}

async fn postgres_commits(writers: usize, count: usize) {
    let world = Arc::new(World::postgres(SCHEMA));
    let ours = commits(&world, writers, count).await;
    let database = world.database().expect("a database").clone();
    let driver = std::thread::spawn(move || {
        let mut session = database.admin();
        let sql = format!("INSERT INTO notes {COLUMNS} ($1, 'acme', 'ann', $2)");
        let began = Instant::now();
        for batch in 0..count / writers {
            let mut tx = session.client().transaction().expect("a transaction");
            let statement = tx.prepare(&sql).expect("a statement");
            for at in 0..writers {
                tx.execute(&statement, &[&format!("d{writers}-{batch}-{at}"), &TEXT])
                    .expect("a row");
            }
            tx.commit().expect("a commit");
        }
        (count / writers * writers) as f64 / began.elapsed().as_secs_f64()
    });
    report("PostgreSQL", writers, ours, driver.join().expect("the driver"));
}

fn report(store: &str, writers: usize, ours: f64, driver: f64) {
    println!(
        "commits, {store}, {writers} writers: {ours:.0}/s; driver in batches of {writers}: \
         {driver:.0}/s, ratio {:.2}",
        ours / driver
    );
}

async fn coordinator(world: &World) -> Coordinator {
    Coordinator::start(world.schema(), Arc::clone(&world.store)).await
}

async fn promotion(count: usize) {
    for (store, world) in
        [("SQLite", World::sqlite(SCHEMA)), ("PostgreSQL", World::postgres(SCHEMA))]
    {
        let server = coordinator(&world).await;
        server
            .ask(
                &server.key,
                "POST",
                "/api/v1/models/notes",
                Some(json!({ "id": "n", "data": { "text": TEXT } })),
            )
            .await;
        let mut sides = [
            server.socket(&server.session("agent", "one", json!({})).await, "").await,
            server.socket(&server.session("agent", "two", json!({})).await, "").await,
        ];
        let (mut handed, mut pinged) = (Vec::new(), Vec::new());
        let begin = |id: &str| {
            json!({
                "intentId": id,
                "entityType": "notes",
                "entityId": "n",
                "action": "editing",
                "queue": true,
            })
        };
        sides[0].send("intent_begin", begin("i0")).await;
        sides[0].receive("intent_acquired").await;
        for at in 0..count {
            let [one, two] = &mut sides;
            let (holder, waiter) = if at % 2 == 0 { (one, two) } else { (two, one) };
            let next = format!("i{}", at + 1);
            waiter.send("intent_begin", begin(&next)).await;
            waiter.receive("intent_queued").await;
            let began = Instant::now();
            waiter.send("ping", Value::Null).await;
            waiter.receive("pong").await;
            pinged.push(began.elapsed());
            let began = Instant::now();
            holder.send("intent_abandon", json!({ "intentId": format!("i{at}") })).await;
            waiter.receive("intent_granted").await;
            handed.push(began.elapsed());
        }
        let ([p50, p99], [ping50, ping99]) = (quantiles(handed), quantiles(pinged));
        println!(
            "claim promotion, {store}: p50 {p50:.2} ms, p99 {p99:.2} ms; \
             ping: p50 {ping50:.2} ms, p99 {ping99:.2} ms"
        );
    }
}

fn quantiles(mut times: Vec<Duration>) -> [f64; 2] {
    times.sort_unstable();
    [times.len() / 2, times.len() * 99 / 100].map(|at| times[at].as_secs_f64() * 1000.0)
}

async fn sockets(server: &Coordinator, count: usize) -> Vec<Socket> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(server.socket(&server.key, "").await);
    }
    open
}

async fn fan_out(count: usize) {
    let world = World::sqlite(SCHEMA);
    let server = coordinator(&world).await;
    let mut listeners = sockets(&server, count).await;
    for socket in &mut listeners {
        socket.sync(0).await;
    }
    let rounds = 5;
    let (mut ours, mut bytes) = (Vec::new(), 0);
    let mut open = Some(listeners);
    for round in 0..rounds {
        let waiting: Vec<_> = open
            .take()
            .into_iter()
            .flatten()
            .map(|mut socket| {
                tokio::spawn(async move {
                    let deltas = socket.deltas().await;
                    (
                        Instant::now(),
                        socket,
                        deltas.iter().map(|delta| delta.to_string().len()).sum::<usize>(),
                    )
                })
            })
            .collect();
        let began = Instant::now();
        let body = json!({ "id": format!("f{round}"), "data": { "text": TEXT } });
        server.ask(&server.key, "POST", "/api/v1/models/notes", Some(body)).await;
        let mut kept = Vec::with_capacity(count);
        let mut last = began;
        for task in waiting {
            let (at, socket, size) = task.await.expect("the delta arrives");
            (last, bytes) = (last.max(at), size);
            kept.push(socket);
        }
        open = Some(kept);
        ours.push(last - began);
    }
    let plain = plain_fan_out(count, bytes, rounds).await;
    let ([ours, _], [plain, _]) = (quantiles(ours), quantiles(plain));
    println!(
        "one commit to {count} sockets: {ours:.1} ms; {bytes} bytes to {count} plain sockets: \
         {plain:.1} ms, ratio {:.1}",
        ours / plain
    );
}

async fn plain_fan_out(count: usize, bytes: usize, rounds: usize) -> Vec<Duration> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (mut clients, mut servers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        clients.push(tokio::net::TcpStream::connect(address).await.expect("a connection"));
        servers.push(listener.accept().await.expect("a connection").0);
    }
    let text = vec![b'x'; bytes];
    let mut times = Vec::new();
    for _ in 0..rounds {
        let waiting: Vec<_> = clients
            .drain(..)
            .map(|mut stream| {
                tokio::spawn(async move {
                    let mut read = vec![0; bytes];
                    stream.read_exact(&mut read).await.expect("all bytes");
                    (Instant::now(), stream)
                })
            })
            .collect();
        let began = Instant::now();
        for stream in &mut servers {
            stream.write_all(&text).await.expect("written");
        }
        let mut last = began;
        for task in waiting {
            let (at, stream) = task.await.expect("the bytes arrive");
            last = last.max(at);
            clients.push(stream);
        }
        times.push(last - began);
    }
    times
}

/// Returns the resident memory of a process in bytes.
fn memory(process: u32) -> f64 {
    let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or_default() * 4096.0
}

/// Set for a child process of this program that runs only a coordinator. It prints its address and
/// key.
const SERVER: &str = "ABLO_BENCH_SERVER";

async fn serve() {
    let world = World::sqlite(SCHEMA);
    let server = coordinator(&world).await;
    println!("{} {}", server.address, server.key);
    std::future::pending::<()>().await;
}

async fn idle(count: usize) {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .env(SERVER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child process");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line of output");
    let (address, key) = line.trim().split_once(' ').expect("an address and a key");
    let address: std::net::SocketAddr = address.parse().expect("an address");
    let mut open = Vec::with_capacity(count);
    let (mut before, mut began) = (0.0, Instant::now());
    for at in 0..count + count / 50 {
        if at == count / 50 {
            (before, began) = (memory(child.id()), Instant::now());
        }
        open.push(Socket::open(address, key, "").await);
    }
    let took = began.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(if count > 1000 { 20 } else { 0 })).await;
    let each = (memory(child.id()) - before) / count as f64 / 1024.0;
    println!("{count} idle sockets: {each:.1} KiB of memory each; opened in {took:.1} s");
    child.kill().expect("the child can be killed");
    child.wait().expect("the child ended");
}

async fn catch_up(count: usize) {
    let world = World::sqlite(SCHEMA);
    for part in 0..count / 500 {
        let operations: Vec<Value> = (0..500).map(|at| create(&format!("c{part}-{at}"))).collect();
        world.commit(&user("ann"), &Value::from(operations).to_string()).await.expect("a receipt");
    }
    let server = coordinator(&world).await;
    let mut socket = server.socket(&server.key, "").await;
    let began = Instant::now();
    let payload = json!({
        "cursor": null,
        "versions": {},
        "lastSyncId": 0,
        "capabilities": ["completeDeltas", "resume"],
    });
    socket.send("sync_request", payload).await;
    let (mut received, mut bytes) = (0, 0);
    while received < count {
        let text = socket.next_text().await.expect("an open socket");
        received += text.matches("\"actionType\"").count();
        bytes += text.len();
    }
    let ours = count as f64 / began.elapsed().as_secs_f64();
    let driver = rusqlite::Connection::open(world.file().expect("a file")).expect("the file");
    let began = Instant::now();
    let mut select = driver
        .prepare("SELECT * FROM sync_deltas WHERE organization_id = 'acme' ORDER BY id")
        .expect("a statement");
    let columns = select.column_count();
    let mut rows = select.query([]).expect("rows");
    let mut read = 0;
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            if let Ok(text) = row.get_ref(column).expect("a column").as_str() {
                read += text.to_owned().len();
            }
        }
    }
    let driver = count as f64 / began.elapsed().as_secs_f64();
    println!(
        "catch-up of {count} deltas: {ours:.0}/s, {bytes} bytes; SELECT of the same rows: \
         {driver:.0}/s, {read} bytes, ratio {:.2}",
        ours / driver
    );
}
