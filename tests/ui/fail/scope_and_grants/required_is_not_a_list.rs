//! `required` without a list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(required = title)]
pub struct Task {
    pub title: String,
}

fn main() {}
