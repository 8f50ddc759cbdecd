//! Two `other` variants.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(UnknownValue),
    #[ablo(other)]
    Unknown(UnknownValue),
}

fn main() {}
