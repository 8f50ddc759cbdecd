//! `decimal` on a string.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(decimal(12, 2))]
    pub title: String,
}

fn main() {}
