//! `string` instead of `String`.

use ablo::AbloModel;

#[derive(AbloModel)]
pub struct Task {
    pub title: string,
}

fn main() {}
