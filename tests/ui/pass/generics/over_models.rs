//! Code that is generic over models and enums.

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

use ablo::{Create, Model, OpenEnum, Row};

fn table<M: Model>(_: Option<Row<M>>) -> &'static str {
    M::DESCRIPTOR.table
}

fn send<M: Model>(create: &Create<M>) -> String {
    serde_json::to_string(create).unwrap()
}

fn count<E: OpenEnum>() -> usize {
    E::VALUES.len()
}

fn main() {
    assert_eq!(table::<Task>(None), "task");
    assert_eq!(send(&Desk::create(DeskCreate { name: "Blue".into() })), r#"{"name":"Blue"}"#);
    assert_eq!(count::<State>() + count::<Mood>(), 2);
}
