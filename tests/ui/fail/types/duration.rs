//! `Duration` instead of a number with a unit.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::time::Duration,
}

fn main() {}
