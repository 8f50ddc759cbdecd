//! The local key is not a column of the model.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(parent(local_key = "dsk_id", table = "desks")))]
pub struct Task {
    pub title: String,
}

fn main() {}
