//! The model has no such foreign key.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(belongs_to(item = Item, foreign_key = item_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
