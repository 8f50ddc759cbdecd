//! An enum that does not derive `AbloEnum`.

use ablo::AbloModel;

pub enum Mood {
    Good,
}

#[derive(AbloModel)]
pub struct Task {
    pub mood: Mood,
}

fn main() {}
