//! `order_by` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, foreign_key = task_id, order_bye = rank))]
pub struct Task {
    pub title: String,
}

fn main() {}
