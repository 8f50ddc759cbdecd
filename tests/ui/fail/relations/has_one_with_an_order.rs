//! `order_by` on a `has_one`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_one(item = Item, foreign_key = task_id, order_by = rank))]
pub struct Task {
    pub title: String,
}

fn main() {}
