//! `grants` without a list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants)]
pub struct Task {
    pub title: String,
}

fn main() {}
