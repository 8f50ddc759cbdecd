//! Both a column and a parent.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(tenancy(column = "org_id", parent(local_key = "desk_id", table = "desks")))]
pub struct Task {
    pub title: String,
}

fn main() {}
