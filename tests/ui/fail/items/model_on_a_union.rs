//! `AbloModel` on a union.

use ablo::AbloModel;

#[derive(AbloModel)]
pub union Task {
    number: u32,
    float: f32,
}

fn main() {}
