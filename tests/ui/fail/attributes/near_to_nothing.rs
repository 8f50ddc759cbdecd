//! A word that is near to none that there is.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(sparkles)]
pub struct Task {
    pub title: String,
}

fn main() {}
