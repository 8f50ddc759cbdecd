//! `value`, an attribute of variants, on a field.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(value = "x")]
    pub title: String,
}

fn main() {}
