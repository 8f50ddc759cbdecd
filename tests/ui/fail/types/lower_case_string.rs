//! A type of another language.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: string,
}

fn main() {}
