//! `index`, an option of a relation, instead of `indexed`.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(index)]
    pub desk_id: Id<Desk>,
}

fn main() {}
