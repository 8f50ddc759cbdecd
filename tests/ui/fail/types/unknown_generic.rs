//! A wrapper that nobody knows.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Maybe<String>,
}

fn main() {}
