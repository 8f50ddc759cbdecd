//! A number as an enum value.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(value = 1)]
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
