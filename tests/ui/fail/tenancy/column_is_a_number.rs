//! A number instead of a column name.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(column = 1))]
pub struct Task {
    pub title: String,
}

fn main() {}
