//! A create without a required field.

use ablo::{AbloEnum, AbloModel, Id, UnknownValue};

#[derive(AbloModel)]
pub struct Desk {
    pub name: String,
}

#[derive(AbloEnum)]
pub enum State {
    Open,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(AbloModel)]
pub struct Task {
    pub title: String,
    pub state: State,
    pub rank: Option<i32>,
    pub desk_id: Id<Desk>,
}

fn main() {
    let _ = Task::create(TaskCreate { title: "Write".into(), state: State::Open });
}
