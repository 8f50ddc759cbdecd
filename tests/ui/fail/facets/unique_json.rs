//! A unique JSON field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(unique)]
    pub title: serde_json::Value,
}

fn main() {}
