//! A model of claims, the stale guard and the log: every order of the steps of a few programs, on
//! the engine itself, in an SQLite database in memory whose clock the model sets.
//!
//! The search goes breadth first. It takes a step, compares what the tables have with the rules of
//! docs/protocol, and takes the step back. States that differ only in names are visited once
//! (`canonical`). `ABLO_DEPTH` is the number of steps on one row, which is two less on two rows;
//! `ABLO_WALKS` is the time of random walks in seconds, and `ABLO_SEED` their first seed.

mod canonical;
mod facts;
mod rules;
mod search;
mod system;

use ablo_server::engine::Engine;
use ablo_server::engine::commit::faults::{self, Fault};
use ablo_server::store::{Access, DbPath, Dialect, Sqlite, Store, Tenant, Tx};
use facts::Shape;
use search::{Search, Visited};
use std::sync::Arc;
use std::time::{Duration, Instant};
use system::{Disturbance, SCHEMA, System};

/// Programs that share participants exclude each other.
const PAIRS: Shape = Shape { participants: 2, connections: 2, rows: 1, named: false };
/// Participants take turns on two rows.
const ROWS: Shape = Shape { participants: 3, connections: 1, rows: 2, named: false };
/// Both, with programs that name themselves, for random walks.
const CROWD: Shape = Shape { participants: 3, connections: 2, rows: 2, named: true };

/// A search takes at most an hour.
const LIMIT: Duration = Duration::from_secs(3600);

/// How long walks may take to notice a fault.
const NOTICED: Duration = Duration::from_secs(20);

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// Runs a job on an engine with empty tables.
async fn on_engine<T: Send + 'static>(
    (shape, organization, disturbance): (Shape, &'static str, Option<Disturbance>),
    job: impl Fn(&mut Search<'_>) -> Result<T, String> + Send + 'static,
) -> T {
    let schema = ablo_tests::postgres::schema(SCHEMA);
    let store: Arc<dyn Store> =
        Arc::new(Sqlite::open(&DbPath::Memory, &schema).expect("a store in memory"));
    let engine = Engine::new(&schema, Dialect::Sqlite);
    let work = move |tx: &mut Tx<'_>| {
        let connection = tx.connection();
        let system = System { engine: &engine, connection, organization, shape, disturbance };
        Ok(Search::new(system).and_then(|mut search| job(&mut search)))
    };
    let tenant = Tenant::Organization(organization.to_owned());
    let found = store.within(LIMIT, Access::Write, tenant, work).await.expect("the store answers");
    found.unwrap_or_else(|error| panic!("{error}"))
}

/// Visits all states within a number of steps, and prints how many there are.
async fn explored(name: &'static str, shape: Shape, depth: usize, audit: u64) -> Visited {
    let began = Instant::now();
    let visited = on_engine((shape, "acme", None), move |search| {
        search.breadth_first(depth, audit).map_err(|broken| broken.to_string())
    });
    let visited = visited.await;
    println!(
        "{name}: {} states, {} transitions, {} compared, {depth} steps, {:.1?}; by steps {:?}",
        visited.states,
        visited.transitions,
        visited.compared,
        began.elapsed(),
        visited.levels
    );
    visited
}

#[tokio::test]
async fn every_order_of_steps_of_two_participants_with_two_connections() {
    let depth = setting("ABLO_DEPTH").map_or(4, |depth| depth as usize);
    let visited = explored("2 x 2 x 1", PAIRS, depth, if depth > 4 { 101 } else { 41 }).await;
    assert!(visited.states > 300, "only {} states", visited.states);
}

#[tokio::test]
async fn every_order_of_steps_of_three_participants_on_two_rows() {
    let depth = setting("ABLO_DEPTH").map_or(3, |depth| (depth as usize).saturating_sub(2));
    let visited = explored("3 x 1 x 2", ROWS, depth, if depth > 3 { 101 } else { 41 }).await;
    assert!(visited.states > 100, "only {} states", visited.states);
}

#[tokio::test]
async fn random_walks() {
    let time = Duration::from_secs(setting("ABLO_WALKS").unwrap_or(1));
    let first = setting("ABLO_SEED").unwrap_or(0);
    for shape in [PAIRS, ROWS, CROWD] {
        let (walks, steps) = on_engine((shape, "acme", None), move |search| {
            search.walks(first, time / 3).map_err(|broken| broken.to_string())
        })
        .await;
        println!("{shape:?}: {walks} walks from seed {first}, {steps} steps");
        assert!(walks > 0);
    }
}

/// Searches for the shortest way to break a rule.
async fn notice(organization: &'static str, disturbance: Option<Disturbance>) {
    let broken = on_engine((PAIRS, organization, disturbance), |search| {
        Ok(search.breadth_first(4, 0).err())
    });
    let broken = broken.await.unwrap_or_else(|| panic!("{organization} is not noticed"));
    println!("{organization}: {broken}");
}

#[tokio::test]
async fn each_fact_that_a_decision_ignores_is_noticed() {
    for (organization, fault) in Fault::ALL {
        faults::inject(organization, fault);
        notice(organization, None).await;
    }
}

#[tokio::test]
async fn a_sweep_that_ends_nothing_is_noticed() {
    notice("no sweep", Some(Disturbance::SweepsWithoutClock)).await;
}

#[tokio::test]
async fn a_queue_that_is_not_fair_is_noticed() {
    let unfair = (PAIRS, "unfair", Some(Disturbance::ReversedQueues));
    let broken = on_engine(unfair, |search| Ok(search.walks(0, NOTICED).err())).await;
    println!("unfair: {}", broken.expect("an unfair queue is noticed"));
}
