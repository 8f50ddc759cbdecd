//! Two relations of one name.

use ablo::{AbloModel, Id};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Desk, relation = "place")]
    pub desk_id: Id<Desk>,
    #[ablo(belongs_to = Desk, relation = "place")]
    pub home_id: Id<Desk>,
}

fn main() {}
