//! The target is a string instead of a type.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = "desks")]
    pub desk_id: Id<Desk>,
}

fn main() {}
