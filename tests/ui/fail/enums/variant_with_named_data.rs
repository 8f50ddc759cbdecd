//! A variant with named fields.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    Good,
    Bad { why: String },
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
