//! `value` is misspelled.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
pub enum Mood {
    #[ablo(valeu = "fine")]
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
