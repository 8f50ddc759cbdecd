//! WebSocket connections, and one hub for each organisation that has any.
//!
//! A hub caches what its connections would otherwise each read: the end of the log, claim queues
//! and sessions. All of it is read from the store after a notification, so that any number of
//! processes can share a database. Connections pull: a slow one falls behind, reads from the store
//! and does not block others.

mod connection;
mod credentials;
mod deliver;
mod end;
mod flow_control;
mod frames;
mod grants;
mod held;
mod hub;
mod hubs;
mod open_sessions;
mod pace;
mod peer_view;
mod refusals;
mod relay;
mod reload;
mod seats;
mod start;
mod subscriptions;
mod synchronize;

pub(crate) use connection::run;
pub(crate) use hubs::Hubs;
