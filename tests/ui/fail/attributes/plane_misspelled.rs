//! `plane` is one of two words.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(plane = "controll")]
pub struct Task {
    pub title: String,
}

fn main() {}
