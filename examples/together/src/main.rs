//! Plays the scenario and prints it: on a coordinator inside the program, or on one that runs.
#![allow(clippy::print_stdout, reason = "it is what the program is for")]

use ablo::Client;
use together::{App, Fault, play};

#[tokio::main]
async fn main() -> Result<(), Fault> {
    let say = |line: String| println!("{line}");
    let mut arguments = std::env::args().skip(1);
    if let (Some(url), Some(key)) = (arguments.next(), arguments.next()) {
        return play(move || Client::connect(url.as_str(), key.as_str()), say).await;
    }
    let document = App::SCHEMA.to_json()?;
    let schema = ablo_schema::front::json::read(&document).schema.ok_or("the schema is faulty")?;
    let coordinator =
        ablo_server::embedded(&schema).await.map_err(|failure| format!("{failure:?}"))?;
    play(
        move || Client::connect("http://embedded", coordinator.key()).over(coordinator.dialer()),
        say,
    )
    .await
}
