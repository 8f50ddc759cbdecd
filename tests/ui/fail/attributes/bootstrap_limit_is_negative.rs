//! A negative bootstrap limit.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(bootstrap(limit = -1))]
pub struct Task {
    pub title: String,
}

fn main() {}
