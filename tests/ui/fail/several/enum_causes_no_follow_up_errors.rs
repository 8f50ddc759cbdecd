//! One error in an attribute causes no further errors where the enum is used.

use ablo::{AbloEnum, AbloModel, OpenEnum, UnknownValue};

#[derive(AbloEnum, Clone, Debug, PartialEq)]
#[ablo(rename_al = "kebab-case")]
pub enum State {
    Open,
    #[ablo(other)]
    Other(UnknownValue),
}

#[derive(AbloModel)]
pub struct Task {
    pub state: State,
}

fn main() {
    let _ = (State::VALUES, State::Open.as_str(), State::from("open").to_string());
    let _ = Task::create(TaskCreate { state: State::Open });
}
