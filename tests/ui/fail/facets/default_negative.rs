//! A negative default of an unsigned number.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    #[ablo(default = -1)]
    pub title: u32,
}

fn main() {}
