//! The Rust and TypeScript clients and the examples against a coordinator.

mod behaviour;
mod bundlers;
mod client_claims;
mod client_connection;
mod client_rows;
mod example_board;
mod example_together;
mod python_client;
mod typescript_client;
mod typescript_react;
mod typescript_time;
