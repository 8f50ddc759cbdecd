//! JSON is a type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(json)]
    pub title: String,
}

fn main() {}
