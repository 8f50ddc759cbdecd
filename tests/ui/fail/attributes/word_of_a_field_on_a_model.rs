//! `unique` belongs to a field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(unique)]
pub struct Task {
    pub title: String,
}

fn main() {}
