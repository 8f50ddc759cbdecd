//! `required` with an unknown field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(required(titel))]
pub struct Task {
    pub title: String,
}

fn main() {}
