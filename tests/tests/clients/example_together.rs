//! The `together` example on both stores over the network, and on an embedded coordinator.
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo::Client;
use ablo::client::Connect;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::on_both_stores;
use ablo_tests::server::World;
use together::{App, run};

on_both_stores! { &together::App::SCHEMA.to_json().expect("a valid schema");
    a_person_and_agents_edit_one_report
}

/// The expected observations.
const OBSERVATIONS: [&str; 8] = [
    "observer: ada is typing",
    "hasty: ada holds it, I yield",
    "observer: one participant waits for ada",
    "patient: I hold it, and its text is \"Rain in the morning.\"",
    "hasty: refused, body is now \"Rain in the morning.\"",
    "observer: an agent holds it and has crashed",
    "patient: that claim expired, and I hold it again",
    "observer: Stockholm, \"draft\", \"Rain in the morning.\"; Stockholm, \"ready\", \"Rain in the \
     morning.\"; \
     Stockholm, Tuesday, \"ready\", \"Rain in the morning.\"",
];

async fn observations(connect: impl Fn() -> Connect + Clone + Send + 'static) -> Vec<String> {
    let mut observations = Vec::new();
    if let Err(error) = run(connect, |observation| observations.push(observation)).await {
        panic!("{error}, after {observations:#?}");
    }
    observations
}

async fn a_person_and_agents_edit_one_report(world: World) {
    let server = Coordinator::start(world.schema(), std::sync::Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    assert_eq!(
        observations(move || Client::connect(url.as_str(), key.as_str())).await,
        OBSERVATIONS
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scenario_runs_on_an_embedded_coordinator() {
    let coordinator = App::embedded().await.expect("the coordinator starts");
    let connect =
        move || Client::connect("http://embedded", coordinator.key()).over(coordinator.dialer());
    assert_eq!(observations(connect).await, OBSERVATIONS);
}
