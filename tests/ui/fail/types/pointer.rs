//! A raw pointer.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: *const u8,
}

fn main() {}
