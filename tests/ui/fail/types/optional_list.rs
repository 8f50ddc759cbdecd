//! An optional list without `Json`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Option<Vec<u8>>,
}

fn main() {}
