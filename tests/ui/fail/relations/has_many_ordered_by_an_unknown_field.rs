//! The target has no such field to order by.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, foreign_key = task_id, order_by = rnak))]
pub struct Task {
    pub title: String,
}

fn main() {}
