//! The target is not a model.

use ablo::{AbloModel, Id};

pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Desk)]
    pub desk_id: Id<Desk>,
}

fn main() {}
