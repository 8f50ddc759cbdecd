//! Guarded transfers between accounts from 50 connections: whatever the distribution, the
//! participants and the transport, the sum of all balances stays the same, and the log grows by two
//! entries for each confirmed commit.
//!
//! `ABLO_TRANSFERS` is the number of transfers of each cell with skewed accounts, a quarter of that
//! of the other cells; the long suite checks rates, too. `ABLO_SEED` is the seed.

use ablo_server::{CoordinatorOptions, Limits};
use ablo_tests::coordinator::{Coordinator, Socket};
use ablo_tests::server::{World, user};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

const SCHEMA: &str = r#"{"v":3,"identityRoles":[],"models":{
  "accounts":{"typename":"Account","mutable":true,"relations":{},"fields":{
    "balance":{"type":"number","isOptional":false,"isIndexed":false}}}}}"#;
const ACCOUNTS: usize = 200;
const BALANCE: f64 = 1000.0;
const CONNECTIONS: usize = 50;

/// One combination of load.
#[derive(Clone, Copy, Debug)]
struct Load {
    /// Whether few accounts take part in most transfers: Zipf's law with the exponent 1.5.
    skewed: bool,
    /// Whether all connections have one key, or a participant each.
    one_key: bool,
    /// Whether commits are frames of a socket, or HTTP requests.
    sockets: bool,
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A deterministic random number generator.
struct Random(u64);

impl Random {
    /// Returns a number from 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn account(&mut self, weights: &[f64]) -> usize {
        let place = self.next() * weights.last().copied().unwrap_or(1.0);
        weights.partition_point(|sum| *sum < place).min(ACCOUNTS - 1)
    }
}

/// Returns the running sums of the accounts' weights.
fn weights(skewed: bool) -> Vec<f64> {
    let exponent = if skewed { 1.5 } else { 0.0 };
    let weight = |rank: usize| 1.0 / ((rank + 1) as f64).powf(exponent);
    (0..ACCOUNTS)
        .scan(0.0, |sum, rank| {
            *sum += weight(rank);
            Some(*sum)
        })
        .collect()
}

/// One connection.
struct Worker {
    server: Arc<Coordinator>,
    token: String,
    socket: Option<Socket>,
    random: Random,
    outcomes: BTreeMap<String, usize>,
}

impl Worker {
    async fn read(&self, account: usize) -> (f64, u64) {
        let path = format!("/api/v1/models/accounts/a{account}");
        loop {
            let (status, read) = self.server.ask(&self.token, "GET", &path, None).await;
            match status {
                200 => {
                    let balance = read["data"]["balance"].as_f64().expect("a number");
                    return (balance, read["stamp"].as_u64().expect("a stamp"));
                }
                429 => tokio::task::yield_now().await,
                _ => panic!("{status}: {read}"),
            }
        }
    }

    /// Sends a commit and returns whether it was confirmed.
    async fn commit(&mut self, operations: Value) -> bool {
        let id = uuid::Uuid::new_v4().to_string();
        let body = json!({ "clientTxId": id, "operations": operations });
        let code = match &mut self.socket {
            Some(socket) => {
                socket.send("commit", body).await;
                loop {
                    let receipt = socket.receive("mutation_result").await;
                    if receipt["clientTxId"] == id {
                        break receipt["error"]["code"].as_str().map(str::to_owned);
                    }
                }
            }
            None => {
                let path = "/api/v1/commits";
                let (_, answer) = self.server.ask(&self.token, "POST", path, Some(body)).await;
                answer["code"].as_str().map(str::to_owned)
            }
        };
        // On a busy machine a coordinator may wait too long for the other one.
        let known = |code: &str| matches!(code, "stale_context" | "rate_limited" | "row_locked");
        assert!(code.as_deref().is_none_or(known), "{code:?}");
        *self.outcomes.entry(code.clone().unwrap_or_else(|| "ok".to_owned())).or_default() += 1;
        code.is_none()
    }

    async fn transfer(&mut self, weights: &[f64]) -> bool {
        let from = self.random.account(weights);
        let to = (from + 1 + self.random.account(weights) % (ACCOUNTS - 1)) % ACCOUNTS;
        let amount = (self.random.next() * 10.0).floor();
        let (source, source_stamp) = self.read(from).await;
        let (target, target_stamp) = self.read(to).await;
        let update = |account: usize, balance: f64, stamp: u64| {
            json!({
                "action": "update",
                "model": "accounts",
                "id": format!("a{account}"),
                "data": { "balance": balance },
                "readAt": stamp,
                "onStale": "reject",
            })
        };
        self.commit(json!([
            update(from, source - amount, source_stamp),
            update(to, target + amount, target_stamp),
        ]))
        .await
    }
}

