//! The foreign key is a number instead of an id.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    #[ablo(belongs_to = Desk)]
    pub desk_id: f64,
}

fn main() {}
