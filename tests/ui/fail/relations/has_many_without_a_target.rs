//! `has_many` without a target.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Item {
    pub task_id: ablo::Id<Task>,
    pub rank: f64,
}

#[derive(AbloModel)]
#[ablo(has_many(foreign_key = task_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
