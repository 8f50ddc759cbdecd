//! `mutable`, an attribute of models, on a field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(mutable)]
    pub title: String,
}

fn main() {}
