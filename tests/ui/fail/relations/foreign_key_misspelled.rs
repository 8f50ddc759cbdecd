//! `foreign_key` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item, foreign_kye = task_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
