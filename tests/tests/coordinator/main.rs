//! The coordinator on both stores, its data sources and its webhooks.

mod claims;
mod clock;
mod engine;
mod faults;
mod housekeeping;
mod isolation;
mod keys;
mod layout;
mod memberships;
mod model;
mod openapi;
mod page;
mod plans;
mod protocol;
mod retention;
mod source_adapter;
mod source_coordinator;
mod source_endpoint;
mod source_kit;
mod source_languages;
mod source_tables;
mod together;
mod values;
mod webhooks;
