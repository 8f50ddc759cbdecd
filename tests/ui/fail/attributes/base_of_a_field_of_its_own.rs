//! `base` on a field that not every row has.

use ablo::AbloModel;

fn main() {}

#[derive(AbloModel)]
#[ablo(base(organisation_id: String))]
pub struct Task {
    pub title: String,
}
