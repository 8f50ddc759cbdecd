//! No database keeps NUL in text.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(value = "go\0od")]
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
