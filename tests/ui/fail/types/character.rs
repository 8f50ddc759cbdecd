//! A character is a text.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: char,
}

fn main() {}
