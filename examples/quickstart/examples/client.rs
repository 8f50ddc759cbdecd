//! A first client: `cargo run --example client http://127.0.0.1:4100 KEY`, with the key that
//! `ablo dev` prints. It needs `ablo` with the feature `client`, `futures-util` and `tokio`.

#[path = "../src/schema.rs"]
mod schema;

use futures_util::TryStreamExt;
use schema::App;

#[tokio::main]
async fn main() -> Result<(), ablo::Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, key] = &arguments[..] else { panic!("usage: client URL KEY") };
    let client = App::connect(url.as_str(), key.as_str()).user("ada").await?;
    let reports: Vec<_> = client.reports().list().rows().try_collect().await?;
    for report in reports {
        println!("{}: {}", report.title, report.status.as_str());
    }
    Ok(())
}
