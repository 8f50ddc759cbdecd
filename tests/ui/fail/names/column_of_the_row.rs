//! A column that every table has.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(column = "created_at")]
    pub title: String,
}

fn main() {}
