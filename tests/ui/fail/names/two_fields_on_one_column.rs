//! Two fields with the same column.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(column = "title")]
    pub name: String,
    pub title: String,
}

fn main() {}
