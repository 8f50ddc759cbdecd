//! `base` with a field that is not a base field.

use ablo::AbloModel;

fn main() {}

#[derive(AbloModel)]
#[ablo(base(organisation_id: String))]
pub struct Task {
    pub title: String,
}
