//! The source of `auto_fill` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(auto_fill(title = usr_id))]
pub struct Task {
    pub title: String,
}

fn main() {}
