//! A number as a table name.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = 7)]
pub struct Task {
    pub title: String,
}

fn main() {}
