//! Two variants with the same value.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(value = "good")]
    Fine,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
