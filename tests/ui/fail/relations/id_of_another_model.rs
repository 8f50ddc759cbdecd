//! The relation says one model and the id another.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Desk)]
    pub desk_id: Id<Task>,
}

fn main() {}
