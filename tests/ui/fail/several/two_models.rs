//! An error in each of two models.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub tags: Vec<String>,
}

#[derive(AbloModel)]
#[ablo(tabel = "desks")]
pub struct Desk {
    pub name: String,
}

fn main() {}
