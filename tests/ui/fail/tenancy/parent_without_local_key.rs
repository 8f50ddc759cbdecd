//! A parent without a local key.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(parent(table = "desks")))]
pub struct Task {
    pub title: String,
}

fn main() {}
