//! A base field as the name on the wire.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(rename = "createdAt")]
    pub title: String,
}

fn main() {}
