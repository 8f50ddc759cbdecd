//! A limit counts rows.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(bootstrap(limit = -1))]
pub struct Task {
    pub title: String,
}

fn main() {}
