//! An unknown generic type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Maybe<String>,
}

fn main() {}
