//! A create with the id of another model as its own.

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
    let desk: Id<Desk> = Id::new("desk_1");
    let _ = Desk::create(DeskCreate { name: "Blue".into() }).id(Id::<Task>::new(desk.as_str()));
}
