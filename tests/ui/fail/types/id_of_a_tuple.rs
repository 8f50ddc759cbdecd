//! An id is the id of one model.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Id<(Task, Task)>,
}

fn main() {}
