//! A column is a text.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(column = 1))]
pub struct Task {
    pub title: String,
}

fn main() {}
