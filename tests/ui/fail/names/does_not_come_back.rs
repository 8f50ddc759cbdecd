//! A name that is another one when it has been a column.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub line_2_b: String,
}

fn main() {}
