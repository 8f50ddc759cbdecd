//! A name of which nothing is left on the wire.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub __: String,
}

fn main() {}
