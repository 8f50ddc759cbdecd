//! An enum without an `other` variant.

use ablo::AbloEnum;

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    Bad,
}

fn main() {}
