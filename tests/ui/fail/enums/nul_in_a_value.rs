//! A value with a NUL character.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(value = "go\0od")]
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
