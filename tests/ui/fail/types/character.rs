//! A `char` instead of a `String`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: char,
}

fn main() {}
