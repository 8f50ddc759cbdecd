//! Only fields that every row has.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(base(organisation_id: String))]
pub struct Task {
    pub title: String,
}

fn main() {}