async fn seed(world: &World) -> u64 {
    let rows: Vec<Value> = (0..ACCOUNTS)
        .map(|at| {
            let data = json!({ "balance": BALANCE });
            json!({ "action": "create", "model": "accounts", "id": format!("a{at}"), "data": data })
        })
        .collect();
    let receipt = world.commit(&user("bank"), &Value::from(rows).to_string()).await;
    receipt.expect("the accounts").last_sync_id.expect("a sync id").0
}

/// Runs one cell of the matrix on one coordinator, or on several of one database.
async fn run(world: &World, instances: &[&World], load: Load) {
    let base = seed(world).await;
    let mut servers = Vec::new();
    for instance in instances {
        let (schema, store) = (world.schema(), Arc::clone(&instance.store));
        let server = Coordinator::start_with(schema, store, options()).await;
        servers.push(Arc::new(server));
    }
    let is_long = std::env::var_os("ABLO_TRANSFERS").is_some();
    let times = if is_long && !load.skewed { 4 } else { 1 };
    let count = times * setting("ABLO_TRANSFERS", 120);
    let started = Arc::new(AtomicUsize::new(0));
    let weights = Arc::new(weights(load.skewed));
    let began = Instant::now();
    let mut tasks = Vec::new();
    for at in 0..CONNECTIONS {
        let server = Arc::clone(&servers[at % servers.len()]);
        let token = match load.one_key {
            true => servers[0].key.clone(),
            false => servers[0].session("agent", &format!("w{at}"), json!({})).await,
        };
        let socket = match load.sockets {
            true => Some(server.socket(&token, "").await),
            false => None,
        };
        let random = Random((setting("ABLO_SEED", 1) * 1000 + at) as u64);
        let mut worker = Worker { server, token, socket, random, outcomes: BTreeMap::new() };
        let (started, weights) = (Arc::clone(&started), Arc::clone(&weights));
        tasks.push(tokio::spawn(async move {
            while started.fetch_add(1, Ordering::Relaxed) < count {
                while !worker.transfer(&weights).await {}
            }
            worker.outcomes
        }));
    }
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks {
        for (code, number) in task.await.expect("the connection works") {
            *outcomes.entry(code).or_default() += number;
        }
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!(
        "{load:?} on {} coordinators: {rate:.0} transfers a second, {outcomes:?}",
        servers.len()
    );
    let rows = world.bootstrap(&user("bank")).await.expect("the rows");
    let balance = |row: &String| ablo_tests::server::json(row)["balance"].as_f64();
    let sum: f64 = rows["Account"].iter().filter_map(balance).sum();
    assert!((sum - BALANCE * ACCOUNTS as f64).abs() < 0.5, "{load:?}: {sum}");
    assert_eq!(outcomes.get("ok"), Some(&count));
    assert!(!is_long || rate >= 100.0, "{load:?}: {rate:.0} a second");
    let bank = user("bank");
    let entries = world.read(&bank, move |_, tx, _| {
        let sql = format!("SELECT count(*) FROM sync_deltas WHERE id > {base}");
        Ok(tx.connection().query(&sql, &[])?)
    });
    let entries = entries.await.expect("the log")[0][0].integer().expect("a number");
    assert_eq!(usize::try_from(entries), Ok(2 * count), "two entries for each commit");
}

/// One key may send as much as 50 participants.
fn options() -> CoordinatorOptions {
    const RATE: usize = 1_000_000;
    let limits = Limits { requests_per_second: RATE, frames_per_second: RATE, ..Limits::default() };
    CoordinatorOptions { limits, ..CoordinatorOptions::default() }
}

async fn all(loads: &[Load], make: fn(&str) -> World, instances: usize) {
    for load in loads {
        let world = make(SCHEMA);
        let second = (instances > 1).then(|| world.second_instance().expect("PostgreSQL"));
        let all: Vec<&World> = std::iter::once(&world).chain(second.as_ref()).collect();
        run(&world, &all, *load).await;
    }
}

const HTTP: [Load; 4] = [
    Load { skewed: false, one_key: true, sockets: false },
    Load { skewed: true, one_key: true, sockets: false },
    Load { skewed: false, one_key: false, sockets: false },
    Load { skewed: true, one_key: false, sockets: false },
];

fn over_sockets() -> Vec<Load> {
    HTTP.iter().map(|load| Load { sockets: true, ..*load }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_over_http_on_sqlite_conserve_the_sum() {
    all(&HTTP, World::sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_over_sockets_on_sqlite_conserve_the_sum() {
    all(&over_sockets(), World::sqlite, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_over_http_on_two_postgres_coordinators_conserve_the_sum() {
    all(&HTTP, World::postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn transfers_over_sockets_on_two_postgres_coordinators_conserve_the_sum() {
    all(&over_sockets(), World::postgres, 2).await;
}
