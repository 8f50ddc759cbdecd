//! A field with the name of a base field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    pub organization_id: String,
}

fn main() {}
