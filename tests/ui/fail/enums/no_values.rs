//! An enum without values.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
