//! A value is a text.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(value = 1)]
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
