//! The column of a base field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(column = "created_at")]
    pub title: String,
}

fn main() {}
