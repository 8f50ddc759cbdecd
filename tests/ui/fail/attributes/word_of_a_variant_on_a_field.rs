//! `value` belongs to a variant.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(value = "x")]
    pub title: String,
}

fn main() {}
