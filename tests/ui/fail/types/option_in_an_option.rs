//! A field is there or not.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: Option<Option<String>>,
}

fn main() {}
