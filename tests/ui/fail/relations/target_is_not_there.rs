//! A relation leads to a model that is there.

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
