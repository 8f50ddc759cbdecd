//! The target has no such foreign key.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, foreign_key = tsk_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
