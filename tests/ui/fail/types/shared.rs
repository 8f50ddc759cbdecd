//! What is shared is what is meant.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::sync::Arc<str>,
}

fn main() {}
