//! JSON of what?

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: ablo::Json,
}

fn main() {}
