//! `local_key` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(parent(local_kye = "desk_id", table = "desks")))]
pub struct Task {
    pub title: String,
}

fn main() {}
