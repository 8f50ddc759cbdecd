//! Its width depends on the machine.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: isize,
}

fn main() {}
