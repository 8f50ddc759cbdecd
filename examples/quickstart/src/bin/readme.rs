//! The program of README.md.

use futures_util::StreamExt;

ablo::define_schema! {
    pub schema App {
        #[ablo(key = "reports", mutable)]
        pub struct Report { pub title: String, pub body: Option<String> }
    }
}

#[tokio::main]
async fn main() -> Result<(), ablo::Error> {
    let [url, key] = ["ABLO_URL", "ABLO_KEY"].map(|name| std::env::var(name).unwrap_or_default());
    let app = App::connect(url, key).agent("forecaster").await?;
    let create = Report::create(ReportCreate { title: "Stockholm".into() });
    let created = app.reports().create(create).await?;

    // The claim waits until the row is free, reads it, and guards the writes below.
    let claim = app.reports().claim(&created.id).action("forecasting").await?;
    claim.update(Report::patch().body("Rain.")).await?;
    claim.release().await?;

    // Every change from here on, once and in order.
    let mut changes = app.reports().changes().from(created.receipt.stamp).await?;
    if let Some(change) = changes.next().await {
        println!("{:?}", change?.kind.row().and_then(|row| row.body.as_deref()));
    }
    Ok(())
}
