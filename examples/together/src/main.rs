//! Runs the scenario and prints it: on an embedded coordinator, or on a running one.
#![allow(clippy::print_stdout, reason = "the program prints the scenario")]

use ablo::Client;
use together::{App, ScenarioError, run};

#[tokio::main]
async fn main() -> Result<(), ScenarioError> {
    let print = |line: String| println!("{line}");
    let mut arguments = std::env::args().skip(1);
    if let (Some(url), Some(key)) = (arguments.next(), arguments.next()) {
        return run(move || Client::connect(url.as_str(), key.as_str()), print).await;
    }
    let coordinator = App::embedded().await?;
    run(
        move || Client::connect("http://embedded", coordinator.key()).over(coordinator.dialer()),
        print,
    )
    .await
}
