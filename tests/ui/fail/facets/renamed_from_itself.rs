//! A field renamed from itself.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(renamed_from = "title")]
    pub title: String,
}

fn main() {}
