//! A typename that is not an identifier.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(typename = "My Task")]
pub struct Task {
    pub title: String,
}

fn main() {}
