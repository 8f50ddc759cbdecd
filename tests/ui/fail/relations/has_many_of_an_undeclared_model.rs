//! The target is not declared.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Itm, foreign_key = task_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
