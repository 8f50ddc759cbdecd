//! `tenancy` without a value.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy)]
pub struct Task {
    pub title: String,
}

fn main() {}
