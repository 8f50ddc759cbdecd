//! Two relations with the same name.

use ablo::{AbloModel, Id};

fn main() {}

#[derive(AbloModel)]
pub struct User {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    #[ablo(belongs_to = User, relation = "owner")]
    pub owner_id: Id<User>,
    #[ablo(belongs_to = User, relation = "owner")]
    pub author_id: Id<User>,
}
