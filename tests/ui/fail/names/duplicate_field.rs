//! Two fields with the same name on the wire.

use ablo::AbloModel;

fn main() {}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(rename = "title")]
    pub heading: String,
}
