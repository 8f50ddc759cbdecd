//! Compiles the page, starts the servers and the agent, and prints the addresses.
#![allow(clippy::print_stdout, reason = "prints the addresses")]

use board::{Fault, agent, compile, coordinator, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Fault> {
    compile().await?;
    let listener = TcpListener::bind("127.0.0.1:4101").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let coordinator = coordinator().await?;
    let _agent = agent(&url, coordinator.key())?;
    println!("open {url}/?user=ada and {url}/?user=ben side by side; press Ctrl-C to stop");
    serve(coordinator, listener).await
}
