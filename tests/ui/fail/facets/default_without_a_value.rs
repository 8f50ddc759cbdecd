//! `default` without a value.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default)]
    pub title: String,
}

fn main() {}
