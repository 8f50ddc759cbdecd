//! A column name that SQL would have to quote.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(column = "ti\"tle")]
    pub title: String,
}

fn main() {}
