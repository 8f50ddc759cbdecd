//! Who is connected, and what they hear: one hub for each organisation that has someone listening.
//!
//! A hub keeps what its connections would otherwise all read for themselves: the end of the log, who holds and waits for what, and who
//! is here. All of it comes from the store, after news of it; nothing here is known to this process alone, so that any number of
//! processes may share a database. Connections pull: a slow one falls behind and reads from the store, and holds nothing up.

mod connection;
mod deliver;
mod flow_control;
mod frames;
mod hub;
mod hubs;
mod peer_view;
mod subscriptions;

pub(crate) use connection::run;
pub(crate) use hubs::Hubs;
