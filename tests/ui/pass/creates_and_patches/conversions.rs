//! Creates and patches accept every type that converts to the field's type.

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
    let required =
        TaskCreate { title: "Write".into(), state: State::Open, desk_id: desk.clone() };
    let create = Task::create(required).with(|it| it.rank(1)).id("task_1");
    assert_eq!(
        serde_json::to_string(&create).unwrap(),
        r#"{"title":"Write","state":"open","rank":1,"deskId":"desk_1"}"#
    );
    let patch = Task::patch()
        .title(String::from("Read"))
        .rank(None)
        .desk_id("desk_2")
        .state(State::from("done"));
    assert_eq!(
        serde_json::to_string(&patch).unwrap(),
        r#"{"title":"Read","state":"done","rank":null,"deskId":"desk_2"}"#
    );
    let task: Id<Task> = desk.clone().cast();
    assert!(desk == "desk_1" && task == Id::new("desk_1"));
    let _ = (Desk::create(DeskCreate { name: "Blue".into() }), Mood::Good);
}
