//! A column name that SQL would have to quote.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(column = "org id"))]
pub struct Task {
    pub title: String,
}

fn main() {}
