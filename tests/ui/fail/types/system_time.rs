//! Points in time are `Timestamp`s.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::time::SystemTime,
}

fn main() {}
