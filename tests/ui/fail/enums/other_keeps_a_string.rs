//! An `other` variant with a `String`.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(String),
}

fn main() {}
