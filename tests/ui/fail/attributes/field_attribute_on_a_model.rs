//! `unique`, an attribute of fields, on a model.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(unique)]
pub struct Task {
    pub title: String,
}

fn main() {}
