//! Newer writers may know more values.

use ablo::AbloEnum;

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    Bad,
}

fn main() {}
