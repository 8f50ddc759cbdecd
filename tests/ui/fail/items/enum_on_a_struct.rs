//! `AbloEnum` on a struct.

use ablo::AbloEnum;

#[derive(AbloEnum)]
pub struct Mood {
    pub good: bool,
}

fn main() {}
