//! Fields in orders and filters, with matching models and types.

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

fn equals<M, T>(field: ablo::Field<M, T>, _: impl Into<T>) -> &'static str {
    field.name()
}

fn main() {
    assert_eq!(equals(Task::TITLE, "Write"), "title");
    assert_eq!(equals(Task::RANK, 7), "rank");
    assert_eq!(equals(Task::STATE, State::Open), "state");
    assert_eq!(equals(Task::DESK_ID, "desk_1"), "deskId");
    let _ = (Desk::NAME, Mood::Good);
}
