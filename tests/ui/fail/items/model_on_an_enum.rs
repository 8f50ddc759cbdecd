//! A model is a struct.

use ablo::AbloModel;

#[derive(AbloModel)]
pub enum Task {
    Open,
    Done,
}

fn main() {}
