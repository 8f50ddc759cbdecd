//! `i128`, which no column can store.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: i128,
}

fn main() {}
