//! A variant with unnamed fields.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    Bad(String),
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
