//! Support library of the integration tests: fixtures, servers, and the judges of generated output.

pub mod arbitrary;
pub mod bundlers;
pub mod chromium;
pub mod client;
pub mod client_0_9;
pub mod conformance;
pub mod consumers;
pub mod coordinator;
pub mod derived;
pub mod fake_app;
pub mod fixtures;
pub mod network;
pub mod observed;
pub mod openapi;
pub mod postgres;
pub mod python;
pub mod rust;
pub mod scripted;
pub mod server;
pub mod source;
pub mod sqlite;
pub mod synthetic;
pub mod type_changes;
pub mod typescript;
pub mod waiting;
