//! JSON has no equality that an index could keep.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(unique)]
    pub title: serde_json::Value,
}

fn main() {}
