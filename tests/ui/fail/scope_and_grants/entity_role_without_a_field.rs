//! `entity_role` without a field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(entity_role(kind = "team"))]
pub struct Task {
    pub title: String,
}

fn main() {}
