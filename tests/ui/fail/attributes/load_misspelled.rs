//! `load` is one of three words.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(load = lazzy)]
pub struct Task {
    pub title: String,
}

fn main() {}
