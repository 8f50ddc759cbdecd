//! `base` without a field.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(base(column = "tenant"))]
pub struct Task {
    pub title: String,
}

fn main() {}
