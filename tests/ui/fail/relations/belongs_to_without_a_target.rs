//! The target cannot be derived from a `String`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to)]
    pub desk_id: String,
}

fn main() {}
