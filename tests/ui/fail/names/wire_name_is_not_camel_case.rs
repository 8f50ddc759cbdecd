//! A name on the wire that is not camelCase.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(rename = "URLPath")]
    pub title: String,
}

fn main() {}
