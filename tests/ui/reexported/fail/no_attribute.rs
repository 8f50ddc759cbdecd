//! A crate has ablo only from another one, and no attribute says so.

use facade::ablo;

#[derive(ablo::AbloModel, Clone, Debug, PartialEq)]
pub struct Task {
    pub title: String,
}

fn main() {}
