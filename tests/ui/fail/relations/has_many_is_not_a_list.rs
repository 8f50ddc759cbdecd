//! `has_many` without a list.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many = Item)]
pub struct Task {
    pub title: String,
}

fn main() {}
