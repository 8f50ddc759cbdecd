//! The value of `plane` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(plane = "controll")]
pub struct Task {
    pub title: String,
}

fn main() {}
