//! A field was called something else.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(renamed_from = "title")]
    pub title: String,
}

fn main() {}
