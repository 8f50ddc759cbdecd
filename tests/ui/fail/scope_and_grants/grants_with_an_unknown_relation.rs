//! `grants` with an unknown relation.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants(subject = user, scope = desk))]
pub struct Task {
    pub title: String,
}

fn main() {}
