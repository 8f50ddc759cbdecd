//! The target is not declared.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Dessk)]
    pub desk_id: String,
}

fn main() {}
