//! `relation` without a relation.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(relation = "desk")]
    pub desk_id: Id<Desk>,
}

fn main() {}
