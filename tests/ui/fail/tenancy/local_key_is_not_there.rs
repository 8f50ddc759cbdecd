//! No field has the column that leads to the parent.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(parent(local_key = "dsk_id", table = "desks")))]
pub struct Task {
    pub title: String,
}

fn main() {}
