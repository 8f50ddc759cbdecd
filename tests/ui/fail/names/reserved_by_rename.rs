//! A name on the wire that every row has.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(rename = "createdAt")]
    pub title: String,
}

fn main() {}
