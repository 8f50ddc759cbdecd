//! The scenarios of `fixtures/client/behaviour.json`, run with the Rust client and, by
//! `tests/typescript/scenarios.ts`, with the TypeScript client.

use ablo::Client;
use ablo::client::{Claim, Connect, ErrorKind, IfClaimed};
use ablo::wire::{ModelClaim, Object, Range};
use ablo_tests::client::counting::{Counter, CounterCreate};
use ablo_tests::client::in_time;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::scripted::{Answer, Received, ScriptedServer};
use ablo_tests::server::World;
use ablo_tests::typescript::{program_schema, run};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const SPECIFICATION: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/client/behaviour.json");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Specification {
    request_scenarios: Vec<RequestScenario>,
    read_scenarios: Vec<ReadScenario>,
    claim_details: ClaimDetails,
    claim_scenarios: Vec<ClaimScenario>,
}

fn specification() -> Specification {
    let text = std::fs::read_to_string(SPECIFICATION).expect("the specification is readable");
    serde_json::from_str(&text).expect("the scenarios are valid")
}

/// Runs the scenarios of a table with the TypeScript client and returns its outcomes.
async fn in_typescript(table: &'static str, arguments: Vec<String>) -> Vec<String> {
    let running = tokio::task::spawn_blocking(move || {
        let mut all = vec![table, SPECIFICATION];
        all.extend(arguments.iter().map(String::as_str));
        run("scenarios.js", &all, |_| {})
    });
    running.await.expect("the program succeeds")
}

/// A commit and the answers to it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RequestScenario {
    name: String,
    /// Whether the client exchanges its key for a token.
    #[serde(default)]
    exchange: bool,
    attempts: Option<u32>,
    timeout_ms: Option<u64>,
    answers: Vec<Answer>,
    /// The code of the error, or `ok`.
    outcome: String,
    requests: usize,
    #[serde(default)]
    exchanges: usize,
    /// The shortest time between two requests.
    min_pause_ms: Option<u64>,
}

impl RequestScenario {
    async fn in_rust(&self, url: &str) -> String {
        let mut connect: Connect = Client::connect(url, "sk_test_key");
        if self.exchange {
            connect = connect.agent("worker");
        }
        if let Some(attempts) = self.attempts {
            connect = connect.attempts(attempts);
        }
        if let Some(timeout) = self.timeout_ms {
            connect = connect.timeout(Duration::from_millis(timeout));
        }
        let client = in_time(connect).await.expect("connects");
        let update = client.model::<Counter>().update("row", Counter::patch().value(1.0));
        match in_time(update).await {
            Ok(_) => format!("{}: ok", self.name),
            Err(error) => format!("{}: {}", self.name, error.code()),
        }
    }

