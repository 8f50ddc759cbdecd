//! An `Option` of an `Option`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Option<Option<String>>,
}

fn main() {}
