//! An enum of a field derives `AbloEnum`.

use ablo::AbloModel;

pub enum Mood {
    Good,
}

#[derive(AbloModel)]
pub struct Task {
    pub mood: Mood,
}

fn main() {}
