//! A model with a lifetime.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task<'a> {
    pub title: &'a str,
}

fn main() {}
