//! An `other` variant without a field.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other,
}

fn main() {}
