//! A model with a type parameter.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task<T> {
    pub title: String,
    pub of: Option<T>,
}

fn main() {}
