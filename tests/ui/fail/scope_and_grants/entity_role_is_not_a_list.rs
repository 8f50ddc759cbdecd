//! `entity_role` without a list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(entity_role = "team")]
pub struct Task {
    pub title: String,
}

fn main() {}
