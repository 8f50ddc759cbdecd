//! `json` as an attribute instead of a type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(json)]
    pub title: String,
}

fn main() {}
