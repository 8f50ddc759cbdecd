//! `Id` of a tuple instead of a model.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Id<(Task, Task)>,
}

fn main() {}
