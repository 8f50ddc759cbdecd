//! `rename_all` is misspelled.

use ablo::{AbloEnum, UnknownValue};

#[derive(AbloEnum)]
#[ablo(rename_al = "kebab-case")]
pub enum Mood {
    Good,
    #[ablo(other)]
    Other(UnknownValue),
}

fn main() {}
