//! A list is JSON, there or not.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Option<Vec<u8>>,
}

fn main() {}