    /// Checks the requests that the server received.
    fn check(&self, received: &[Received], exchanges: usize) {
        let counts = (received.len(), exchanges);
        assert_eq!(counts, (self.requests, self.exchanges), "{}: {received:?}", self.name);
        let first = &received[0];
        assert!(!first.key.is_empty() && first.body.contains(&first.key), "{first:?}");
        for (one, next) in received.iter().zip(&received[1..]) {
            assert_eq!((&one.key, &one.body), (&next.key, &next.body), "{}", self.name);
            let pause = Duration::from_millis(self.min_pause_ms.unwrap_or_default());
            assert!(next.at - one.at >= pause, "{}: {:?}", self.name, next.at - one.at);
        }
        for (answer, pair) in self.answers.iter().zip(received.windows(2)) {
            let is_renewed = pair[0].token != pair[1].token;
            assert_eq!(is_renewed, answer.status == Some(401), "{}: {pair:?}", self.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_repeated_as_specified() {
    let scenarios = specification().request_scenarios;
    let expected: Vec<String> =
        scenarios.iter().map(|one| format!("{}: {}", one.name, one.outcome)).collect();
    let mut in_rust = Vec::new();
    let mut servers = Vec::new();
    for scenario in &scenarios {
        let server = ScriptedServer::start(&scenario.answers).await;
        in_rust.push(scenario.in_rust(&server.url).await);
        let (received, exchanges) = server.received();
        scenario.check(&received, exchanges);
        servers.push(ScriptedServer::start(&scenario.answers).await);
    }
    assert_eq!(in_rust, expected);
    let urls = servers.iter().map(|server| server.url.clone()).collect();
    assert_eq!(in_typescript("requestScenarios", urls).await, expected);
    for (scenario, server) in scenarios.iter().zip(&servers) {
        let (received, exchanges) = server.received();
        scenario.check(&received, exchanges);
    }
}

/// A claim on a row that others hold or wait for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClaimScenario {
    name: String,
    held: bool,
    waiters: usize,
    max_depth: Option<u64>,
    #[serde(default = "yes")]
    wait: bool,
    outcome: String,
}

fn yes() -> bool {
    true
}

/// How long a claim waits in the claim queue of a scenario.
const PATIENCE: Duration = Duration::from_millis(500);

/// Creates the row of a scenario with its holder and waiters. Returns the holder's claim.
async fn occupy(
    url: &str,
    key: &str,
    row: &str,
    scenario: &ClaimScenario,
) -> Option<Claim<Counter>> {
    let connect = async |name: String| Client::connect(url, key).agent(name).await;
    let system = Client::connect(url, key).await.expect("connects");
    let counters = system.model::<Counter>();
    counters.create(Counter::create(CounterCreate { value: 0.0 }).id(row)).await.expect("created");
    let mut held = None;
    if scenario.held {
        let holder = connect(format!("holder-{row}")).await.expect("connects");
        held = Some(in_time(holder.model::<Counter>().claim(row)).await.expect("the row is free"));
    }
    for number in 0..scenario.waiters {
        let waiter = connect(format!("waiter-{number}-{row}")).await.expect("connects");
        let claim = waiter.model::<Counter>().claim(row);
        // The task waits until the runtime of the test ends.
        tokio::spawn(async move { claim.await.map(drop) });
        let queue = counters.claim_queue(row);
        while queue.queue().await.expect("a queue").len() <= number {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    held
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_wait_as_specified() {
    let world = World::sqlite(&program_schema());
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let scenarios = specification().claim_scenarios;
    let mut held = Vec::new();
    for (number, scenario) in scenarios.iter().enumerate() {
        for transport in ["socket", "http"] {
            let row = format!("{transport}-{number}");
            held.extend(occupy(&url, &key, &row, scenario).await);
        }
    }
    let mut expected = Vec::new();
    let mut in_rust = Vec::new();
    for transport in ["socket", "http"] {
        let connect: Connect = Client::connect(&url, key.as_str()).agent("claimant");
        let connect = if transport == "http" { connect.http_only() } else { connect };
        let counters = connect.await.expect("connects").model::<Counter>();
        for (number, scenario) in scenarios.iter().enumerate() {
            let claim = counters.claim(format!("{transport}-{number}")).timeout(PATIENCE);
            let claim = claim.wait(scenario.wait);
            let claim = match scenario.max_depth {
                Some(depth) => claim.max_queue_depth(depth),
                None => claim,
            };
            let outcome = match in_time(claim).await {
                Ok(claim) => {
                    claim.release().await.expect("released");
                    "held".to_owned()
                }
                Err(error) => error.code().to_owned(),
            };
            in_rust.push(format!("{transport}: {}: {outcome}", scenario.name));
            expected.push(format!("{transport}: {}: {}", scenario.name, scenario.outcome));
        }
    }
    assert_eq!(in_rust, expected);
    assert_eq!(in_typescript("claimScenarios", vec![url, key]).await, expected);
}

/// The options of a claim that other participants see.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClaimDetails {
    action: String,
    description: String,
    field: String,
    path: String,
    range: Range,
    meta: Object,
}

/// Returns what a claim shows, for comparison with its options.
fn details_of(claim: &ModelClaim) -> Value {
    let target = claim.target.clone().expect("a target");
    let mut meta = target.meta.unwrap_or_default();
    // `POST /v1/intents` has no member for it.
    let described = meta.remove("description");
    json!({
        "action": claim.action,
        "description": claim.description.clone().map(Value::from).or(described),
        "field": target.field,
        "path": target.path,
        "range": target.range,
        "meta": meta,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_the_details_of_a_claim() {
    let world = World::sqlite(&program_schema());
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let system = Client::connect(&url, key.as_str()).await.expect("connects");
    let counters = system.model::<Counter>();
    let create = Counter::create(CounterCreate { value: 0.0 }).id("row");
    counters.create(create).await.expect("created");
    let details = specification().claim_details;
    let expected = serde_json::to_value(&details).expect("JSON");
    for http_only in [false, true] {
        let connect: Connect = Client::connect(&url, key.as_str()).agent("claimant");
        let connect = if http_only { connect.http_only() } else { connect };
        let claimant = connect.await.expect("connects").model::<Counter>();
        // A description is kept if `meta` follows it.
        let claim = claimant
            .claim("row")
            .action(&details.action)
            .description(&details.description)
            .meta(details.meta.clone())
            .field(Counter::VALUE)
            .path(&details.path)
            .range(details.range.clone());
        let claim = in_time(claim).await.expect("the row is free");
        let state = counters.claim_queue("row").state().await.expect("a state");
        assert_eq!(details_of(&state.expect("a holder")), expected, "http_only: {http_only}");
        claim.release().await.expect("released");
    }
    for line in in_typescript("claimDetails", vec![url, key]).await {
        let state: ModelClaim = serde_json::from_str(&line).expect("a claim");
        assert_eq!(details_of(&state), expected, "{line}");
    }
}

/// A read of a row that fails if another program holds it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ReadScenario {
    name: String,
    /// `self` is the reading client, `twin` another one of its participant, `other` any other.
    holder: Option<String>,
    outcome: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_see_the_claims_of_other_programs() {
    let world = World::sqlite(&program_schema());
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let connect = async |agent: &str| -> Client {
        Client::connect(&url, key.as_str()).agent(agent).await.expect("connects")
    };
    let (reader, twin) = (connect("reader").await, connect("reader").await);
    let other = connect("other").await;
    let scenarios = specification().read_scenarios;
    let (mut in_rust, mut expected, mut held) = (Vec::new(), Vec::new(), Vec::new());
    for (number, scenario) in scenarios.iter().enumerate() {
        let row = format!("read-{number}");
        let create = Counter::create(CounterCreate { value: 0.0 }).id(row.as_str());
        other.model::<Counter>().create(create).await.expect("created");
        let holder = match scenario.holder.as_deref() {
            Some("self") => Some(&reader),
            Some("twin") => Some(&twin),
            Some(_) => Some(&other),
            None => None,
        };
        let mut claim = None;
        if let Some(holder) = holder {
            claim =
                Some(in_time(holder.model::<Counter>().claim(row.as_str())).await.expect("free"));
        }
        let read = reader.model::<Counter>().retrieve(row.as_str()).if_claimed(IfClaimed::Fail);
        let outcome = match read.await {
            Ok(_) => "ok".to_owned(),
            Err(error) => {
                let ErrorKind::Claimed(holder) = error.kind() else { panic!("{error:?}") };
                assert!(holder.held_by.is_some() && holder.claim_id.is_some(), "{holder:?}");
                error.code().to_owned()
            }
        };
        in_rust.push(format!("{}: {outcome}", scenario.name));
        expected.push(format!("{}: {}", scenario.name, scenario.outcome));
        match (scenario.holder.as_deref(), claim) {
            // The other client claims this row itself.
            (Some("self"), Some(claim)) => claim.release().await.expect("released"),
            (_, claim) => held.push(claim),
        }
    }
    assert_eq!(in_rust, expected);
    assert_eq!(in_typescript("readScenarios", vec![url.clone(), key.clone()]).await, expected);
}
