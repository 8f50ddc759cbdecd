//! A list is JSON.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Vec<String>,
}

fn main() {}
