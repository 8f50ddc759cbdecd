//! A number and its unit.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::time::Duration,
}

fn main() {}
