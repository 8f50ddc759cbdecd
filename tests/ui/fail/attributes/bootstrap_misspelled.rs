//! `limit` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(bootstrap(limti = 500))]
pub struct Task {
    pub title: String,
}

fn main() {}
