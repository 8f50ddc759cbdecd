//! A struct derives `AbloModel`.

use ablo::AbloEnum;

#[derive(AbloEnum)]
pub struct Mood {
    pub good: bool,
}

fn main() {}
