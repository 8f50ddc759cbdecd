//! A relation and a field of one name.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Desk, relation = "title")]
    pub desk_id: Id<Desk>,
}

fn main() {}
