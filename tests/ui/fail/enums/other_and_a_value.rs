//! The `other` variant with a value.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other, value = "other")]
    Other(UnknownValue),
}

fn main() {}
