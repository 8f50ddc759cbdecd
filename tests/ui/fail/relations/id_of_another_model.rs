//! The field is the id of another model than the target.

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
