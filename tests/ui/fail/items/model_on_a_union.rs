//! A model is a struct.

use ablo::AbloModel;

#[derive(AbloModel)]
pub union Task {
    number: u32,
    float: f32,
}

fn main() {}
