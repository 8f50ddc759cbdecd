//! The other value has to be kept somewhere.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other,
}

fn main() {}
