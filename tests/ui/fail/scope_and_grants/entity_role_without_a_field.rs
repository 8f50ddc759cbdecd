//! Which field holds it?

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(entity_role(kind = "team"))]
pub struct Task {
    pub title: String,
}

fn main() {}
