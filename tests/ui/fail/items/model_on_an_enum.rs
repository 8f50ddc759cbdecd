//! `AbloModel` on an enum.

use ablo::AbloModel;

#[derive(AbloModel)]
pub enum Task {
    Open,
    Done,
}

fn main() {}
