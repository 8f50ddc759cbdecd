//! `parent` without a relation.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(parent)]
    pub desk_id: Id<Desk>,
}

fn main() {}
