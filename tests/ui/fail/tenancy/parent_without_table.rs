//! A parent without a table.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(parent(local_key = "task_id")))]
pub struct Task {
    pub title: String,
}

fn main() {}
