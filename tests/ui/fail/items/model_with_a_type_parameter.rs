//! A model is one type.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task<T> {
    pub title: String,
    pub of: Option<T>,
}

fn main() {}
