//! Two relations in one `has_many`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, things = Item, foreign_key = task_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
