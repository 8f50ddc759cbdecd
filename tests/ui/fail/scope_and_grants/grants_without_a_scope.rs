//! `grants` without a scope.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants(subject = user))]
pub struct Task {
    pub title: String,
}

fn main() {}
