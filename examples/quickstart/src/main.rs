//! The program of docs/tutorial/rust.md: `quickstart URL KEY`.

mod schema;

use ablo::client::ErrorKind;
use futures_util::StreamExt;
use schema::{App, Report, ReportCreate, Status};

#[tokio::main]
async fn main() -> Result<(), ablo::Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, key] = &arguments[..] else { panic!("usage: quickstart URL KEY") };

    // Two participants of one organisation: a writer and an agent.
    let writer = App::connect(url.as_str(), key.as_str()).user("ada").await?;
    let agent = App::connect(url.as_str(), key.as_str()).agent("forecaster").await?;

    // A create takes the required fields that have no default.
    let create = Report::create(ReportCreate { title: "Stockholm".into() });
    let id = writer.reports().create(create).await?.id;

    // The agent reads the report. The stamp says up to where it has read.
    let read = agent.reports().retrieve(&id).await?;

    // Meanwhile the writer changes the same field.
    writer.reports().update(&id, Report::patch().body("Snow, according to Ada.")).await?;

    // The agent's write is based on an older row, so it is refused.
    let patch = Report::patch().body("Rain.");
    match agent.reports().update(&id, patch).read_at(read.stamp).await {
        Ok(_) => println!("written"),
        Err(error) => match error.kind() {
            ErrorKind::Stale(_) => println!("refused: the report has changed"),
            _ => return Err(error),
        },
    }

    // A claim gives the agent the row for a while. It waits for its turn and reads the row again.
    let claim = agent.reports().claim(&id).action("summarising").await?;
    let body = claim.row().body.clone().unwrap_or_default();
    claim.update(Report::patch().body(format!("{body} And rain.")).status(Status::Ready)).await?;
    claim.release().await?;

    // Every change since the agent's read, once and in order.
    let mut changes = writer.reports().changes().from(read.stamp).await?.take(2);
    while let Some(change) = changes.next().await {
        if let Some(row) = change?.kind.row() {
            println!("{}: {}", row.status.as_str(), row.body.as_deref().unwrap_or("no text"));
        }
    }
    Ok(())
}
