//! What no single crate can test, and the judges it takes.

pub mod openapi;
