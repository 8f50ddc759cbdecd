//! A table name is a text.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(table = 7)]
pub struct Task {
    pub title: String,
}

fn main() {}
