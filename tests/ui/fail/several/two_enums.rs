//! An error in each of two enums and one in the model that uses them.

use ablo::{AbloEnum, AbloModel, UnknownValue};

#[derive(AbloEnum)]
pub enum State {
    Open,
    Done,
}

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(value = 3)]
    Bad,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(AbloModel)]
pub struct Task {
    pub state: State,
    #[ablo(unqiue)]
    pub mood: Mood,
}

fn main() {}
