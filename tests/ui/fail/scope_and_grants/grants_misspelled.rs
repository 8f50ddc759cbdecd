//! `subject` is misspelled.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants(subjct = user, scope = desk))]
pub struct Task {
    pub title: String,
}

fn main() {}
