//! The id of what?

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Id,
}

fn main() {}
