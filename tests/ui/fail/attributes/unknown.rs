//! An unknown attribute without a similar known one.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(sparkles)]
pub struct Task {
    pub title: String,
}

fn main() {}
