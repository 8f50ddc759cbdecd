//! A text does not say where the relation leads.

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
