//! `SystemTime` instead of `Timestamp`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::time::SystemTime,
}

fn main() {}
