//! The variant for other values has no value of its own.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other, value = "other")]
    Other(UnknownValue),
}

fn main() {}
