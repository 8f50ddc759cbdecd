//! Options on a `has_many`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, foreign_key = task_id, parent))]
pub struct Task {
    pub title: String,
}

fn main() {}
