//! A list without `Json`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Vec<String>,
}

fn main() {}
