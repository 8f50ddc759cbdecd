//! An `Arc` instead of its inner type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: std::sync::Arc<str>,
}

fn main() {}
