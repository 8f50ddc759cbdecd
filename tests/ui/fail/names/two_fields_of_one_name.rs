//! Two fields, one name on the wire.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(rename = "title")]
    pub name: String,
    pub title: String,
}

fn main() {}
