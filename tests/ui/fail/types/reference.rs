//! A reference: a row owns its values.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: &'static str,
}

fn main() {}
