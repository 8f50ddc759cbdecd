//! A table name that SQL would have to quote.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = "my tasks")]
pub struct Task {
    pub title: String,
}

fn main() {}
