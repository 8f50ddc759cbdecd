//! An enum of nothing.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
