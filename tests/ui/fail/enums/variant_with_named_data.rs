//! A value is a text and nothing else.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    Bad { why: String },
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
