//! An empty column name.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(column = "")]
    pub title: String,
}

fn main() {}
