//! A name that is empty on the wire.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub __: String,
}

fn main() {}
