//! `bootstrap` without a list.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(bootstrap = 500)]
pub struct Task {
    pub title: String,
}

fn main() {}
