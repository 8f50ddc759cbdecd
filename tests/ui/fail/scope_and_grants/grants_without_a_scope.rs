//! A grant is to somebody, for something.

use ablo::AbloModel;

#[derive(AbloModel)]
#[ablo(grants(subject = user))]
pub struct Task {
    pub title: String,
}

fn main() {}
