//! What the tests of this package share: fixtures by kind, and the judges that look at what is generated.

pub mod arbitrary;
pub mod chromium;
pub mod client;
pub mod conformance;
pub mod coordinator;
pub mod derived;
pub mod fixtures;
pub mod network;
pub mod openapi;
pub mod postgres;
pub mod python;
pub mod rust;
pub mod server;
pub mod shop;
pub mod source;
pub mod sqlite;
pub mod synthetic;
pub mod typescript;
