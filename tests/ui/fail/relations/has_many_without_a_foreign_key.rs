//! `has_many` without a foreign key.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(items = Item))]
pub struct Task {
    pub title: String,
}

fn main() {}
